//! The task: the right to run a promise's function, held by one worker at a time. Knows nothing of requests, stores or answers.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::id::Id;
use crate::limits::{EXECUTE_BACKOFF_BASE, EXECUTE_BACKOFF_MAX};
use crate::message::OutboxEntry;
use crate::promise::Promise;
use crate::time::{Millis, Timestamp};

/// The state of a task. Only [`TaskState::Fulfilled`] is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waiting for a worker.
    Pending,
    /// Held by a worker under a lease.
    Acquired,
    /// Waiting for promises.
    Suspended,
    /// Stopped by an operator.
    Halted,
    /// Its promise is settled.
    Fulfilled,
}

impl TaskState {
    /// Every state, in the order of their numbers on disk.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Acquired, Self::Suspended, Self::Halted, Self::Fulfilled];

    /// The name in today's protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Acquired => "acquired",
            Self::Suspended => "suspended",
            Self::Halted => "halted",
            Self::Fulfilled => "fulfilled",
        }
    }
}

/// A worker's hold on a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The worker.
    pub pid: Arc<str>,
    /// How long each extension lasts; at least 1 ms.
    pub ttl: Millis,
    /// When it ends unless extended.
    pub expires_at: Timestamp,
}

/// How long after the one before the `number`-th `execute` leaves, from the second on.
fn hold_back(number: u32) -> Millis {
    EXECUTE_BACKOFF_BASE.doubled(number).min(EXECUTE_BACKOFF_MAX)
}

/// A task as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The id of its promise.
    pub id: Id,
    /// The stored state; the task of a promise past its deadline is fulfilled for every reader.
    pub state: TaskState,
    /// Moves only on acquisition, and then by exactly one.
    pub version: u64,
    /// Awaited promises that settled since the task last ran.
    #[serde(default)]
    pub resumes: BTreeSet<Id>,
    /// The hold of a worker; there exactly when acquired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// When it is to be dispatched (again); there exactly when pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// `execute` messages since the task last suspended.
    #[serde(default)]
    pub executes: u32,
    /// When the last of them left, or may leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute_at: Option<Timestamp>,
}

impl Task {
    /// A task without a holder in `state`, at version 0.
    #[must_use]
    pub fn new(id: Id, state: TaskState) -> Self {
        Self {
            id,
            state,
            version: 0,
            resumes: BTreeSet::new(),
            lease: None,
            retry_at: None,
            executes: 0,
            execute_at: None,
        }
    }

    /// This task, waiting for a worker from `due` on. Its resumes stay.
    #[must_use]
    pub fn pending(&self, due: Timestamp) -> Self {
        Self { state: TaskState::Pending, lease: None, retry_at: Some(due), ..self.clone() }
    }

    /// This task, held by `pid` from `now` on, one version further.
    #[must_use]
    pub fn acquired(&self, pid: &Arc<str>, ttl: Millis, now: Timestamp) -> Self {
        Self {
            state: TaskState::Acquired,
            version: self.version + 1,
            resumes: BTreeSet::new(),
            lease: Some(Lease { pid: Arc::clone(pid), ttl, expires_at: now + ttl }),
            retry_at: None,
            ..self.clone()
        }
    }

    /// This task, waiting for promises. A suspension is progress: the count of `execute` messages starts anew.
    #[must_use]
    pub fn suspended(&self) -> Self {
        Self { version: self.version, ..Self::new(self.id.clone(), TaskState::Suspended) }
    }

    /// This task, stopped by an operator. Its resumes stay.
    #[must_use]
    pub fn halted(&self) -> Self {
        Self { state: TaskState::Halted, lease: None, retry_at: None, ..self.clone() }
    }

    /// This task, its promise settled.
    #[must_use]
    pub fn fulfilled(&self) -> Self {
        Self { version: self.version, ..Self::new(self.id.clone(), TaskState::Fulfilled) }
    }

    /// The earliest instant at which the next `execute` may leave (spec §4: the k-th no sooner than min(100 ms · 2^k, 30 s) after the
    /// one before, for k >= 2). A clock that was set back does not prolong that.
    #[must_use]
    pub fn execute_not_before(&self, now: Timestamp) -> Timestamp {
        match self.execute_at {
            Some(previous) if self.executes >= 1 => {
                now.max(previous.min(now) + hold_back(self.executes.saturating_add(1)))
            }
            Some(_) | None => now,
        }
    }

    /// This task, its last `execute` withdrawn before it left: nobody has heard it, so it does not count, and the next one takes its turn.
    #[must_use]
    pub fn execute_withdrawn(&self) -> Self {
        let executes = self.executes.saturating_sub(1);
        let previous = self.execute_at.filter(|_| executes >= 1).map(|turn| turn - hold_back(self.executes));
        Self { executes, execute_at: previous, ..self.clone() }
    }

    /// The state as every reader sees it at `now`: the task of a promise past its deadline is fulfilled.
    #[must_use]
    pub fn state_as_of(&self, promise: &Promise, now: Timestamp) -> TaskState {
        if promise.is_overdue(now) { TaskState::Fulfilled } else { self.state }
    }

    /// Whether an entry is its `execute`, and has yet to leave: it is held back until its turn, or until a delay.
    #[must_use]
    pub fn holds_back(&self, entry: &OutboxEntry, now: Timestamp) -> bool {
        let turn = self.execute_at.filter(|turn| self.state == TaskState::Pending && *turn > now);
        // One that has left is claimed beyond that instant, or parked, even where the clock was set back since.
        turn == Some(entry.due_at) && entry.version == self.version && entry.key.is_execute_of(&self.id)
    }

    /// Whether `pid` holds the task.
    #[must_use]
    pub fn is_held_by(&self, pid: &str) -> bool {
        self.lease.as_ref().is_some_and(|lease| &*lease.pid == pid)
    }
}
