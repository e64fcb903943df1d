//! The changes that decisions make: few, typed, each with the guard that it relies on. [`Write::apply_to`] is the one definition of what a
//! write does; every store is tested against it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

use crate::address::Address;
use crate::id::Id;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::{Promise, PromiseState};
use crate::records::Records;
use crate::schedule::Schedule;
use crate::shown::shown;
use crate::task::{Task, TaskState};
use crate::time::Timestamp;

/// One change of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// Inserts a promise. Guard: the id is free.
    InsertPromise(Arc<Promise>),
    /// Replaces a promise by its settled after-image. Guard: it is pending. Only state, value, `settled_at` and `complete_key` differ.
    SettlePromise(Arc<Promise>),
    /// Notes whether a promise may have waiters. Guard: it exists.
    SetHasWaiters {
        /// The promise.
        id: Id,
        /// The note.
        has_waiters: bool,
    },
    /// Removes a promise. Guard: it is settled.
    DeletePromise {
        /// The promise.
        id: Id,
    },
    /// Inserts a task. Guard: the id is free.
    InsertTask(Arc<Task>),
    /// Replaces a task. Guard: it is still in this state at this version.
    UpdateTask {
        /// The state before.
        from: TaskState,
        /// The version before.
        version: u64,
        /// The after-image.
        task: Arc<Task>,
    },
    /// Removes a task. Guard: it is fulfilled.
    DeleteTask {
        /// The task.
        id: Id,
    },
    /// Registers a callback; registering it twice is registering it once.
    InsertCallback {
        /// The promise that is waited for.
        awaited: Id,
        /// The task that waits.
        awaiter: Id,
    },
    /// Removes a callback, if it is there.
    DeleteCallback {
        /// The promise that was waited for.
        awaited: Id,
        /// The task that waited.
        awaiter: Id,
    },
    /// Registers a listener; registering it twice is registering it once.
    InsertListener {
        /// The promise that is waited for.
        awaited: Id,
        /// Who is told.
        address: Address,
    },
    /// Removes a listener, if it is there.
    DeleteListener {
        /// The promise that was waited for.
        awaited: Id,
        /// Who was to be told.
        address: Address,
    },
    /// Inserts a schedule. Guard: the id is free.
    InsertSchedule(Arc<Schedule>),
    /// Moves a schedule on. Guard: `next_run_at` is still `from`.
    AdvanceSchedule {
        /// The schedule.
        id: Id,
        /// The occurrence that was due.
        from: Timestamp,
        /// The last occurrence fired.
        last_run_at: Option<Timestamp>,
        /// The next one.
        next_run_at: Timestamp,
    },
    /// Removes a schedule. Guard: it exists.
    DeleteSchedule {
        /// The schedule.
        id: Id,
    },
    /// Inserts an entry of the outbox, or replaces the one with its key.
    PutMessage(Arc<OutboxEntry>),
    /// Removes an entry of the outbox, if it is there.
    DeleteMessage {
        /// The entry.
        key: MessageKey,
    },
}

/// A guard did not hold: the records behind the decision were not those of the store. Run the batch again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a guard of a write did not hold")
    }
}

impl std::error::Error for Conflict {}

fn guard(holds: bool) -> Result<(), Conflict> {
    if holds { Ok(()) } else { Err(Conflict) }
}

impl Write {
    /// Makes the change.
    ///
    /// # Errors
    /// [`Conflict`] when the guard does not hold; then nothing is changed.
    pub fn apply_to(&self, records: &mut Records) -> Result<(), Conflict> {
        match self {
            Self::InsertPromise(promise) => {
                guard(records.put_promise_if(Arc::clone(promise), |before| before.is_none()))?;
            }
            Self::SettlePromise(promise) => {
                let is_pending =
                    |before: Option<&Promise>| before.is_some_and(|row| row.state == PromiseState::Pending);
                guard(records.put_promise_if(Arc::clone(promise), is_pending))?;
            }
            Self::SetHasWaiters { id, has_waiters } => {
                let mut promise = Promise::clone(records.promise(id).flatten().ok_or(Conflict)?);
                promise.has_waiters = *has_waiters;
                records.put_promise(Arc::new(promise));
            }
            Self::DeletePromise { id } => {
                let before = records.promise(id).flatten().ok_or(Conflict)?;
                guard(before.state != PromiseState::Pending)?;
                records.remove_promise(id);
            }
            Self::InsertTask(task) => {
                guard(records.task(&task.id).flatten().is_none())?;
                records.put_task(Arc::clone(task));
            }
            Self::UpdateTask { from, version, task } => {
                let before = records.task(&task.id).flatten().ok_or(Conflict)?;
                guard(before.state == *from && before.version == *version)?;
                records.put_task(Arc::clone(task));
            }
            Self::DeleteTask { id } => {
                let before = records.task(id).flatten().ok_or(Conflict)?;
                guard(before.state == TaskState::Fulfilled)?;
                records.remove_task(id);
            }
            Self::InsertCallback { awaited, awaiter } => records.put_callback(awaited, awaiter),
            Self::DeleteCallback { awaited, awaiter } => records.remove_callback(awaited, awaiter),
            Self::InsertListener { awaited, address } => records.listeners.insert(awaited.shared(), address.clone()),
            Self::DeleteListener { awaited, address } => records.listeners.remove(awaited.shared(), address),
            Self::InsertSchedule(_) | Self::AdvanceSchedule { .. } | Self::DeleteSchedule { .. } => {
                self.apply_to_schedule(records)?;
            }
            Self::PutMessage(entry) => records.put_message(&entry.key, Some(entry)),
            Self::DeleteMessage { key } => records.put_message(key, None),
        }
        Ok(())
    }

    fn apply_to_schedule(&self, records: &mut Records) -> Result<(), Conflict> {
        match self {
            Self::InsertSchedule(schedule) => {
                guard(records.schedule(&schedule.id).flatten().is_none())?;
                records.put_schedule(&schedule.id, Some(schedule));
            }
            Self::AdvanceSchedule { id, from, last_run_at, next_run_at } => {
                let before = records.schedule(id).flatten().ok_or(Conflict)?;
                guard(before.next_run_at == *from)?;
                let after =
                    Schedule { last_run_at: *last_run_at, next_run_at: *next_run_at, ..Schedule::clone(before) };
                records.put_schedule(id, Some(&Arc::new(after)));
            }
            Self::DeleteSchedule { id } => {
                guard(records.schedule(id).flatten().is_some())?;
                records.put_schedule(id, None);
            }
            Self::InsertPromise(_)
            | Self::SettlePromise(_)
            | Self::SetHasWaiters { .. }
            | Self::DeletePromise { .. }
            | Self::InsertTask(_)
            | Self::UpdateTask { .. }
            | Self::DeleteTask { .. }
            | Self::InsertCallback { .. }
            | Self::DeleteCallback { .. }
            | Self::InsertListener { .. }
            | Self::DeleteListener { .. }
            | Self::PutMessage(_)
            | Self::DeleteMessage { .. } => unreachable!("not a write of a schedule: {}", shown(self)),
        }
        Ok(())
    }
}
