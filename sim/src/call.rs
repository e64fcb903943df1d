//! Requests on their way, and those who have sent them: clients, workers, people, and strangers that know nothing of workflows. Owns the network
//! between them and the servers: what is lost, doubled, late, and sent again.

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::limits::DISCHARGE_PER_REQUEST_MAX;
use resonate_core::promise::{Tags, tag};
use resonate_core::read::Read;
use resonate_core::reply::{Refusal, Reply};
use resonate_core::request::{CreatePromise, Request};
use resonate_core::time::Timestamp;
use resonate_core::value::Value;

use crate::plan::Fault;
use crate::server::Origin;
use crate::witness::Sent;
use crate::workflow;
use crate::world::{Event, World};

/// Silence after which a request is sent again.
const PATIENCE: u64 = 1_500;
/// How often a request is sent before its sender gives up.
const ATTEMPTS_MAX: u32 = 6;
/// Listeners of a promise that many wait for.
const CROWD: usize = DISCHARGE_PER_REQUEST_MAX + 40;

/// Who has sent a request.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// A run of a worker.
    Run { worker: usize, task: Id },
    /// A client that starts this workflow.
    Client { root: Id },
    /// Somebody who settles this promise.
    Person { id: Id },
    /// Nobody who would do anything about the answer.
    Nobody,
}

/// A request that nobody has answered yet.
#[derive(Debug)]
pub(crate) struct Call {
    who: Who,
    pub(crate) request: Request,
    attempt: u32,
}

impl World {
    /// Sends a request.
    pub(crate) fn call(&mut self, who: Who, request: Request) {
        let call = self.next_call;
        self.next_call += 1;
        if let Who::Run { worker, task } = &who {
            self.posts[*worker].worker.awaits(task, call);
        }
        self.calls.insert(call, Call { who, request, attempt: 0 });
        self.transmit(call);
    }

    /// The time that something takes on the network.
    pub(crate) fn latency(&mut self) -> u64 {
        let usual = self.rng.u64(1..6);
        if self.strikes(Fault::Delayed) { usual + self.rng.u64(..3_000) } else { usual }
    }

    fn transmit(&mut self, call: u64) {
        let Some(sent) = self.calls.get_mut(&call) else { return };
        sent.attempt += 1;
        let attempt = sent.attempt;
        let server = self.rng.u64(..self.plan.servers) as usize;
        if !self.strikes(Fault::Lost) {
            let latency = self.latency();
            self.set_out(call, server, latency);
        }
        if self.strikes(Fault::Doubled) {
            let latency = self.latency();
            let server = self.rng.u64(..self.plan.servers) as usize;
            self.set_out(call, server, latency);
        }
        self.after(PATIENCE, Event::Expires { call, attempt });
    }

    /// One transmission, which arrives.
    fn set_out(&mut self, call: u64, server: usize, latency: u64) {
        if let Some(sent) = self.sent(call) {
            self.after(latency, Event::Arrives { server, sent });
        }
    }

    fn sent(&mut self, call: u64) -> Option<Sent> {
        let at = self.instant();
        let Call { who, request, .. } = self.calls.get(&call)?;
        let client = match who {
            Who::Run { worker, task: _ } => *worker as u64,
            // One lane for each call of whoever is no worker.
            Who::Client { .. } | Who::Person { .. } | Who::Nobody => self.plan.workers + call,
        };
        Some(self.witness.sent(call, client, request, at))
    }

    pub(crate) fn expires(&mut self, call: u64, attempt: u32) {
        let Some(sent) = self.calls.get(&call) else { return };
        if sent.attempt != attempt {
            return;
        }
        if sent.attempt < ATTEMPTS_MAX || self.is_calm {
            self.transmit(call);
            return;
        }
        match self.calls.remove(&call).expect("it was there").who {
            Who::Run { worker, task } if self.posts[worker].worker.is_awaited(&task, call) => {
                self.posts[worker].worker.give_up(&task);
            }
            // Of a run that has ended.
            Who::Run { worker: _, task: _ } => {}
            // Nobody starts a workflow and leaves: they come back later.
            Who::Client { root } => self.start(root),
            Who::Person { id } => self.after(PATIENCE, Event::PersonActs { id }),
            Who::Nobody => {}
        }
    }

