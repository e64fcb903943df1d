//! `task.acquire` (spec §4): a worker takes a pending task at the version that it was told.

use std::sync::Arc;

use super::{Decided, Transition, dispatch_task};
use crate::mutant::Mutant;
use crate::promise::Promise;
use crate::reply::{Refusal, Reply};
use crate::request::TaskRef;
use crate::task::{Task, TaskState};
use crate::time::Millis;

pub(super) fn decide(t: &mut Transition<'_>, wanted: &TaskRef, pid: &Arc<str>, ttl: Millis) -> Decided {
    let (task, promise) = t.task(&wanted.id)?.ok_or(Refusal::NotFound("task not found"))?;
    let takes_held = t.mutated(Mutant::AcquireTakesHeld) && task.state == TaskState::Acquired;
    if task.state != TaskState::Pending && !takes_held {
        return Err(Refusal::Conflict("task is not pending").into());
    }
    if task.version != wanted.version && !t.mutated(Mutant::AcquireIgnoresVersion) {
        return Err(Refusal::Conflict("task is pending at another version").into());
    }
    acquire(t, task, promise, pid, ttl)
}

/// Gives a pending task, whose promise is pending too, to a worker.
pub(super) fn acquire(
    t: &mut Transition<'_>,
    task: Arc<Task>,
    promise: Arc<Promise>,
    pid: &Arc<str>,
    ttl: Millis,
) -> Decided {
    let task = dispatch_task::withdraw(t, task)?;
    let preload = t.preload(&promise)?;
    let mut acquired = task.acquired(pid, ttl, t.now);
    if t.mutated(Mutant::AcquireKeepsVersion) {
        acquired.version = task.version;
    }
    if t.mutated(Mutant::AcquireKeepsResumes) {
        acquired.resumes.clone_from(&task.resumes);
    }
    let task = t.move_task(&task, acquired);
    Ok(Reply::Acquired { task, promise, preload })
}
