//! Random writes over a small world, so that they meet. Records are as the machine makes them: settled promises have an instant, acquired tasks a
//! lease, pending tasks a dispatch, and a settlement changes nothing else of its promise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;
use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::memory::MemoryStore;
use resonate_core::message::{MessageKey, OutboxEntry};
use resonate_core::promise::{Promise, PromiseState, Tags, tag};
use resonate_core::schedule::Schedule;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::{Lease, Task, TaskState};
use resonate_core::time::Timestamp;
use resonate_core::value::Value;
use resonate_core::write::Write;

use crate::support::{at, id, ms};

const IDS: [&str; 13] = ["a", "a.1", "a.2", "A", "b", "b%", "b_", "é", "😀", "\u{fffd}", "a/b", " ", "q\"\\"];
const PIDS: [&str; 3] = ["w", "w2", "é"];
const ADDRESSES: [&str; 4] = ["poll://any@g", "poll://any@g/w", "poll://uni@g/w", "http://x/é"];
const BRANCHES: [&str; 3] = ["a", "b", ""];
/// Instants are few, so that many rows have the same.
const INSTANTS: [u64; 8] = [0, 1, 10, 11, 500, 1_000, 1 << 40, u64::MAX];

/// A source of records and writes.
pub(crate) struct World {
    pub(super) rng: Rng,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed) }
    }

    pub(super) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.rng.usize(..choices.len())].clone()
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    pub(super) fn id(&mut self) -> Id {
        id(self.one_of(&IDS))
    }

    pub(super) fn instant(&mut self) -> Timestamp {
        at(self.one_of(&INSTANTS))
    }

    pub(super) fn pid(&mut self) -> Arc<str> {
        self.one_of(&PIDS).into()
    }

    pub(super) fn address(&mut self) -> Address {
        Address::parse(self.one_of(&ADDRESSES)).expect("an address")
    }

    pub(super) fn branch(&mut self) -> Arc<str> {
        self.one_of(&BRANCHES).into()
    }

    fn text(&mut self) -> String {
        self.one_of(&[
            "",
            "x",
            "NUL \0 inside",
            "é\u{1F600}",
            "{\"json\":1}",
            "a longer text, with 'quotes' and \"more\"",
        ])
        .to_owned()
    }

    fn value(&mut self) -> Value {
        let headers = self.chance(30).then(|| match self.rng.u32(..3) {
            0 => BTreeMap::new(),
            _ => BTreeMap::from([("h".to_owned(), "é".to_owned()), (String::new(), "empty".to_owned())]),
        });
        Value { headers, data: self.chance(50).then(|| self.text()) }
    }

    pub(super) fn tags(&mut self) -> Tags {
        let mut tags = Tags::new();
        if self.chance(40) {
            tags.insert(tag::BRANCH.to_owned(), self.branch().to_string());
        }
        if self.chance(40) {
            tags.insert(
                tag::PARENT.to_owned(),
                self.one_of(&["a", "b", "a.1", "\u{1}", "q", "q\"\\", "NUL \0"]).to_owned(),
            );
        }
        if self.chance(30) {
            tags.insert(tag::TIMER.to_owned(), "true".to_owned());
        }
        if self.chance(40) {
            tags.insert("x".to_owned(), self.one_of(&["1", "2", ""]).to_owned());
        }
        tags
    }

    fn key(&mut self) -> Option<String> {
        self.chance(40).then(|| self.one_of(&["k", "é"]).to_owned())
    }

    fn promise(&mut self) -> Promise {
        let pending = Promise {
            id: self.id(),
            state: PromiseState::Pending,
            param: self.value(),
            value: Value::default(),
            tags: self.tags(),
            timeout_at: self.instant(),
            created_at: self.instant(),
            settled_at: None,
            create_key: self.key(),
            complete_key: None,
            has_waiters: self.chance(30),
        };
        if self.chance(70) { pending } else { self.settled(&pending) }
    }

    fn settled(&mut self, before: &Promise) -> Promise {
        Promise {
            state: self.one_of(&PromiseState::ALL[1..]),
            value: self.value(),
            settled_at: Some(self.instant()),
            complete_key: self.key(),
            ..before.clone()
        }
    }

    fn task(&mut self, of: Id) -> Task {
        let state = self.one_of(&TaskState::ALL);
        let resumes = self.rng.usize(..3);
        let lease = Lease { pid: self.pid(), ttl: ms(self.rng.u64(1..100)), expires_at: self.instant() };
        Task {
            id: of,
            state,
            version: self.rng.u64(..3),
            resumes: (0..resumes).map(|_| self.id()).collect::<BTreeSet<_>>(),
            lease: (state == TaskState::Acquired).then_some(lease),
            retry_at: (state == TaskState::Pending).then(|| self.instant()),
            executes: self.rng.u32(..4),
            execute_at: self.chance(40).then(|| self.instant()),
        }
    }

    fn schedule(&mut self) -> Schedule {
        Schedule {
            id: self.id(),
            cron: "* * * * *".to_owned(),
            promise_id: self.one_of(&["p", "{{.id}}.{{.timestamp}}"]).to_owned(),
            promise_timeout: ms(self.one_of(&[0, 5, u64::MAX])),
            promise_param: self.value(),
            promise_tags: self.tags(),
            created_at: self.instant(),
            next_run_at: self.instant(),
            last_run_at: self.chance(40).then(|| self.instant()),
        }
    }

    pub(super) fn message_key(&mut self) -> MessageKey {
        let of = self.id();
        if self.chance(50) {
            MessageKey::Execute { task: of }
        } else {
            MessageKey::Unblock { promise: of, address: self.address() }
        }
    }

    fn message(&mut self) -> OutboxEntry {
        let key = self.message_key();
        let address = match &key {
            MessageKey::Execute { .. } => self.address(),
            MessageKey::Unblock { address, .. } => address.clone(),
        };
        OutboxEntry {
            key,
            address,
            version: self.rng.u64(..3),
            created_at: self.instant(),
            due_at: self.instant(),
            failures: self.rng.u32(..3),
            waits: self.rng.u32(..3),
            parked: self.rng.bool(),
        }
    }

    fn settlement(&mut self, state: &Snapshot) -> Write {
        // What is settled already, or is not there, conflicts.
        let pending: Vec<&Id> = state
            .promises
            .values()
            .filter(|promise| promise.is_overdue(Timestamp::MAX))
            .map(|promise| &promise.id)
            .collect();
        let of = if pending.is_empty() || self.chance(15) { self.id() } else { self.one_of(&pending).clone() };
        let before = state.promises.get(&of).map(|stored| Promise::clone(stored));
        let before = before.unwrap_or_else(|| Promise { id: of, ..self.promise() });
        Write::SettlePromise(Arc::new(self.settled(&before)))
    }

    fn task_update(&mut self, state: &Snapshot) -> Write {
        let known: Vec<&Arc<Task>> = state.tasks.values().collect();
        if known.is_empty() || self.chance(15) {
            let task = {
                let of = self.id();
                self.task(of)
            };
            return Write::UpdateTask {
                from: self.one_of(&TaskState::ALL),
                version: self.rng.u64(..3),
                task: Arc::new(task),
            };
        }
        let before = Arc::clone(self.one_of(&known));
        let task = Arc::new(self.task(before.id.clone()));
        Write::UpdateTask { from: before.state, version: before.version, task }
    }

    fn schedule_move(&mut self, state: &Snapshot) -> Write {
        let of = self.id();
        let stored = state.schedules.get(&of).map(|schedule| schedule.next_run_at);
        let from = stored.filter(|_| self.chance(85)).unwrap_or_else(|| self.instant());
        let last_run_at = self.chance(80).then(|| self.instant());
        Write::AdvanceSchedule { id: of, from, last_run_at, next_run_at: self.instant() }
    }

    fn write(&mut self, state: &Snapshot) -> Write {
        match self.rng.u32(..112) {
            0..20 => Write::InsertPromise(Arc::new(self.promise())),
            20..32 => self.settlement(state),
            32..36 => Write::SetHasWaiters { id: self.id(), has_waiters: self.chance(50) },
            36..48 => Write::InsertTask(Arc::new({
                let of = self.id();
                self.task(of)
            })),
            48..60 => self.task_update(state),
            60..66 => Write::InsertCallback { awaited: self.id(), awaiter: self.id() },
            66..70 => Write::DeleteCallback { awaited: self.id(), awaiter: self.id() },
            70..76 => Write::InsertListener { awaited: self.id(), address: self.address() },
            76..80 => Write::DeleteListener { awaited: self.id(), address: self.address() },
            80..84 => Write::InsertSchedule(Arc::new(self.schedule())),
            84..88 => self.schedule_move(state),
            88..90 => Write::DeleteSchedule { id: self.id() },
            90..97 => Write::PutMessage(Arc::new(self.message())),
            97..100 => Write::DeleteMessage { key: self.message_key() },
            100..106 => Write::DeletePromise { id: self.id() },
            _ => Write::DeleteTask { id: self.id() },
        }
    }

    /// The writes of one transaction over what is stored, each made for what those before it leave. Most of them fit.
    pub(super) fn writes(&mut self, stored: &MemoryStore) -> Vec<Write> {
        let mut after = stored.clone();
        let count = self.rng.usize(..6);
        let next = |_| {
            let write = self.fitting_write(&after.snapshot());
            super::commit(&mut after, std::slice::from_ref(&write));
            write
        };
        (0..count).map(next).collect()
    }

    fn fitting_write(&mut self, state: &Snapshot) -> Write {
        let write = self.write(state);
        // An id that is taken conflicts, and nearly all would be.
        let taken = match &write {
            Write::InsertPromise(promise) => state.promises.contains_key(&promise.id),
            Write::InsertTask(task) => state.tasks.contains_key(&task.id),
            Write::InsertSchedule(schedule) => state.schedules.contains_key(&schedule.id),
            Write::AdvanceSchedule { id, .. } | Write::DeleteSchedule { id } => !state.schedules.contains_key(id),
            Write::SetHasWaiters { id, .. } => !state.promises.contains_key(id),
            Write::DeletePromise { id } => {
                state.promises.get(id).is_none_or(|promise| promise.state == PromiseState::Pending)
            }
            Write::DeleteTask { id } => state.tasks.get(id).is_none_or(|task| task.state != TaskState::Fulfilled),
            Write::SettlePromise(_)
            | Write::UpdateTask { .. }
            | Write::InsertCallback { .. }
            | Write::DeleteCallback { .. }
            | Write::InsertListener { .. }
            | Write::DeleteListener { .. }
            | Write::PutMessage(_)
            | Write::DeleteMessage { .. } => false,
        };
        if taken && self.chance(85) { Write::PutMessage(Arc::new(self.message())) } else { write }
    }

    /// A record of every table, under an id that has this number.
    pub(crate) fn records(&mut self, number: usize) -> [Write; 6] {
        let of = id(&format!("{}{number}", self.id()));
        let message = self.message();
        let key = match message.key {
            MessageKey::Execute { .. } => MessageKey::Execute { task: of.clone() },
            MessageKey::Unblock { address, .. } => MessageKey::Unblock { promise: of.clone(), address },
        };
        [
            Write::InsertPromise(Arc::new(Promise { id: of.clone(), ..self.promise() })),
            Write::InsertTask(Arc::new(self.task(of.clone()))),
            Write::InsertCallback { awaited: of.clone(), awaiter: self.id() },
            Write::InsertListener { awaited: of.clone(), address: self.address() },
            Write::InsertSchedule(Arc::new(Schedule { id: of, ..self.schedule() })),
            Write::PutMessage(Arc::new(OutboxEntry { key, ..message })),
        ]
    }

    /// A write whose guard never holds.
    pub(super) fn conflict(&mut self) -> Write {
        let absent = id("absent");
        match self.rng.u32(..8) {
            6 => Write::DeletePromise { id: absent },
            7 => Write::DeleteTask { id: absent },
            0 => Write::SettlePromise(Arc::new(Promise { id: absent, ..self.promise() })),
            1 => Write::SetHasWaiters { id: absent, has_waiters: true },
            2 => Write::UpdateTask { from: TaskState::Pending, version: 0, task: Arc::new(self.task(absent)) },
            3 => Write::AdvanceSchedule { id: absent, from: at(0), last_run_at: None, next_run_at: at(1) },
            4 => Write::DeleteSchedule { id: absent },
            _ => {
                let task = Arc::new(self.task(absent));
                Write::UpdateTask { from: task.state, version: task.version, task }
            }
        }
    }
}
