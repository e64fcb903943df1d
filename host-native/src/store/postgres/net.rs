//! The writes of a batch folded by row: what the database has to be told is how each row was found and how it is left. Guards between writes of
//! one batch hold here; those against what the database has are left to its statements.

use std::collections::BTreeMap;
use std::collections::btree_map::{Entry, VacantEntry};
use std::sync::Arc;

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::message::{MessageKey, OutboxEntry};
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::task::{Task, TaskState};
use resonate_core::write::{Conflict, Write};

/// What becomes of a promise.
#[derive(Debug)]
pub(super) enum PromiseChange {
    /// It is new.
    Inserted(Arc<Promise>),
    /// It was there.
    Changed {
        /// Its settled after-image.
        settled: Option<Arc<Promise>>,
        /// Whether it may have waiters, if that changes.
        has_waiters: Option<bool>,
    },
}

/// What becomes of a task.
#[derive(Debug)]
pub(super) struct TaskChange {
    /// How it was found: at this state and version, or not at all.
    pub(super) found: Option<(TaskState, u64)>,
    /// How it is left.
    pub(super) left: Arc<Task>,
}

/// The writes of a batch by row, in the order in which rows are locked.
#[derive(Debug, Default)]
pub(super) struct Net {
    pub(super) promises: BTreeMap<Id, PromiseChange>,
    pub(super) tasks: BTreeMap<Id, TaskChange>,
    /// Whether each is there afterwards.
    pub(super) callbacks: BTreeMap<(Id, Id), bool>,
    /// Whether each is there afterwards.
    pub(super) listeners: BTreeMap<(Id, Address), bool>,
    /// Schedules change one by one: they are few.
    pub(super) schedules: Vec<Write>,
    pub(super) outbox: BTreeMap<MessageKey, Option<Arc<OutboxEntry>>>,
}

fn put<K: Ord, V>(row: VacantEntry<'_, K, V>, change: V) {
    row.insert(change);
}

impl Net {
    /// Adds a write behind those before.
    pub(super) fn add(&mut self, write: &Write) -> Result<(), Conflict> {
        match write {
            Write::InsertPromise(promise) => match self.promises.entry(promise.id.clone()) {
                Entry::Vacant(row) => put(row, PromiseChange::Inserted(Arc::clone(promise))),
                Entry::Occupied(_) => return Err(Conflict),
            },
            Write::SettlePromise(promise) => self.settle(promise)?,
            Write::SetHasWaiters { id, has_waiters } => self.note_waiters(id, *has_waiters),
            Write::InsertTask(task) => match self.tasks.entry(task.id.clone()) {
                Entry::Vacant(row) => put(row, TaskChange { found: None, left: Arc::clone(task) }),
                Entry::Occupied(_) => return Err(Conflict),
            },
            Write::UpdateTask { from, version, task } => self.move_task(*from, *version, task)?,
            Write::InsertCallback { awaited, awaiter } => {
                self.callbacks.insert((awaited.clone(), awaiter.clone()), true);
            }
            Write::DeleteCallback { awaited, awaiter } => {
                self.callbacks.insert((awaited.clone(), awaiter.clone()), false);
            }
            Write::InsertListener { awaited, address } => {
                self.listeners.insert((awaited.clone(), address.clone()), true);
            }
            Write::DeleteListener { awaited, address } => {
                self.listeners.insert((awaited.clone(), address.clone()), false);
            }
            Write::InsertSchedule(_) | Write::AdvanceSchedule { .. } | Write::DeleteSchedule { .. } => {
                self.schedules.push(write.clone());
            }
            Write::PutMessage(entry) => drop(self.outbox.insert(entry.key.clone(), Some(Arc::clone(entry)))),
            Write::DeleteMessage { key } => drop(self.outbox.insert(key.clone(), None)),
        }
        Ok(())
    }

    fn settle(&mut self, after: &Arc<Promise>) -> Result<(), Conflict> {
        match self.promises.entry(after.id.clone()) {
            Entry::Vacant(row) => {
                put(row, PromiseChange::Changed { settled: Some(Arc::clone(after)), has_waiters: None });
            }
            Entry::Occupied(mut row) => match row.get_mut() {
                PromiseChange::Inserted(promise) if promise.state == PromiseState::Pending => {
                    *promise = Arc::new(Promise { has_waiters: promise.has_waiters, ..Promise::clone(after) });
                }
                PromiseChange::Changed { settled: settled @ None, .. } => *settled = Some(Arc::clone(after)),
                PromiseChange::Inserted(_) | PromiseChange::Changed { settled: Some(_), .. } => return Err(Conflict),
            },
        }
        Ok(())
    }

    fn note_waiters(&mut self, id: &Id, noted: bool) {
        match self.promises.entry(id.clone()) {
            Entry::Vacant(row) => put(row, PromiseChange::Changed { settled: None, has_waiters: Some(noted) }),
            Entry::Occupied(mut row) => match row.get_mut() {
                PromiseChange::Inserted(promise) => {
                    *promise = Arc::new(Promise { has_waiters: noted, ..Promise::clone(promise) });
                }
                PromiseChange::Changed { has_waiters, .. } => *has_waiters = Some(noted),
            },
        }
    }

    fn move_task(&mut self, from: TaskState, version: u64, after: &Arc<Task>) -> Result<(), Conflict> {
        match self.tasks.entry(after.id.clone()) {
            Entry::Vacant(row) => {
                put(row, TaskChange { found: Some((from, version)), left: Arc::clone(after) });
            }
            Entry::Occupied(mut row) => {
                let change = row.get_mut();
                if (change.left.state, change.left.version) != (from, version) {
                    return Err(Conflict);
                }
                change.left = Arc::clone(after);
            }
        }
        Ok(())
    }
}
