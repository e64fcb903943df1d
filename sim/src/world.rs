//! The world of a simulation: everything that there is, on one clock that jumps from event to event. Owns time, chance and the order of events.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use fastrand::Rng;
use resonate_core::address::Mailbox;
use resonate_core::id::Id;
use resonate_core::message::Message;
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::{Millis, Timestamp};
use resonate_core::write::Write;

use crate::call::{Call, Who};
use crate::generator::{Generator, NEW_YEAR};
use crate::linear::{self, Contradiction};
use crate::plan::{Fault, Options, Plan};
use crate::reference::Reference;
use crate::server::Server;
use crate::store::SimStore;
use crate::witness::{Sent, Witness};
use crate::worker::Worker;

/// Deadlines of workflows lie so far behind the beginning, the New Year: nobody meets one.
pub(crate) const HORIZON: u64 = 10 * 365 * 86_400_000;

/// Something that happens at an instant.
#[derive(Debug)]
pub(crate) enum Event {
    /// A request reaches a server.
    Arrives { server: usize, sent: Sent },
    /// An answer reaches who has asked; none means that the server could not say.
    Answered { sent: Sent, reply: Option<Reply> },
    /// Nobody has answered for long.
    Expires { call: u64, attempt: u32 },
    /// A message reaches a worker.
    Told { worker: usize, message: Message },
    /// What became of a message reaches the server that has sent it.
    Reported { server: usize, epoch: u64, report: Request },
    /// A server does what there is to do.
    Turn { server: usize, epoch: u64, turn: u64 },
    /// A server hears of a mailbox that has been filled.
    Notified { server: usize, mailbox: Mailbox },
    /// A client does something.
    ClientActs,
    /// Somebody settles a promise that a workflow waits for.
    PersonActs { id: Id },
    /// A worker extends its leases.
    Beats { worker: usize },
    /// A worker connects to a server.
    Connects { worker: usize },
    /// A crashed server starts.
    Starts { server: usize },
    /// Faults that need no occasion.
    Weather,
    /// The store can be written again.
    DiskHasRoom,
}

/// A worker, and what is around it.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) worker: Worker,
    /// The server that its connection leads to.
    pub(crate) server: Option<usize>,
    /// It does nothing before this instant.
    pub(crate) paused_until: u64,
}

/// What a simulation has seen beside its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Transactions that took effect.
    pub transactions: u64,
    /// Those that ran inside others.
    pub rivals: u64,
    /// Conflicts.
    pub conflicts: u64,
    /// Transactions that failed for their server.
    pub failures: u64,
    /// Crashes of servers.
    pub crashes: u64,
    /// Reads that were answered beside the writer.
    pub reads: u64,
    /// Messages that reached workers.
    pub messages: u64,
    /// Workflows that have ended.
    pub workflows: u64,
    /// Transmissions whose answers were checked in the end.
    pub checked: u64,
    /// Parts of what clients have seen for which no order was found, and not every one tried.
    pub given_up: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self { transactions, rivals, conflicts, failures, crashes, reads, messages, workflows, checked, given_up } =
            other;
        self.transactions += transactions;
        self.rivals += rivals;
        self.conflicts += conflicts;
        self.failures += failures;
        self.crashes += crashes;
        self.reads += reads;
        self.messages += messages;
        self.workflows += workflows;
        self.checked += checked;
        self.given_up += given_up;
    }
}

/// The dials of the machine with which servers are compared: theirs.
#[cfg(not(feature = "mutants"))]
fn reference_rules(_: &Options, plan: &Plan) -> Rules {
    plan.rules.clone()
}

/// The dials of the machine with which servers are compared: theirs, but for a guard that it does not leave out.
#[cfg(feature = "mutants")]
fn reference_rules(options: &Options, plan: &Plan) -> Rules {
    Rules { mutant: options.mutant.filter(|_| !options.beside_sound), ..plan.rules.clone() }
}

/// Everything that there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) plan: Plan,
    pub(crate) now: u64,
    /// Each in a place of its own: they are large, and a tree moves what it holds.
    events: BTreeMap<(u64, u64), Box<Event>>,
    number: u64,
    pub(crate) store: SimStore,
    /// How far the store's clock is ahead.
    pub(crate) store_ahead: i64,
    pub(crate) reference: Reference,
    /// What was committed and has not been compared with the reference yet.
    pub(crate) written: Vec<Write>,
    pub(crate) servers: Vec<Server>,
    pub(crate) posts: Vec<Post>,
    pub(crate) calls: BTreeMap<u64, Call>,
    pub(crate) next_call: u64,
    pub(crate) strangers: Generator,
    /// Workflows that clients have begun to start.
    pub(crate) roots: u64,
    /// Promises that somebody is going to settle.
    pub(crate) asked: BTreeSet<Id>,
    /// Whether faults and new work are over.
    pub(crate) is_calm: bool,
    pub(crate) counts: Counts,
    /// Faults that have happened.
    pub(crate) struck: BTreeSet<Fault>,
    pub(crate) witness: Witness,
}

