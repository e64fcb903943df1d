//! A memory store in which every transition is checked against the whole catalogue, and against what the catalogue does not speak of: answers,
//! deliveries and the index of what is due.

use std::collections::{BTreeMap, VecDeque};

use resonate_core::Decision;
use resonate_core::drive;
use resonate_core::due::{Due, DueKind, MakesDue};
use resonate_core::effect::Effect;
use resonate_core::id::Id;
use resonate_core::limits::{EXECUTE_BACKOFF_BASE, EXECUTE_BACKOFF_MAX};
use resonate_core::memory::MemoryStore;
use resonate_core::message::Message;
use resonate_core::property::{Moment, Step, check_configuration, check_state, check_step};
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_sim::answer::{wrong_in_delivery, wrong_in_reply};

/// A store that is watched.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) store: MemoryStore,
    pub(crate) state: Snapshot,
    pub(crate) transitions: u64,
    /// The `execute` that left last for each task: its number since the task last suspended, and when.
    departures: BTreeMap<Id, (u32, Timestamp)>,
}

impl World {
    pub(crate) fn new(rules: Rules) -> Self {
        assert_eq!(check_configuration(&rules), [], "a configuration with which the server starts");
        Self {
            rules,
            store: MemoryStore::new(),
            state: Snapshot::default(),
            transitions: 0,
            departures: BTreeMap::new(),
        }
    }

    /// One transition, checked.
    pub(crate) fn step(&mut self, request: &Request, now: Timestamp) -> Decision {
        let decision = self.store.apply(&self.rules, request, now);
        self.transitions += 1;
        if !decision.writes.is_empty() {
            let before = std::mem::replace(&mut self.state, self.store.snapshot());
            let step = Step { before: &before, after: &self.state, request, now, rules: &self.rules };
            let violations = check_step(&step);
            assert!(violations.is_empty(), "{request:?} at {now}: {violations:#?}");
            for id in self.state.tasks.values().filter(|task| task.executes == 0).map(|task| &task.id) {
                self.departures.remove(id);
            }
        }
        let violations = check_state(&Moment { state: &self.state, now, rules: &self.rules });
        assert!(violations.is_empty(), "{request:?} at {now}: {violations:#?}");
        assert_eq!(wrong_in_reply(&decision.reply, &self.state, now), None);
        for effect in &decision.effects {
            self.check_effect(effect, now);
        }
        for promise in self.state.promises.values().filter(|promise| !promise.has_waiters) {
            let waiters = self.state.callbacks.iter().map(|(awaited, _)| awaited);
            let mut waiters = waiters.chain(self.state.listeners.iter().map(|(awaited, _)| awaited));
            assert!(waiters.all(|awaited| *awaited != promise.id), "nobody will discharge {promise:?}");
        }
        decision
    }

    /// A transition and everything that follows from it, each a transition of its own. All replies, the request's first.
    pub(crate) fn play(&mut self, request: &Request, now: Timestamp) -> Vec<Decision> {
        let first = self.step(request, now);
        let mut waiting: VecDeque<Request> = first.follow_ups.iter().cloned().collect();
        let mut decisions = vec![first];
        while let Some(request) = waiting.pop_front() {
            let decision = self.step(&request, now);
            waiting.extend(decision.follow_ups.iter().cloned());
            decisions.push(decision);
            assert!(decisions.len() < 100_000, "what follows from a request never ends");
        }
        decisions
    }

    /// What a sweep finds, which must be what the records make due.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<Due> {
        let Ok(found) = drive::sweep(&mut self.store, &DueKind::ALL, now, usize::MAX);
        let state = &self.state;
        let promises = state.promises.values().filter_map(|row| row.due());
        let tasks = state.tasks.values().filter_map(|row| row.due());
        let schedules = state.schedules.values().filter_map(|row| row.due());
        let messages = state.messages.values().filter_map(|row| row.due());
        let all = promises.chain(tasks).chain(schedules).chain(messages);
        let mut expected: Vec<Due> = all.filter(|due| due.at <= now).collect();
        expected.sort_by(|a, b| (a.kind, a).cmp(&(b.kind, b)));
        assert_eq!(found, expected, "the index of what is due");
        found
    }

    /// Does what is due until nothing is.
    pub(crate) fn settle_down(&mut self, now: Timestamp) {
        for _ in 0..10_000 {
            let due = self.due(now);
            if due.is_empty() {
                return;
            }
            for due in due {
                self.step(&due.request(), now);
            }
        }
        panic!("the background work of one instant never ends: {:?}", self.due(now));
    }

    /// A delivery is held back for a worker that keeps failing.
    fn check_effect(&mut self, effect: &Effect, now: Timestamp) {
        let Effect::Deliver(delivery) = effect else { return };
        assert_eq!(wrong_in_delivery(delivery, &self.state, now), None);
        match &delivery.message {
            Message::Unblock { .. } => {}
            Message::Execute { task, version: _ } => {
                let number = self.state.tasks[task].executes;
                if let Some((before, left_at)) = self.departures.get(task)
                    && number > *before
                {
                    let pause = EXECUTE_BACKOFF_BASE.doubled(number).min(EXECUTE_BACKOFF_MAX);
                    assert!(*left_at + pause <= now, "execute {number} of {task:?} left {left_at}, then {now}");
                }
                self.departures.insert(task.clone(), (number, now));
            }
        }
    }
}
