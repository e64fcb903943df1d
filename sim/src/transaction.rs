//! The transactions of servers: how they end, which of them overlap, what the machine says to them, and what becomes of their answers and messages.

use std::collections::BTreeMap;

use resonate_core::Decision;
use resonate_core::address::{Mailbox, Route};
use resonate_core::batch::{Finished, Outcome};
use resonate_core::drive::{self, TxError};
use resonate_core::due::DueKind;
use resonate_core::effect::Effect;
use resonate_core::limits::{BATCH_CONFLICTS_MAX, MESSAGE_JITTER_PERMILLE_MAX};
use resonate_core::message::{Delivery, Message};
use resonate_core::mutant::Mutant;
use resonate_core::request::Request;
use resonate_core::time::Timestamp;

use crate::answer::wrong_in_message;
use crate::neighbourhood::Touched;
use crate::overlap::{Overlap, Places, is_same, outcomes, run_by};
use crate::plan::Fault;
use crate::server::{DUE_MAX, Origin, Work};
use crate::store::{Committed, Fate, Isolation, Rival, StoreError};
use crate::workflow::GROUP;
use crate::world::{Event, World};

/// What running requests came to.
type Ran = Result<Finished, TxError<StoreError>>;

/// A server whose transaction runs inside another one's.
struct Guest {
    server: usize,
    work: Work,
    now: Timestamp,
}

/// Where a transaction stands to another one.
enum Stands {
    /// There is none.
    Alone,
    /// Inside one of which something stands before it.
    Inside(Inside),
    /// Around one.
    Around(Around),
}

/// A transaction that has seen nothing of what stands before it.
struct Inside {
    /// What the machine says without that.
    alone: Finished,
    /// What of it the machine has not done yet.
    left: Vec<Request>,
}

/// A transaction inside which another one ran.
struct Around {
    places: Places,
    /// What the machine has said to what it has done of it, by places.
    said: BTreeMap<usize, Decision>,
}

impl World {
    /// How the next transaction ends, and whether its server does not survive it.
    fn draw_fate(&mut self) -> (Fate, bool) {
        if self.strikes(Fault::CrashBeforeCommit) {
            return (Fate::Lost, true);
        }
        if self.strikes(Fault::CrashAfterCommit) {
            return (if self.rng.bool() { Fate::Kept } else { Fate::Commits }, true);
        }
        if self.strikes(Fault::LostAcknowledgement) {
            return (Fate::Kept, false);
        }
        if self.strikes(Fault::FailedSync) {
            return (if self.rng.bool() { Fate::Kept } else { Fate::Lost }, false);
        }
        (Fate::Commits, false)
    }

    /// Runs a batch, perhaps with another server's inside it. Whether the store took it.
    pub(crate) fn run_batch(&mut self, server: usize, work: Work, now: Timestamp, is_reachable: bool) -> bool {
        let (fate, dies) = self.draw_fate();
        let conflicts = if self.strikes(Fault::Conflict) { self.rng.u32(1..4) } else { 0 };
        let guest = self.invite(server, &work.requests);
        self.store.expect(fate, conflicts, is_reachable);
        let ran = drive::run(&mut self.store, &self.plan.rules, &work.requests, now);
        let (left, came_to) = self.store.take_rival();
        let mut committed = self.store.take_committed().into_iter();
        let others = if matches!(came_to, Some(Ok(_))) { committed.next() } else { None };
        let own = committed.next();
        let (inside, around) = match (&guest, &came_to, &own) {
            // Who was tried again behind the other one has not overlapped with it.
            (Some(guest), Some(Ok(finished)), Some(own))
                if others.as_ref().is_some_and(|others| others.attempts == own.attempts) =>
            {
                self.overlapped(&work.requests, &ran, own, now, (&guest.work.requests, finished))
            }
            (Some(_) | None, _, _) => (Stands::Alone, Stands::Alone),
        };
        let mut waiting = None;
        match (guest, came_to) {
            (Some(guest), Some(came_to)) => {
                self.counts.rivals += 1;
                self.judge(&guest.work, &came_to, others, guest.now, inside);
                self.take(guest.server, guest.work, came_to);
            }
            (guest, None) => waiting = guest,
            (None, Some(_)) => unreachable!("nobody was invited"),
        }
        debug_assert_eq!(left.is_some(), waiting.is_some(), "a guest runs or waits");
        self.judge(&work, &ran, own, now, around);
        self.compare_rows();
        let took = ran.is_ok();
        if dies {
            self.leave(&work.origins);
            self.crash(server);
        } else {
            self.take(server, work, ran);
        }
        // Who has found no transaction to run in, or had to wait for its rows, runs now.
        if let Some(Guest { server, work, now }) = waiting {
            self.run_alone(server, work, now);
        }
        took
    }