impl World {
    pub(crate) fn new(options: &Options) -> Self {
        let mut rng = Rng::with_seed(options.seed);
        let plan = Plan::draw(options, &mut rng);
        let store = SimStore::new(&plan);
        let reference = Reference::new(reference_rules(options, &plan), options.with_log);
        let strangers = Generator::new(rng.u64(..));
        let servers = (0..plan.servers).map(|_| Server::new()).collect();
        let posts = (0..plan.workers).map(|number| {
            let ttl = [500, 2_000, 10_000, 60_000][rng.u64(..4) as usize];
            let worker = Worker::new(&format!("worker-{number}"), Millis::saturating(ttl), rng.u64(..10));
            Post { worker, server: None, paused_until: 0 }
        });
        let posts = posts.collect();
        let mut world = Self {
            rng,
            plan,
            now: NEW_YEAR,
            events: BTreeMap::new(),
            number: 0,
            store,
            store_ahead: 0,
            reference,
            written: Vec::new(),
            servers,
            posts,
            calls: BTreeMap::new(),
            next_call: 0,
            strangers,
            roots: 0,
            asked: BTreeSet::new(),
            is_calm: false,
            counts: Counts::default(),
            struck: BTreeSet::new(),
            witness: Witness::new(options.linearize),
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for server in 0..self.servers.len() {
            self.after(0, Event::Starts { server });
        }
        for worker in 0..self.posts.len() {
            let pause = self.rng.u64(..2_000);
            self.after(pause, Event::Connects { worker });
            self.after(500, Event::Beats { worker });
        }
        self.after(1, Event::ClientActs);
        self.after(100, Event::Weather);
    }

    /// Lets something happen so many milliseconds from now.
    pub(crate) fn after(&mut self, pause: u64, event: Event) {
        self.number += 1;
        self.events.insert((self.now + pause, self.number), Box::new(event));
    }

    /// True time.
    pub(crate) fn instant(&self) -> Timestamp {
        Timestamp::saturating(self.now)
    }

    /// When workflows time out.
    pub(crate) fn horizon() -> Timestamp {
        Timestamp::saturating(NEW_YEAR + HORIZON)
    }

    /// Milliseconds since the beginning.
    pub(crate) fn age(&self) -> u64 {
        self.now - NEW_YEAR
    }

    /// Whether a fault happens on this occasion.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        // Drawn in any case: a world without a fault is otherwise the same.
        let strikes = self.rng.u32(..1000) < self.plan.rate(fault) && !self.is_calm;
        if strikes {
            self.struck.insert(fault);
        }
        strikes
    }

    /// Goes on until so many requests have taken effect, or something is wrong.
    pub(crate) fn run(&mut self, steps: u64) {
        while self.reference.steps() < steps && self.reference.violation().is_none() {
            self.step();
        }
    }

    /// The next event.
    pub(crate) fn step(&mut self) {
        let Some(((at, _), event)) = self.events.pop_first() else { return };
        // After a standstill everything is late.
        self.now = self.now.max(at);
        match *event {
            Event::Arrives { server, sent } => self.arrives(server, sent),
            Event::Answered { sent, reply } => self.answered(sent, reply),
            Event::Expires { call, attempt } => self.expires(call, attempt),
            Event::Told { worker, message } => self.told(worker, message),
            Event::Reported { server, epoch, report } => self.reported(server, epoch, report),
            Event::Turn { server, epoch, turn } => self.turn(server, epoch, turn),
            Event::Notified { server, mailbox } => self.notified(server, mailbox),
            Event::ClientActs => self.client_acts(),
            Event::PersonActs { id } => self.person_acts(id),
            Event::Beats { worker } => self.beats(worker),
            Event::Connects { worker } => self.connects(worker),
            Event::Starts { server } => self.starts(server),
            Event::Weather => self.weather(),
            Event::DiskHasRoom => self.store.set_full(false),
        }
    }

    /// Judges the whole state, and whether the store holds it.
    pub(crate) fn judge_all(&mut self) {
        self.reference.judge();
        if self.store.snapshot() != *self.reference.state() {
            self.reference.fault("simulation_store_equals_reference", || "the whole state".to_owned());
        }
    }

    /// Looks for an order in which the machine says what clients were told.
    pub(crate) fn linearize(&mut self) -> Option<Contradiction> {
        let witness = std::mem::replace(&mut self.witness, Witness::new(false));
        let checked = linear::check(&witness.into_history(self.plan.rules.clone(), self.reference.has_removed()));
        self.counts.checked += checked.operations as u64;
        self.counts.given_up += checked.gave_up as u64;
        let contradiction = checked.contradiction?.shrunk();
        self.reference.fault("simulation_history_has_an_order", || contradiction.to_string());
        Some(contradiction)
    }

    /// A worker is told something. One that is paused hears it when it comes back.
    fn told(&mut self, worker: usize, message: Message) {
        let post = &mut self.posts[worker];
        if post.paused_until > self.now {
            let pause = post.paused_until - self.now;
            self.after(pause, Event::Told { worker, message });
            return;
        }
        self.counts.messages += 1;
        match message {
            Message::Execute { task, version } => {
                if let Some(request) = post.worker.execute(&task, version) {
                    self.call(Who::Run { worker, task }, request);
                }
            }
            Message::Unblock { promise: _ } => {}
        }
    }

    fn beats(&mut self, worker: usize) {
        let post = &self.posts[worker];
        if post.paused_until <= self.now
            && let Some(request) = post.worker.heartbeat()
        {
            self.call(Who::Nobody, request);
        }
        self.after(400, Event::Beats { worker });
    }

    /// Connects a worker to a server that is there, or tries again.
    fn connects(&mut self, worker: usize) {
        let server = self.rng.u64(..self.plan.servers) as usize;
        if !self.servers[server].is_up() {
            self.after(300, Event::Connects { worker });
            return;
        }
        self.posts[worker].server = Some(server);
        self.pull_for_its_workers(server);
    }

    /// Ends the connection of a worker; it comes back somewhere.
    pub(crate) fn disconnect(&mut self, worker: usize) {
        self.posts[worker].server = None;
        let pause = self.rng.u64(1..1_500);
        self.after(pause, Event::Connects { worker });
    }
}
