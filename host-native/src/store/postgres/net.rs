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
    /// It was there, and is gone or replaced.
    Deleted {
        /// Whether it was settled only in this batch.
        was_pending: bool,
        /// What has its id now.
        then: Option<Arc<Promise>>,
    },
    /// It was not there, and is not there again.
    Passed,
}

/// How a task was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Not at all.
    Absent,
    /// In a state at a version.
    At(TaskState, u64),
    /// Fulfilled, at whatever version.
    Fulfilled,
}

/// What becomes of a task.
#[derive(Debug)]
pub(super) struct TaskChange {
    /// How it was found.
    pub(super) found: Found,
    /// How it is left; nothing when it is gone.
    pub(super) left: Option<Arc<Task>>,
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
            Write::InsertPromise(promise) => self.insert_promise(promise)?,
            Write::SettlePromise(promise) => self.settle(promise)?,
            Write::SetHasWaiters { id, has_waiters } => self.note_waiters(id, *has_waiters)?,
            Write::DeletePromise { id } => self.delete_promise(id)?,
            Write::InsertTask(task) => self.insert_task(task)?,
            Write::UpdateTask { from, version, task } => self.move_task(*from, *version, task)?,
            Write::DeleteTask { id } => self.delete_task(id)?,
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

    fn insert_promise(&mut self, promise: &Arc<Promise>) -> Result<(), Conflict> {
        match self.promises.entry(promise.id.clone()) {
            Entry::Vacant(row) => put(row, PromiseChange::Inserted(Arc::clone(promise))),
            Entry::Occupied(mut row) => match row.get_mut() {
                PromiseChange::Deleted { then: then @ None, .. } => *then = Some(Arc::clone(promise)),
                passed @ PromiseChange::Passed => *passed = PromiseChange::Inserted(Arc::clone(promise)),
                PromiseChange::Inserted(_) | PromiseChange::Changed { .. } | PromiseChange::Deleted { .. } => {
                    return Err(Conflict);
                }
            },
        }
        Ok(())
    }

    fn settle(&mut self, after: &Arc<Promise>) -> Result<(), Conflict> {
        match self.promises.entry(after.id.clone()) {
            Entry::Vacant(row) => {
                put(row, PromiseChange::Changed { settled: Some(Arc::clone(after)), has_waiters: None });
            }
            Entry::Occupied(mut row) => match row.get_mut() {
                PromiseChange::Inserted(promise) | PromiseChange::Deleted { then: Some(promise), .. }
                    if promise.state == PromiseState::Pending =>
                {
                    *promise = Arc::new(Promise { has_waiters: promise.has_waiters, ..Promise::clone(after) });
                }
                PromiseChange::Changed { settled: settled @ None, .. } => *settled = Some(Arc::clone(after)),
                PromiseChange::Inserted(_)
                | PromiseChange::Changed { settled: Some(_), .. }
                | PromiseChange::Deleted { .. }
                | PromiseChange::Passed => return Err(Conflict),
            },
        }
        Ok(())
    }

    fn note_waiters(&mut self, id: &Id, noted: bool) -> Result<(), Conflict> {
        match self.promises.entry(id.clone()) {
            Entry::Vacant(row) => put(row, PromiseChange::Changed { settled: None, has_waiters: Some(noted) }),
            Entry::Occupied(mut row) => match row.get_mut() {
                PromiseChange::Inserted(promise) | PromiseChange::Deleted { then: Some(promise), .. } => {
                    *promise = Arc::new(Promise { has_waiters: noted, ..Promise::clone(promise) });
                }
                PromiseChange::Changed { has_waiters, .. } => *has_waiters = Some(noted),
                PromiseChange::Deleted { then: None, .. } | PromiseChange::Passed => return Err(Conflict),
            },
        }
        Ok(())
    }

    fn delete_promise(&mut self, id: &Id) -> Result<(), Conflict> {
        let is_settled = |promise: &Promise| promise.state != PromiseState::Pending;
        let deleted = |was_pending| PromiseChange::Deleted { was_pending, then: None };
        match self.promises.entry(id.clone()) {
            Entry::Vacant(row) => put(row, deleted(false)),
            Entry::Occupied(mut row) => {
                let after = match row.get() {
                    PromiseChange::Inserted(promise) if is_settled(promise) => PromiseChange::Passed,
                    PromiseChange::Changed { settled, .. } => deleted(settled.is_some()),
                    PromiseChange::Deleted { was_pending, then: Some(promise) } if is_settled(promise) => {
                        deleted(*was_pending)
                    }
                    PromiseChange::Inserted(_) | PromiseChange::Deleted { .. } | PromiseChange::Passed => {
                        return Err(Conflict);
                    }
                };
                row.insert(after);
            }
        }
        Ok(())
    }

    fn insert_task(&mut self, task: &Arc<Task>) -> Result<(), Conflict> {
        let left = Some(Arc::clone(task));
        match self.tasks.entry(task.id.clone()) {
            Entry::Vacant(row) => put(row, TaskChange { found: Found::Absent, left }),
            Entry::Occupied(mut row) if row.get().left.is_none() => row.get_mut().left = left,
            Entry::Occupied(_) => return Err(Conflict),
        }
        Ok(())
    }

    fn move_task(&mut self, from: TaskState, version: u64, after: &Arc<Task>) -> Result<(), Conflict> {
        let left = Some(Arc::clone(after));
        match self.tasks.entry(after.id.clone()) {
            Entry::Vacant(row) => put(row, TaskChange { found: Found::At(from, version), left }),
            Entry::Occupied(mut row) => {
                let change = row.get_mut();
                let found = change.left.as_ref().map(|task| (task.state, task.version));
                if found != Some((from, version)) {
                    return Err(Conflict);
                }
                change.left = left;
            }
        }
        Ok(())
    }

    fn delete_task(&mut self, id: &Id) -> Result<(), Conflict> {
        match self.tasks.entry(id.clone()) {
            Entry::Vacant(row) => put(row, TaskChange { found: Found::Fulfilled, left: None }),
            Entry::Occupied(mut row) => {
                let change = row.get_mut();
                if change.left.as_ref().is_none_or(|task| task.state != TaskState::Fulfilled) {
                    return Err(Conflict);
                }
                change.left = None;
            }
        }
        Ok(())
    }
}
