//! The machine's state while an order is tried: as much of it as answers depend on, and a number that tells states apart. Owns what is left out:
//! messages, listeners, and what the retry clock goes by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use resonate_core::drive::{Store, Tx};
use resonate_core::id::Id;
use resonate_core::memory::MemoryStore;
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::schedule::Schedule;
use resonate_core::task::Task;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;
use resonate_core::{Decision, decide};

use crate::digest::Digest;

/// A state.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    store: MemoryStore,
    /// What each task waits for.
    awaited: BTreeMap<Id, BTreeSet<Id>>,
    schedules: BTreeSet<Id>,
    digest: u64,
}

/// The key of something that is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Promise(Id),
    Task(Id),
    Schedule(Id),
    Callback(Id, Id),
}

impl State {
    /// What the machine says to a request.
    pub(super) fn decide(&self, rules: &Rules, request: &Request, now: Timestamp) -> Decision {
        match decide(rules, request, now, self.store.records()) {
            Ok(decision) => decision,
            Err(missing) => unreachable!("a closed set misses nothing: {missing:?}"),
        }
    }

    pub(super) fn promise(&self, id: &Id) -> Option<&Arc<Promise>> {
        self.store.promise(id)
    }

    pub(super) fn task(&self, id: &Id) -> Option<&Arc<Task>> {
        self.store.task(id)
    }

    pub(super) fn schedule(&self, id: &Id) -> Option<&Arc<Schedule>> {
        self.store.schedule(id)
    }

    pub(super) fn schedules(&self) -> impl Iterator<Item = &Arc<Schedule>> {
        self.schedules.iter().filter_map(|id| self.schedule(id))
    }

    /// What a task waits for.
    pub(super) fn awaited_by(&self, task: &Id) -> impl Iterator<Item = &Id> {
        self.awaited.get(task).into_iter().flatten()
    }

    /// What tells this state from others.
    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    /// The writes that remove a settled promise for which nobody waits. What else keeps one from being removed is not asked for.
    pub(super) fn removal(&self, id: &Id) -> Vec<Write> {
        let Some(promise) = self.promise(id) else { return Vec::new() };
        if promise.state == PromiseState::Pending || promise.has_waiters {
            return Vec::new();
        }
        let callback = |awaited: &Id| Write::DeleteCallback { awaited: awaited.clone(), awaiter: id.clone() };
        let mut writes: Vec<Write> = self.awaited_by(id).map(callback).collect();
        writes.extend(self.task(id).map(|_| Write::DeleteTask { id: id.clone() }));
        writes.push(Write::DeletePromise { id: id.clone() });
        writes
    }

    /// The state after these writes; nothing when they change nothing that counts.
    pub(super) fn after(&self, writes: &[Write]) -> Option<Self> {
        let writes: Vec<Write> = writes.iter().filter_map(kept).collect();
        if writes.is_empty() {
            return None;
        }
        let mut after = self.clone();
        after.write(&writes);
        (after.digest != self.digest).then_some(after)
    }

    fn write(&mut self, writes: &[Write]) {
        let rows: BTreeSet<Row> = writes.iter().filter_map(row).collect();
        rows.iter().for_each(|row| self.digest ^= self.hash(row));
        let Ok(mut tx) = self.store.begin();
        let wrote = tx.write(writes).and_then(|()| tx.commit());
        assert!(wrote.is_ok(), "a decision contradicts the records it was made of: {writes:?}");
        for row in &rows {
            self.follow(row);
            self.digest ^= self.hash(row);
        }
    }

    /// Keeps what is indexed here in step with the store.
    fn follow(&mut self, row: &Row) {
        match row {
            Row::Promise(_) | Row::Task(_) => {}
            Row::Schedule(id) if self.store.schedule(id).is_some() => drop(self.schedules.insert(id.clone())),
            Row::Schedule(id) => drop(self.schedules.remove(id)),
            Row::Callback(awaited, awaiter) if self.store.has_callback(awaited, awaiter) => {
                self.awaited.entry(awaiter.clone()).or_default().insert(awaited.clone());
            }
            Row::Callback(awaited, awaiter) => {
                if let Some(all) = self.awaited.get_mut(awaiter) {
                    all.remove(awaited);
                }
            }
        }
    }

    /// A number for what is stored under a key; 0 when there is nothing.
    fn hash(&self, row: &Row) -> u64 {
        match row {
            Row::Promise(id) => self.promise(id).map_or(0, |row| number("promise", &serde_json::to_string(row))),
            Row::Task(id) => self.task(id).map_or(0, |row| number("task", &serde_json::to_string(row))),
            Row::Schedule(id) => self.schedule(id).map_or(0, |row| number("schedule", &serde_json::to_string(row))),
            Row::Callback(awaited, awaiter) => {
                let is_there = self.store.has_callback(awaited, awaiter);
                if is_there { number("callback", &serde_json::to_string(&(awaited, awaiter))) } else { 0 }
            }
        }
    }
}

fn number(kind: &str, row: &serde_json::Result<String>) -> u64 {
    let mut digest = Digest::new();
    digest.text(kind);
    digest.text(row.as_ref().expect("a row is JSON"));
    mixed(digest.value())
}

/// A number of which every bit depends on all of another's: such numbers may be combined by exclusive or.
pub(super) fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A write as far as answers depend on it.
fn kept(write: &Write) -> Option<Write> {
    match write {
        Write::InsertTask(task) => Some(Write::InsertTask(timeless(task))),
        Write::UpdateTask { from, version, task } => {
            Some(Write::UpdateTask { from: *from, version: *version, task: timeless(task) })
        }
        Write::InsertPromise(_)
        | Write::SettlePromise(_)
        | Write::SetHasWaiters { .. }
        | Write::DeletePromise { .. }
        | Write::DeleteTask { .. }
        | Write::InsertCallback { .. }
        | Write::DeleteCallback { .. }
        | Write::InsertSchedule(_)
        | Write::AdvanceSchedule { .. }
        | Write::DeleteSchedule { .. } => Some(write.clone()),
        Write::InsertListener { .. }
        | Write::DeleteListener { .. }
        | Write::PutMessage(_)
        | Write::DeleteMessage { .. } => None,
    }
}

/// A task without what the retry clock goes by. One that waits for a worker is always due.
fn timeless(task: &Task) -> Arc<Task> {
    let retry_at = task.retry_at.map(|_| Timestamp::ZERO);
    Arc::new(Task { retry_at, executes: 0, execute_at: None, ..task.clone() })
}

fn row(write: &Write) -> Option<Row> {
    match write {
        Write::InsertPromise(promise) | Write::SettlePromise(promise) => Some(Row::Promise(promise.id.clone())),
        Write::SetHasWaiters { id, .. } | Write::DeletePromise { id } => Some(Row::Promise(id.clone())),
        Write::InsertTask(task) | Write::UpdateTask { task, .. } => Some(Row::Task(task.id.clone())),
        Write::DeleteTask { id } => Some(Row::Task(id.clone())),
        Write::InsertCallback { awaited, awaiter } | Write::DeleteCallback { awaited, awaiter } => {
            Some(Row::Callback(awaited.clone(), awaiter.clone()))
        }
        Write::InsertSchedule(schedule) => Some(Row::Schedule(schedule.id.clone())),
        Write::AdvanceSchedule { id, .. } | Write::DeleteSchedule { id } => Some(Row::Schedule(id.clone())),
        Write::InsertListener { .. }
        | Write::DeleteListener { .. }
        | Write::PutMessage(_)
        | Write::DeleteMessage { .. } => None,
    }
}
