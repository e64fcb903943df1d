//! `task.halt` (spec §4): an operator stops a task. Halting twice is fine.

use super::{Decided, Transition, dispatch_task};
use crate::id::Id;
use crate::mutant::Mutant;
use crate::reply::{Refusal, Reply};
use crate::task::TaskState;

pub(super) fn decide(t: &mut Transition<'_>, id: &Id) -> Decided {
    let (task, _) = t.task(id)?.ok_or(Refusal::NotFound("task not found"))?;
    match task.state {
        TaskState::Fulfilled if !t.mutated(Mutant::HaltOfTheFulfilled) => {
            Err(Refusal::Conflict("task is fulfilled").into())
        }
        TaskState::Halted => Ok(Reply::Done),
        TaskState::Pending | TaskState::Acquired | TaskState::Suspended | TaskState::Fulfilled => {
            let task = dispatch_task::withdraw(t, task)?;
            let mut halted = task.halted();
            if t.mutated(Mutant::HaltKeepsLease) {
                halted.lease.clone_from(&task.lease);
            }
            if !t.mutated(Mutant::HaltDoesNothing) {
                t.move_task(&task, halted);
            }
            Ok(Reply::Done)
        }
    }
}
