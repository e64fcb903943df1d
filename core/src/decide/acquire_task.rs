//! `task.acquire` (spec §4): a worker takes a pending task at the version that it was told.

use std::sync::Arc;

use super::{Decided, Transition};
use crate::promise::Promise;
use crate::reply::{Refusal, Reply};
use crate::request::TaskRef;
use crate::task::{Task, TaskState};
use crate::time::Millis;

pub(super) fn decide(t: &mut Transition<'_>, wanted: &TaskRef, pid: &Arc<str>, ttl: Millis) -> Decided {
    let (task, promise) = t.task(&wanted.id)?.ok_or(Refusal::NotFound("task not found"))?;
    if task.state != TaskState::Pending {
        return Err(Refusal::Conflict("task is not pending").into());
    }
    if task.version != wanted.version {
        return Err(Refusal::Conflict("task is pending at another version").into());
    }
    acquire(t, &task, promise, pid, ttl)
}

/// Gives a pending task, whose promise is pending too, to a worker.
pub(super) fn acquire(
    t: &mut Transition<'_>,
    task: &Task,
    promise: Arc<Promise>,
    pid: &Arc<str>,
    ttl: Millis,
) -> Decided {
    let preload = t.preload(&promise)?;
    let now = t.now;
    let task = t.move_task(task, task.acquired(pid, ttl, now));
    Ok(Reply::Acquired { task, promise, preload })
}
