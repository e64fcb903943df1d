//! The machine, one request after the other: what every server over the store must agree with. Each transition is judged by the whole catalogue of
//! properties, on what it has touched; now and then the whole state is judged as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use resonate_core::at_hand::{self, AtHand};
use resonate_core::batch::Finished;
use resonate_core::due::MakesDue;
use resonate_core::effect::Effect;
use resonate_core::id::Id;
use resonate_core::memory::MemoryStore;
use resonate_core::promise::Promise;
use resonate_core::property::{Moment, Step, check_state, check_step};
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;
use resonate_core::{Decision, decide};

use crate::answer::{wrong_in_delivery, wrong_in_reply};
use crate::digest::Digest;
use crate::grant::Granted;
use crate::names;
use crate::neighbourhood::{Bonds, Touched};
use crate::violation::Violation;
use crate::workflow;

/// A request that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The instant of its transaction.
    pub now: Timestamp,
    /// The request.
    pub request: Request,
}

/// The machine over everything that was committed, in the order of the commits.
#[derive(Debug)]
pub struct Reference {
    pub(crate) rules: Rules,
    pub(crate) store: MemoryStore,
    /// The same as plain collections.
    state: Snapshot,
    bonds: Bonds,
    /// The last instant seen. A server that has just been started may know an earlier one.
    seen: Timestamp,
    steps: u64,
    /// Those of them that are in the log, where there is one.
    taken: u64,
    kinds: BTreeMap<&'static str, u64>,
    variants: BTreeSet<&'static str>,
    digest: Digest,
    violation: Option<Violation>,
    /// How workflows that clients have started ended: their promises may be removed afterwards.
    endings: BTreeMap<Id, Arc<Promise>>,
    /// What took effect, where somebody wants to see it.
    log: Option<Vec<Taken>>,
}

impl Reference {
    /// An empty machine; with a log it keeps what takes effect.
    #[must_use]
    pub fn new(rules: Rules, with_log: bool) -> Self {
        Self {
            rules,
            store: MemoryStore::new(),
            state: Snapshot::default(),
            bonds: Bonds::default(),
            seen: Timestamp::ZERO,
            steps: 0,
            taken: 0,
            kinds: BTreeMap::new(),
            variants: BTreeSet::new(),
            digest: Digest::new(),
            violation: None,
            endings: BTreeMap::new(),
            log: with_log.then(Vec::new),
        }
    }

    /// Requests so far, clients' and the background's, and reads that were only looked at.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Requests so far by their kinds.
    #[must_use]
    pub fn kinds(&self) -> &BTreeMap<&'static str, u64> {
        &self.kinds
    }

    /// Replies and writes so far, by their names.
    #[must_use]
    pub fn variants(&self) -> &BTreeSet<&'static str> {
        &self.variants
    }

    /// Whether a promise was removed.
    pub(crate) fn has_removed(&self) -> bool {
        let nobody = Id::parse("nobody").expect("an id");
        self.variants.contains(names::of_write(&Write::DeletePromise { id: nobody }))
    }

    /// What has happened and what has come of it, as one number.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = self.digest.clone();
        digest.text(&serde_json::to_string(&self.state).expect("a state is JSON"));
        digest.value()
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> &Snapshot {
        &self.state
    }

    /// The first thing that was wrong.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The last instant that any server has gone by.
    pub(crate) fn seen(&self) -> Timestamp {
        self.seen
    }

    /// What took effect, in order.
    #[must_use]
    pub fn into_log(self) -> Vec<Taken> {
        self.log.unwrap_or_default()
    }

    /// Runs requests as a batch at one instant.
    pub fn run(&mut self, requests: &[Request], now: Timestamp) -> Finished {
        let rules = self.rules.clone();
        at_hand::run(self, &rules, requests, now)
    }

    /// One request, without what follows from it.
    pub fn take(&mut self, request: &Request, now: Timestamp) -> Decision {
        let rules = self.rules.clone();
        self.apply(&rules, request, now)
    }

    /// How a workflow ended.
    pub(crate) fn ending(&self, root: &Id) -> Option<&Arc<Promise>> {
        self.endings.get(root)
    }

    /// What it would say to a request now.
    pub(crate) fn look_at(&self, request: &Request, now: Timestamp) -> Decision {
        match decide(&self.rules, request, now, self.store.records()) {
            Ok(decision) => decision,
            Err(missing) => unreachable!("a closed set misses nothing: {missing:?}"),
        }
    }

    /// Compares an answer that was given beside the writer with the machine's.
    pub(crate) fn compare_read(&mut self, request: &Request, now: Timestamp, reply: &Reply) {
        self.steps += 1;
        let expected = self.look_at(request, now).reply;
        if expected != *reply {
            self.fault("simulation_read_equals_reference", || {
                format!("{request:?} at {now}: {reply:?} instead of {expected:?}")
            });
        }
    }

    /// Notes that something is wrong, unless something was before.
    pub(crate) fn fault(&mut self, property: &'static str, detail: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { property, detail: detail(), step: self.steps, taken: self.taken });
        }
    }

    pub(crate) fn awaited_by(&self, awaiter: &Id) -> impl Iterator<Item = &Id> {
        self.bonds.awaited_by(awaiter)
    }

    /// Judges the whole state.
    pub fn judge(&mut self) {
        let moment = Moment { state: &self.state, now: self.seen, rules: &self.rules };
        if let Some(found) = check_state(&moment).into_iter().next() {
            self.fault(found.property, || found.detail);
        }
        if self.store.snapshot() != self.state {
            self.fault("reference", || "the rows that were followed are not those of the store".to_owned());
        }
    }

    fn note(&mut self, request: &Request, now: Timestamp, decision: &Decision) {
        self.steps += 1;
        self.taken += 1;
        *self.kinds.entry(request.kind()).or_default() += 1;
        self.variants.insert(names::of_reply(&decision.reply));
        if let Reply::Fenced(inner) = &decision.reply {
            self.variants.insert(names::of_reply(inner));
        }
        self.variants.extend(decision.writes.iter().map(names::of_write));
        self.digest.text(request.kind());
        self.digest.number(now.as_millis());
        self.digest.number(decision.writes.len() as u64);
        if let Some(log) = &mut self.log {
            log.push(Taken { now, request: request.clone() });
        }
    }

    fn judge_step(&mut self, request: &Request, now: Timestamp, touched: &Touched) {
        let frame = self.bonds.frame(touched, &self.state);
        let before = self.bonds.cut(touched, &frame, &self.state);
        self.bonds.follow(touched, &self.store, &mut self.state);
        let after = self.bonds.cut(touched, &frame, &self.state);
        for id in &touched.ids {
            self.digest.text(id.as_str());
        }
        let step = Step { before: &before, after: &after, request, now, rules: &self.rules };
        let moment = Moment { state: &after, now: self.seen, rules: &self.rules };
        let found = check_step(&step).into_iter().chain(check_state(&moment)).next();
        if let Some(found) = found {
            self.fault(found.property, || format!("{} in {request:?} at {now}", found.detail));
        }
    }
}

