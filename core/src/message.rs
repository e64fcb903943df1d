//! Messages to workers and listeners, and the entries of the outbox that hold them until they are delivered. Knows no transport.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::address::Address;
use crate::id::Id;
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

impl MessageKey {
    /// Whether it is the `execute` of a task.
    #[must_use]
    pub fn is_execute_of(&self, id: &Id) -> bool {
        match self {
            Self::Execute { task } => task == id,
            Self::Unblock { .. } => false,
        }
    }

    /// The task or the promise that the message is about.
    #[must_use]
    pub fn id(&self) -> &Id {
        match self {
            Self::Execute { task: id } | Self::Unblock { promise: id, address: _ } => id,
        }
    }
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
    /// When the next attempt may be made: a hold-back, the end of a claim, or a delay after a failure. While it is parked:
    /// [`Timestamp::MAX`] for an `execute`, the end of its retention for an `unblock`.
    pub due_at: Timestamp,
    /// Whether it waits for a connection, see [`Address::route`] and [`crate::address::Mailbox`].
    pub parked: bool,
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
        Self { key, address, version, created_at, due_at, parked: false, failures: 0, waits: 0 }
    }

    /// When the entry ends without a delivery. An `execute` ends with its task's version only.
    pub(crate) fn expires_at(&self, rules: &Rules) -> Timestamp {
        match self.key {
            MessageKey::Execute { .. } => Timestamp::MAX,
            MessageKey::Unblock { .. } => self.created_at + rules.unblock_retention,
        }
    }
}

/// A message for a worker or a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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

/// What a message occupies beside its strings, roughly: the record around them, and what a queue keeps of it.
const FRAME_BYTES: usize = 256;

impl Message {
    /// Bytes that the message occupies while it waits, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Execute { task, version: _ } => FRAME_BYTES + task.len(),
            Self::Unblock { promise } => FRAME_BYTES + promise.weight(),
        }
    }
}

/// A message that is claimed for a host: it delivers it, and reports how that went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// What the reports name.
    pub key: MessageKey,
    /// What the reports name too: the task's version for an `execute`, 0 for an `unblock`.
    pub version: u64,
    /// Where it goes.
    pub address: Address,
    /// The message.
    pub message: Message,
}
