//! Names of the variants of replies and writes, so that a run can tell which it has reached. A new variant does not compile until it is here. Requests have
//! theirs in the core.

use resonate_core::reply::{Refusal, Reply};
use resonate_core::write::Write;

/// Every [`of_reply`].
pub const REPLIES: [&str; 22] = [
    "promise",
    "created",
    "not created",
    "settled",
    "not settled",
    "promises",
    "task",
    "acquired",
    "fenced",
    "suspended",
    "redirected",
    "fulfilled",
    "tasks",
    "schedule",
    "schedules",
    "done",
    "idle",
    "invalid",
    "not found",
    "conflict",
    "unprocessable",
    "expired",
];

/// The name of a reply; a refusal is one of its kind.
#[must_use]
pub fn of_reply(reply: &Reply) -> &'static str {
    REPLIES[match reply {
        Reply::Promise(_) => 0,
        Reply::Created { fresh: true, .. } => 1,
        Reply::Created { fresh: false, .. } => 2,
        Reply::Settled { fresh: true, .. } => 3,
        Reply::Settled { fresh: false, .. } => 4,
        Reply::Promises { .. } => 5,
        Reply::Task(_) => 6,
        Reply::Acquired { .. } => 7,
        Reply::Fenced(_) => 8,
        Reply::Suspended => 9,
        Reply::Redirected { .. } => 10,
        Reply::Fulfilled(_) => 11,
        Reply::Tasks { .. } => 12,
        Reply::Schedule(_) => 13,
        Reply::Schedules { .. } => 14,
        Reply::Done => 15,
        Reply::Idle => 16,
        Reply::Refused(Refusal::Invalid(_)) => 17,
        Reply::Refused(Refusal::NotFound(_)) => 18,
        Reply::Refused(Refusal::Conflict(_)) => 19,
        Reply::Refused(Refusal::Unprocessable(_)) => 20,
        Reply::Expired => 21,
    }]
}

/// Every [`of_write`].
pub const WRITES: [&str; 16] = [
    "insert promise",
    "settle promise",
    "set has waiters",
    "delete promise",
    "insert task",
    "update task",
    "delete task",
    "insert callback",
    "delete callback",
    "insert listener",
    "delete listener",
    "insert schedule",
    "advance schedule",
    "delete schedule",
    "put message",
    "delete message",
];

/// The name of a write.
#[must_use]
pub fn of_write(write: &Write) -> &'static str {
    WRITES[match write {
        Write::InsertPromise(_) => 0,
        Write::SettlePromise(_) => 1,
        Write::SetHasWaiters { .. } => 2,
        Write::DeletePromise { .. } => 3,
        Write::InsertTask(_) => 4,
        Write::UpdateTask { .. } => 5,
        Write::DeleteTask { .. } => 6,
        Write::InsertCallback { .. } => 7,
        Write::DeleteCallback { .. } => 8,
        Write::InsertListener { .. } => 9,
        Write::DeleteListener { .. } => 10,
        Write::InsertSchedule(_) => 11,
        Write::AdvanceSchedule { .. } => 12,
        Write::DeleteSchedule { .. } => 13,
        Write::PutMessage(_) => 14,
        Write::DeleteMessage { .. } => 15,
    }]
}
