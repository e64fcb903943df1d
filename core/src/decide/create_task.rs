//! `task.create` (spec §4): a promise born with its task in the hands of the caller.

use std::sync::Arc;

use super::{Decided, Transition, acquire_task, create_promise};
use crate::promise::{PromiseState, is_timer};
use crate::read::Read;
use crate::reply::{Refusal, Reply};
use crate::request::CreatePromise;
use crate::task::{Task, TaskState};
use crate::time::Millis;

pub(super) fn decide(t: &mut Transition<'_>, pid: &Arc<str>, ttl: Millis, create: &CreatePromise) -> Decided {
    if is_timer(&create.tags) {
        return Err(Refusal::Invalid("a timer has no task: remove the tag 'resonate:timer'".to_owned()).into());
    }
    if create_promise::check(create)?.target.is_none() {
        return Err(Refusal::Invalid("the action needs a 'resonate:target' tag".to_owned()).into());
    }
    t.prefetch([Read::Promise(create.id.clone()), Read::Task(create.id.clone())])?;
    match t.promise(&create.id)? {
        Some(_) => take_existing(t, pid, ttl, create),
        None => {
            let now = t.now;
            let promise = create_promise::give_birth(t, create, now)?;
            let task = Task::new(create.id.clone(), TaskState::Fulfilled);
            let alive = promise.state == PromiseState::Pending;
            let task = t.insert_task(if alive { task.acquired(pid, ttl, now) } else { task });
            let preload = if alive { t.preload(&promise)? } else { Vec::new() };
            Ok(Reply::Acquired { task, promise, preload })
        }
    }
}

fn take_existing(t: &mut Transition<'_>, pid: &Arc<str>, ttl: Millis, create: &CreatePromise) -> Decided {
    let (task, promise) =
        t.task(&create.id)?.ok_or(Refusal::Unprocessable("the promise exists without a resonate:target tag"))?;
    match task.state {
        TaskState::Fulfilled => Ok(Reply::Acquired { task, promise, preload: Vec::new() }),
        TaskState::Pending => acquire_task::acquire(t, &task, promise, pid, ttl),
        TaskState::Acquired => Err(Refusal::Conflict("the task is held by a worker").into()),
        TaskState::Suspended => Err(Refusal::Conflict("the task is suspended").into()),
        TaskState::Halted => Err(Refusal::Conflict("the task is halted").into()),
    }
}
