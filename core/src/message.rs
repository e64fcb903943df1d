//! Messages to workers and listeners, and the entries of the outbox that hold them until they are delivered. Knows no transport.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::address::Address;
use crate::id::Id;
use crate::promise::Promise;
use crate::time::Timestamp;

/// What an entry of the outbox is known by: a task has at most one `execute`, a promise and an address at most one `unblock`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKey {
    /// The `execute` of a task.
    Execute {
        /// The task.
        task: Id,
    },
    /// The `unblock` of a listener.
    Unblock {
        /// The settled promise.
        promise: Id,
        /// The listener.
        address: Address,
    },
}

/// An entry of the outbox as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// What it is known by.
    pub key: MessageKey,
    /// Where it goes.
    pub address: Address,
    /// The task's version for an `execute`, 0 for an `unblock`.
    pub version: u64,
    /// When it entered the outbox.
    pub created_at: Timestamp,
    /// When the next attempt may be made: a hold-back, the end of a claim, or a delay after a failure. [`Timestamp::MAX`] while it waits
    /// for a connection.
    pub due_at: Timestamp,
    /// Failed deliveries so far.
    pub failures: u32,
    /// Times that the retry clock of the task found this entry unchanged.
    pub waits: u32,
}

/// A message for a worker or a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Asks a worker to acquire a task.
    Execute {
        /// The task.
        task: Id,
        /// Its version.
        version: u64,
    },
    /// Tells a listener that a promise is settled.
    Unblock {
        /// The promise.
        promise: Arc<Promise>,
    },
}
