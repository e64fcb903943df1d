//! `task.continue` (spec §4): an operator lets a halted task go on.

use super::{Decided, Transition};
use crate::id::Id;
use crate::mutant::Mutant;
use crate::reply::{Refusal, Reply};
use crate::task::TaskState;

pub(super) fn decide(t: &mut Transition<'_>, id: &Id) -> Decided {
    let (task, _) = t.task(id)?.ok_or(Refusal::NotFound("task not found"))?;
    if task.state != TaskState::Halted && !t.mutated(Mutant::ContinueOfAnything) {
        return Err(Refusal::Conflict("task is not halted").into());
    }
    let now = t.now;
    if !t.mutated(Mutant::ContinueDoesNothing) {
        t.move_task(&task, task.pending(now));
    }
    Ok(Reply::Done)
}