    /// Sends an answer on its way, or that there is none.
    pub(crate) fn answer(&mut self, sent: Sent, reply: Option<(Reply, Timestamp)>) {
        let (at, latest) = (self.instant(), self.reference.seen());
        self.witness.done(sent, reply.as_ref().map(|(reply, now)| (reply, *now)), at, latest);
        if !self.strikes(Fault::Lost) {
            let latency = self.latency();
            self.after(latency, Event::Answered { sent, reply: reply.map(|(reply, _)| reply) });
        }
    }

    /// Servers that are gone answer nobody.
    pub(crate) fn leave(&mut self, origins: &[Origin]) {
        let (at, latest) = (self.instant(), self.reference.seen());
        for origin in origins {
            match origin {
                Origin::Call(sent) => self.witness.done(*sent, None, at, latest),
                Origin::Own => {}
            }
        }
    }

    pub(crate) fn answered(&mut self, sent: Sent, reply: Option<Reply>) {
        let (call, at) = (sent.call, self.instant());
        self.witness.heard(sent, at);
        // Whoever is told that the server could not say asks again after a while; what may have happened is not known.
        let (Some(reply), Some(asked)) = (reply, self.calls.get(&call)) else { return };
        if let Who::Run { worker, task: _ } = &asked.who {
            let paused_until = self.posts[*worker].paused_until;
            if paused_until > self.now {
                let pause = paused_until - self.now;
                self.after(pause, Event::Answered { sent, reply: Some(reply) });
                return;
            }
        }
        let Call { who, .. } = self.calls.remove(&call).expect("it was there");
        match who {
            Who::Run { worker, task } => self.run_answered(worker, task, call, &reply),
            Who::Client { root: _ } | Who::Nobody => {}
            Who::Person { id } => match reply {
                Reply::Refused(Refusal::NotFound(_)) => self.after(PATIENCE, Event::PersonActs { id }),
                _ => drop(self.asked.remove(&id)),
            },
        }
    }

    fn run_answered(&mut self, worker: usize, task: Id, call: u64, reply: &Reply) {
        if let Reply::Fenced(inner) = reply
            && let Reply::Created { promise, fresh: _ } = &**inner
            && workflow::is_asked(&promise.id)
            && promise.settled_at.is_none()
            && self.asked.insert(promise.id.clone())
        {
            let pause = self.rng.u64(..20_000);
            self.after(pause, Event::PersonActs { id: promise.id.clone() });
        }
        if !self.posts[worker].worker.is_awaited(&task, call) {
            return;
        }
        let (now, luck) = (self.instant(), self.rng.u64(..100));
        let luck = if self.is_calm { 100 } else { luck };
        if let Some(request) = self.posts[worker].worker.answered(&task, reply, now, luck) {
            self.call(Who::Run { worker, task }, request);
        }
    }

    pub(crate) fn person_acts(&mut self, id: Id) {
        let settle = workflow::verdict(&id);
        self.call(Who::Person { id }, Request::SettlePromise(settle));
    }

    fn start(&mut self, root: Id) {
        let create = workflow::start(&root, Self::horizon());
        self.call(Who::Client { root }, Request::CreatePromise(create));
    }