impl Reference {
    /// Whether a request of the background finds a row that is due.
    fn is_due(&self, request: &Request, now: Timestamp) -> bool {
        let state = &self.state;
        let due = if let Request::TimeOutPromise { id } | Request::DischargePromise { id } = request {
            state.promises.get(id).and_then(|row| row.due())
        } else if let Request::ExpireLease { id } | Request::DispatchTask { id } = request {
            state.tasks.get(id).and_then(|row| row.due())
        } else if let Request::RunSchedule { id, runs_left: _ } = request {
            state.schedules.get(id).and_then(|row| row.due())
        } else if let Request::ClaimMessage { key, claim: _ } = request {
            state.messages.get(key).and_then(|row| row.due())
        } else {
            None
        };
        due.is_some_and(|due| Some(due.kind) == request.due_kind() && due.at <= now)
    }

    /// Whether what is shown is so.
    fn judge_answer(&mut self, request: &Request, now: Timestamp, decision: &Decision) {
        if let Some(wrong) = wrong_in_reply(&decision.reply, &self.state, now) {
            self.fault("simulation_answer_shows_what_is_stored", || format!("{wrong} in {request:?} at {now}"));
        }
        let noticed_deadline = decision.writes.iter().any(|write| matches!(write, Write::SettlePromise(_)));
        let (state, rules, reply) = (&self.state, &self.rules, &decision.reply);
        if let Some(undone) = (Granted { request, reply, state, now, rules, noticed_deadline }).undone() {
            self.fault("simulation_what_is_granted_is_done", || format!("{undone} at {now}"));
        }
        for effect in &decision.effects {
            match effect {
                Effect::Deliver(delivery) => {
                    if let Some(wrong) = wrong_in_delivery(delivery, &self.state, now) {
                        self.fault("simulation_delivery_is_claimed_and_due", || {
                            format!("{wrong} in {request:?} at {now}")
                        });
                    }
                }
                Effect::Parked(_) | Effect::WakeAt(_) => {}
            }
        }
    }
}

impl AtHand for Reference {
    fn apply(&mut self, rules: &Rules, request: &Request, now: Timestamp) -> Decision {
        let relied_on = Touched::relied_on(request, &self.state);
        let is_due = self.is_due(request, now);
        let decision = self.store.apply(rules, request, now);
        self.seen = self.seen.max(now);
        self.note(request, now, &decision);
        for write in &decision.writes {
            if let Write::SettlePromise(promise) = write
                && workflow::is_root(&promise.id)
            {
                self.endings.insert(promise.id.clone(), Arc::clone(promise));
            }
        }
        if !decision.writes.is_empty() {
            let mut touched = Touched::by(&decision.writes);
            touched.relied_on = relied_on;
            self.judge_step(request, now, &touched);
        }
        self.judge_answer(request, now, &decision);
        if is_due && decision.writes.is_empty() {
            self.fault("simulation_what_is_due_is_done", || format!("{request:?} at {now} changes nothing"));
        }
        decision
    }
}
