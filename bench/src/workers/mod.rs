//! Owns the measures of what workers feel: messages that come to them over open connections, and the cycle of a task.

pub(crate) mod burst;
pub(crate) mod connections;
pub(crate) mod cycles;
pub(crate) mod dead_group;
pub(crate) mod dispatch;
mod events;
pub(crate) mod flood;
pub(crate) mod lateness;
pub(crate) mod ledger;