    /// A client starts a workflow, looks at one, or is a stranger.
    pub(crate) fn client_acts(&mut self) {
        if self.is_calm {
            return;
        }
        if self.rng.u64(..100) < self.plan.strangers {
            match self.rng.u64(..400) {
                0..2 => self.crowd_acts(),
                // Many at once and about the same, so that they meet.
                2..200 => {
                    if self.rng.u64(..4) == 0 {
                        self.strangers.turn_over();
                    }
                    let about = self.strangers.any_promise();
                    self.strangers.focus(Some(about));
                    (0..self.rng.u64(2..16)).for_each(|_| self.stranger_acts());
                    self.strangers.focus(None);
                }
                _ => self.stranger_acts(),
            }
        } else if self.roots < self.plan.workflows && self.rng.u64(..4) == 0 {
            let root = workflow::root(self.roots);
            self.roots += 1;
            self.start(root);
        } else if self.roots > 0 {
            let root = workflow::root(self.rng.u64(..self.roots));
            let request = if self.rng.u64(..4) == 0 {
                let address = Address::parse("http://listener.test/").expect("an address");
                Request::RegisterListener { awaited: root, address }
            } else {
                Request::GetPromise { id: root }
            };
            self.call(Who::Nobody, request);
        }
        let pause = match self.rng.u64(..20) {
            0 => self.rng.u64(..2_000),
            1..10 => self.rng.u64(..100),
            _ => self.rng.u64(..10),
        };
        self.after(pause, Event::ClientActs);
    }

    /// More listeners of one promise than one request discharges.
    fn crowd_acts(&mut self) {
        let crowd = self.next_call;
        let id = Id::parse(&format!("crowd-{crowd}")).expect("an id");
        let tags = Tags::from([(tag::EXTERNAL.to_owned(), "true".to_owned())]);
        let timeout_at = Self::horizon();
        let create = CreatePromise { id: id.clone(), timeout_at, param: Value::default(), tags, key: None };
        self.call(Who::Nobody, Request::CreatePromise(create));
        for listener in 0..CROWD {
            let address = Address::parse(&format!("http://crowd.test/{listener}")).expect("an address");
            self.call(Who::Nobody, Request::RegisterListener { awaited: id.clone(), address });
        }
        self.after(PATIENCE, Event::PersonActs { id });
    }

    fn stranger_acts(&mut self) {
        if let Some(request) = self.strange_request() {
            self.call(Who::Nobody, request);
        }
    }

    /// Any request that leaves workflows alone.
    fn strange_request(&mut self) -> Option<Request> {
        let now = self.instant();
        self.strangers.go_on_from(now);
        let request = self.strangers.client_request(self.reference.state());
        (!request.hints().iter().any(names_a_workflow)).then_some(request)
    }

    /// Strangers ask a server, at this very moment, about what others are asked about.
    pub(crate) fn strangers_meddle(&mut self, server: usize, others: &[Request]) {
        let other = &others[self.rng.u64(..others.len() as u64) as usize];
        let mut hints = other.hints();
        hints.retain(|read| matches!(read, Read::Promise(_)) && !names_a_workflow(read));
        let (Some(Read::Promise(id)), true) = (hints.pop(), self.plan.strangers > 0) else { return };
        self.strangers.focus(Some(id));
        for _ in 0..self.rng.u64(2..8) {
            if let Some(request) = self.strange_request() {
                let call = self.next_call;
                self.next_call += 1;
                let attempt = ATTEMPTS_MAX;
                self.calls.insert(call, Call { who: Who::Nobody, request: request.clone(), attempt });
                self.after(PATIENCE, Event::Expires { call, attempt });
                let sent = self.sent(call);
                self.servers[server].queue.extend(sent.map(|sent| (request, Origin::Call(sent))));
            }
        }
        self.strangers.focus(None);
    }
}

fn names_a_workflow(read: &Read) -> bool {
    match read {
        Read::Promise(id) | Read::Task(id) | Read::Schedule(id) => workflow::is_ours(id.as_str()),
        Read::Message(key) => workflow::is_ours(key.id().as_str()),
        Read::CallbacksOf { awaited: id, .. }
        | Read::ListenersOf { awaited: id, .. }
        | Read::UnblocksOf { promise: id, .. }
        | Read::ReferringTo { id, .. } => workflow::is_ours(id.as_str()),
        Read::HeldBy { .. }
        | Read::Branch { .. }
        | Read::Promises { .. }
        | Read::Tasks { .. }
        | Read::Schedules { .. } => false,
    }
}