    fn run_alone(&mut self, server: usize, work: Work, now: Timestamp) {
        let is_reachable = self.servers[server].cut_off_until <= self.now;
        self.store.expect(Fate::Commits, 0, is_reachable);
        let ran = drive::run(&mut self.store, &self.plan.rules, &work.requests, now);
        let committed = self.store.take_committed().pop();
        self.judge(&work, &ran, committed, now, Stands::Alone);
        self.compare_rows();
        self.take(server, work, ran);
    }

    /// Another server that has something to do runs it inside the next transaction.
    fn invite(&mut self, host: usize, requests: &[Request]) -> Option<Guest> {
        if self.plan.isolation == Isolation::Alone || !self.strikes(Fault::Rivalry) {
            return None;
        }
        let first = self.rng.u64(..self.plan.servers);
        let others = (first..first + self.plan.servers).map(|number| (number % self.plan.servers) as usize);
        let mut others = others.filter(|server| {
            let state = &self.servers[*server];
            *server != host && state.is_up() && state.cut_off_until <= self.now
        });
        // Who has something to do comes before who only looks for it.
        let busy = others.clone().find(|server| !self.servers[*server].queue.is_empty());
        let server = busy.or_else(|| others.next())?;
        let now = self.clock_of(server);
        if self.servers[server].queue.is_empty() && self.rng.u64(..4) > 0 {
            self.strangers_meddle(server, requests);
        }
        let mut work = self.waiting(server, now);
        if work.requests.is_empty() {
            // Every server does what is due, and often two do the same.
            let due = drive::sweep(&mut self.store, &DueKind::ALL, now, DUE_MAX).unwrap_or_default();
            due.iter().for_each(|due| work.push(due.request(), Origin::Own));
        }
        if work.requests.is_empty() {
            return None;
        }
        let at_load = self.rng.bool();
        let rules = self.plan.rules.clone();
        self.store.let_in(Rival { requests: work.requests.clone(), now, rules, at_load });
        Some(Guest { server, work, now })
    }

    /// Finds where everything of a transaction stands beside one that ran inside it, and lets the machine do what stands before that one. How both stand,
    /// the inner one first.
    fn overlapped(
        &mut self,
        requests: &[Request],
        ran: &Ran,
        own: &Committed,
        asked_at: Timestamp,
        inner: (&[Request], &Finished),
    ) -> (Stands, Stands) {
        let now = own.clock.unwrap_or(asked_at);
        let overlap = Overlap { rules: &self.reference.rules, state: &self.reference.store, now, inner };
        let places = match ran {
            Ok(finished) => overlap.of_finished(requests, finished),
            Err(_) => overlap.of_doubtful(tried(requests, own), &own.writes),
        };
        let alone = (!places.before.is_empty()).then(|| overlap.inner_alone());
        if !places.have_order {
            self.reference.fault("simulation_transactions_have_an_order", || {
                format!("none of {requests:?} came to {ran:?}, with {inner:?} inside")
            });
        }
        let inside = alone.map_or(Stands::Alone, |alone| {
            let (requests, finished) = inner;
            let mut left = Vec::new();
            for (place, request) in run_by(requests, finished).into_iter().enumerate() {
                if places.inner_first.contains(&place) {
                    self.reference.take(&request, finished.now);
                } else {
                    left.push(request);
                }
            }
            Stands::Inside(Inside { alone, left })
        });
        let before = places.before.iter();
        let said = before.map(|place| (*place, self.reference.take(&places.requests[*place], now))).collect();
        (inside, Stands::Around(Around { places, said }))
    }

