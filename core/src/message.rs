//! Messages to workers and listeners, and the entries of the outbox that hold them until they are delivered. Knows no transport.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::address::Address;
use crate::id::Id;
use crate::limits::MESSAGE_BACKOFF_MAX;
use crate::promise::Promise;
use crate::rules::Rules;
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
    /// When the next attempt may be made: a hold-back, the end of a claim, or a delay after a failure. While it waits for a connection:
    /// [`Timestamp::MAX`] for an `execute`, the end of its retention for an `unblock`.
    pub due_at: Timestamp,
    /// Failed deliveries so far.
    pub failures: u32,
    /// Times that the retry clock of the task found this entry unchanged.
    pub waits: u32,
}

impl OutboxEntry {
    /// An entry that was never tried.
    pub(crate) fn new(
        key: MessageKey,
        address: Address,
        version: u64,
        created_at: Timestamp,
        due_at: Timestamp,
    ) -> Self {
        Self { key, address, version, created_at, due_at, failures: 0, waits: 0 }
    }

    /// When the entry ends without a delivery. An `execute` ends with its task's version only.
    pub(crate) fn expires_at(&self, rules: &Rules) -> Timestamp {
        match self.key {
            MessageKey::Execute { .. } => Timestamp::MAX,
            MessageKey::Unblock { .. } => self.created_at + rules.unblock_retention,
        }
    }

    /// Whether it waits for a connection, so that one may take it before it is due.
    pub(crate) fn is_parked(&self, rules: &Rules, now: Timestamp) -> bool {
        // Nothing else is postponed so far, and a retention that was reconfigured meanwhile is not missed.
        self.due_at == self.expires_at(rules) || self.due_at > now + MESSAGE_BACKOFF_MAX
    }
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
