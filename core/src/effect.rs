//! What a host should do after a commit. Effects are hints: each also follows from committed rows, so losing one costs time and nothing else.

use crate::address::Address;
use crate::message::{Message, MessageKey};
use crate::time::Timestamp;

/// Something to do once the writes are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Deliver a message that was claimed for the host, and report how it went.
    Deliver {
        /// What the reports name.
        key: MessageKey,
        /// What the reports name too: the task's version for an `execute`, 0 for an `unblock`.
        version: u64,
        /// Where it goes.
        address: Address,
        /// The message.
        message: Message,
    },
    /// Something is due at this instant: look then.
    WakeAt(Timestamp),
}