    /// Lets the machine do what was committed, and compares.
    fn judge(&mut self, work: &Work, ran: &Ran, committed: Option<Committed>, asked_at: Timestamp, stands: Stands) {
        let now = committed.as_ref().and_then(|committed| committed.clock).unwrap_or(asked_at);
        self.witness.tried(&work.origins, now, committed.is_some());
        let Some(committed) = committed else {
            if ran.is_ok() {
                self.reference.fault("simulation_acknowledged_is_committed", || "nothing was".to_owned());
            }
            return;
        };
        self.counts.transactions += 1;
        match (ran, stands) {
            (_, Stands::Around(around)) => self.judge_around(ran.as_ref().ok(), around, now),
            (Ok(finished), stands) => {
                let asked = &work.requests[..finished.outcomes.len()];
                let wanted = match stands {
                    Stands::Inside(Inside { alone, left }) => {
                        for request in left {
                            self.reference.take(&request, now);
                        }
                        alone
                    }
                    Stands::Alone | Stands::Around(_) => self.reference.run(asked, now),
                };
                self.compare(asked, finished, &wanted);
            }
            // The server does not know what was committed; the store does.
            (Err(_), Stands::Alone | Stands::Inside(_)) => {
                self.reference.run(tried(&work.requests, &committed), now);
            }
        }
        self.written.extend(committed.writes);
    }

    fn compare(&mut self, asked: &[Request], found: &Finished, wanted: &Finished) {
        let (found, wanted) = (outcomes(found), outcomes(wanted));
        let differs = found.iter().zip(&wanted).position(|(found, wanted)| found != wanted);
        if differs.is_some() || found.len() != wanted.len() {
            let place = differs.unwrap_or(found.len().min(wanted.len()));
            let (found, wanted) = (found.get(place), wanted.get(place));
            self.reference.fault("simulation_answer_equals_reference", || {
                format!("number {place} of {asked:?}: {found:?} instead of {wanted:?}")
            });
        }
    }

    /// The same, where another transaction ran inside this one: everything stands at its place. What was committed is known without its outcomes
    /// when nobody was told.
    fn judge_around(&mut self, finished: Option<&Finished>, around: Around, now: Timestamp) {
        let Around { places, mut said } = around;
        let requests = &places.requests;
        said.extend(places.behind().map(|place| (place, self.reference.take(&requests[place], now))));
        let Some(found) = finished.map(outcomes) else { return };
        if let Some((place, wanted)) = said.iter().find(|(place, wanted)| !is_same(found[**place], wanted)) {
            self.reference.fault("simulation_answer_equals_reference", || {
                format!("number {place} of {requests:?}: {:?} instead of {wanted:?}", found[*place])
            });
        }
    }

    /// Compares what was written since the last time.
    fn compare_rows(&mut self) {
        if !self.store.agrees(&Touched::by(&self.written), self.reference.state()) {
            let written = &self.written;
            self.reference.fault("simulation_store_equals_reference", || format!("after {written:?}"));
        }
        self.written.clear();
    }

    /// Answers, acts, and keeps what was not reached for the next batch.
    fn take(&mut self, server: usize, work: Work, ran: Ran) {
        let Work { requests, origins } = work;
        let Ok(finished) = ran else {
            self.counts.failures += 1;
            if self.plan.rules.mutated(Mutant::EffectsBeforeCommit) {
                let now = self.clock_of(server);
                let wanted: Vec<Decision> =
                    requests.iter().map(|request| self.reference.look_at(request, now)).collect();
                wanted.into_iter().flat_map(|decision| decision.effects).for_each(|effect| self.act(server, effect));
            }
            self.refuse(&origins);
            return;
        };
        let Finished { outcomes, follow_ups, writes: _, now } = finished;
        self.servers[server].learn(now);
        for left in requests.into_iter().zip(origins.iter().copied()).skip(outcomes.len()).rev() {
            self.servers[server].queue.push_front(left);
        }
        for (Outcome { reply, effects, projected: _ }, origin) in outcomes.into_iter().zip(origins) {
            match origin {
                Origin::Call(sent) => self.answer(sent, Some((reply, now))),
                Origin::Own => {}
            }
            effects.into_iter().for_each(|effect| self.act(server, effect));
        }
        for (_, outcome) in follow_ups {
            outcome.effects.into_iter().for_each(|effect| self.act(server, effect));
        }
    }

