//! What a host should do after a commit. Effects are hints: each also follows from committed rows, so losing one costs time and nothing else.

use serde::Serialize;

use crate::address::Mailbox;
use crate::message::Delivery;
use crate::time::Timestamp;

/// Something to do once the writes are durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Deliver a message that was claimed for the host, and report how it went.
    Deliver(Delivery),
    /// A message waits in this mailbox: if somebody is connected who could take it, claim it ([`crate::request::Claim::Connected`]).
    Parked(Mailbox),
    /// Something is due at this instant: look then.
    WakeAt(Timestamp),
}
