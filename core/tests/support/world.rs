//! A memory store in which every transition is checked against the whole catalogue, and against what the catalogue does not speak of: answers,
//! deliveries and the index of what is due.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use resonate_core::Decision;
use resonate_core::drive;
use resonate_core::due::{Due, DueKind, MakesDue};
use resonate_core::effect::Effect;
use resonate_core::id::Id;
use resonate_core::limits::{EXECUTE_BACKOFF_BASE, EXECUTE_BACKOFF_MAX};
use resonate_core::memory::MemoryStore;
use resonate_core::message::{Delivery, Message};
use resonate_core::promise::{Promise, check_tags};
use resonate_core::property::{Moment, Step, check_configuration, check_state, check_step};
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::{Task, TaskState};
use resonate_core::time::Timestamp;

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
        self.check_reply(&decision.reply, now);
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

    fn check_reply(&self, reply: &Reply, now: Timestamp) {
        match reply {
            Reply::Promise(promise)
            | Reply::Created { promise, fresh: _ }
            | Reply::Settled { promise, fresh: _ }
            | Reply::Fulfilled(promise) => self.check_promises([promise], now),
            Reply::Promises { promises, more: _ } | Reply::Redirected { preload: promises } => {
                self.check_promises(promises, now);
            }
            Reply::Acquired { task, promise, preload } => {
                self.check_task(task, now);
                self.check_promises([promise].into_iter().chain(preload), now);
                assert!(preload.iter().all(|row| row.branch() == promise.branch() && row.id != promise.id));
                assert!(preload.is_sorted_by(|a, b| a.id < b.id));
            }
            Reply::Task(task) => self.check_task(task, now),
            Reply::Tasks { tasks, more: _ } => tasks.iter().for_each(|task| self.check_task(task, now)),
            Reply::Fenced(inner) => self.check_reply(inner, now),
            Reply::Suspended
            | Reply::Schedule(_)
            | Reply::Schedules { .. }
            | Reply::Done
            | Reply::Expired
            | Reply::Idle
            | Reply::Refused(_) => {}
        }
    }

    /// An answer shows what is stored, as of now.
    fn check_promises<'a>(&self, promises: impl IntoIterator<Item = &'a Arc<Promise>>, now: Timestamp) {
        for promise in promises {
            let stored = self.state.promises.get(&promise.id).expect("a promise of an answer is stored").as_of(now);
            let shown = Promise { has_waiters: stored.has_waiters, ..Promise::clone(promise) };
            assert_eq!(shown, *stored, "an answer serves a stale row");
        }
    }

    fn check_task(&self, task: &Task, now: Timestamp) {
        let stored = self.state.tasks.get(&task.id).expect("a task of an answer is stored");
        let promise = self.state.promises.get(&task.id).expect("a task has a promise");
        let stored = if promise.is_overdue(now) { stored.fulfilled() } else { Task::clone(stored) };
        let shown = Task { resumes: stored.resumes.clone(), ..task.clone() };
        assert_eq!(shown, stored, "an answer serves a stale row");
    }

    /// A delivery is backed by a claimed entry, never before its delay, and held back for a worker that keeps failing.
    fn check_effect(&mut self, effect: &Effect, now: Timestamp) {
        let Effect::Deliver(Delivery { key, version, address, message }) = effect else { return };
        let entry = self.state.messages.get(key).expect("a delivery is claimed");
        assert!(entry.version == *version && entry.address == *address && entry.due_at > now, "{entry:?}");
        match message {
            Message::Unblock { promise } => self.check_promises([promise], now),
            Message::Execute { task, version } => {
                let promise = &self.state.promises[task];
                let task = &self.state.tasks[task];
                assert!(task.state == TaskState::Pending && task.version == *version);
                let birth = check_tags(&promise.tags, promise.timeout_at).expect("tags that were checked at birth");
                assert!(*version > 0 || birth.delay.is_none_or(|delay| delay <= now), "dispatched before its delay");
                let number = task.executes;
                if let Some((before, left_at)) = self.departures.get(&task.id)
                    && number > *before
                {
                    let pause = EXECUTE_BACKOFF_BASE.doubled(number).min(EXECUTE_BACKOFF_MAX);
                    assert!(*left_at + pause <= now, "execute {number} of {task:?} left {left_at}, then {now}");
                }
                self.departures.insert(task.id.clone(), (number, now));
            }
        }
    }
}
