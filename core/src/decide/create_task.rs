//! `task.create` (spec §4): a promise born with its task in the hands of the caller.

use std::sync::Arc;

use super::{Decided, Transition, acquire_task, create_promise};
use crate::mutant::Mutant;
use crate::promise::is_timer;
use crate::read::Read;
use crate::reply::{Refusal, Reply};
use crate::request::CreatePromise;
use crate::task::TaskState;
use crate::time::Millis;

pub(super) fn decide(t: &mut Transition<'_>, pid: &Arc<str>, ttl: Millis, create: &CreatePromise) -> Decided {
    if is_timer(&create.tags) {
        return Err(Refusal::Invalid("a timer has no task: remove the tag 'resonate:timer'".to_owned()).into());
    }
    let birth = create_promise::check(t, create)?;
    if birth.target.is_none() {
        return Err(Refusal::Invalid("the action needs a 'resonate:target' tag".to_owned()).into());
    }
    t.prefetch([Read::Promise(create.id.clone()), Read::Task(create.id.clone())])?;
    match t.promise(&create.id)? {
        Some(_) => take_existing(t, pid, ttl, create),
        None => {
            let now = t.now;
            let born = create_promise::give_birth(t, create, &birth, now, |task| task.acquired(pid, ttl, now))?;
            let (promise, Some(task)) = born else { unreachable!("a target gives birth to a task") };
            let preload = if Transition::is_settled(&promise) { Vec::new() } else { t.preload(&promise)? };
            Ok(Reply::Acquired { task, promise, preload })
        }
    }
}

fn take_existing(t: &mut Transition<'_>, pid: &Arc<str>, ttl: Millis, create: &CreatePromise) -> Decided {
    let (task, promise) =
        t.task(&create.id)?.ok_or(Refusal::Unprocessable("the promise exists without a resonate:target tag"))?;
    let refused = match task.state {
        TaskState::Fulfilled => return Ok(Reply::Acquired { task, promise, preload: Vec::new() }),
        TaskState::Pending => None,
        TaskState::Acquired => Some(("the task is held by a worker", Mutant::TaskCreateTakesHeld)),
        TaskState::Suspended => Some(("the task is suspended", Mutant::TaskCreateTakesSuspended)),
        TaskState::Halted => Some(("the task is halted", Mutant::TaskCreateTakesHalted)),
    };
    match refused.filter(|(_, takes)| !t.mutated(*takes)) {
        Some((why, _)) => Err(Refusal::Conflict(why).into()),
        None => acquire_task::acquire(t, task, promise, pid, ttl),
    }
}