    /// Tells everybody that the server cannot say what came of their requests.
    pub(crate) fn refuse(&mut self, origins: &[Origin]) {
        for origin in origins {
            match origin {
                Origin::Call(sent) => self.answer(*sent, None),
                Origin::Own => {}
            }
        }
    }

    fn act(&mut self, server: usize, effect: Effect) {
        match effect {
            Effect::Deliver(delivery) => self.deliver(server, delivery),
            Effect::Parked(mailbox) => self.parked(server, &mailbox),
            Effect::WakeAt(at) => {
                let clock = self.clock_of(server).as_millis();
                let at = self.now + at.as_millis().saturating_sub(clock).min(1_000_000);
                let server = &mut self.servers[server];
                server.look_at = server.look_at.min(at);
            }
        }
    }

    /// Tells all servers that have a connection for it that a mailbox was filled. Who does not hear it looks by itself.
    fn parked(&mut self, server: usize, mailbox: &Mailbox) {
        for other in 0..self.servers.len() {
            if other == server || !self.strikes(Fault::Lost) {
                let pause = if other == server { 0 } else { self.latency() };
                self.after(pause, Event::Notified { server: other, mailbox: mailbox.clone() });
            }
        }
    }

    fn deliver(&mut self, server: usize, delivery: Delivery) {
        let Delivery { key, version, address, message } = delivery;
        if let Some(wrong) = wrong_in_message(&message, self.reference.state()) {
            self.reference.fault("simulation_message_says_what_is_committed", || wrong);
        }
        let is_for_workers = |group: &str| group == GROUP;
        let report = match address.route() {
            Route::Any { group, worker: _ } | Route::Uni { group, worker: _ } if is_for_workers(&group) => {
                if self.hand_over(server, &message) {
                    Request::MessageDelivered { key, version }
                } else {
                    Request::MessageUnclaimed { key, version }
                }
            }
            Route::Any { .. } | Route::Uni { .. } | Route::Push => {
                match self.rng.u64(..if self.is_calm { 1 } else { 5 }) {
                    0..3 => Request::MessageDelivered { key, version },
                    3 => Request::MessageUnclaimed { key, version },
                    _ => {
                        let jitter_permille = self.rng.u64(..=MESSAGE_JITTER_PERMILLE_MAX);
                        Request::MessageFailed { key, version, jitter_permille }
                    }
                }
            }
        };
        let pause = self.report_pause();
        let epoch = self.servers[server].epoch;
        self.after(pause, Event::Reported { server, epoch, report });
    }

    /// Hands a message to a worker of this server. What is written to a connection may be lost all the same.
    fn hand_over(&mut self, server: usize, message: &Message) -> bool {
        let posts = self.posts.iter().enumerate();
        let here: Vec<usize> =
            posts.filter(|(_, post)| post.server == Some(server)).map(|(worker, _)| worker).collect();
        if here.is_empty() {
            return false;
        }
        let worker = here[self.rng.u64(..here.len() as u64) as usize];
        if !self.strikes(Fault::Lost) {
            let latency = self.latency();
            self.after(latency, Event::Told { worker, message: message.clone() });
        }
        if self.strikes(Fault::Doubled) {
            let latency = self.latency();
            self.after(latency, Event::Told { worker, message: message.clone() });
        }
        true
    }
}

/// The requests of a transaction: after many conflicts it is tried with the first one alone.
fn tried<'a>(requests: &'a [Request], committed: &Committed) -> &'a [Request] {
    let alone = committed.attempts > BATCH_CONFLICTS_MAX;
    if alone { &requests[..1] } else { requests }
}
