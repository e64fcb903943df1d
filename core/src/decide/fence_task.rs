//! `task.fence` (spec §4): a create or a settle that happens only if the worker still holds its task.

use super::{Decided, Stop, Transition, create_promise, settle_promise};
use crate::mutant::Mutant;
use crate::reply::{Refusal, Reply};
use crate::request::{FencedAction, TaskRef};

pub(super) fn decide(t: &mut Transition<'_>, held: &TaskRef, action: &FencedAction) -> Decided {
    if *action.id() == held.id && !t.mutated(Mutant::FenceOfItself) {
        return Err(Refusal::Invalid("the action's id must not be the task's".to_owned()).into());
    }
    if !t.mutated(Mutant::FenceUnguarded) {
        t.held_task(held)?;
    }
    let inner = match action {
        FencedAction::Create(create) => create_promise::decide(t, create),
        FencedAction::Settle(settle) => settle_promise::decide(t, settle),
    };
    match inner {
        Ok(reply) => Ok(Reply::Fenced(Box::new(reply))),
        Err(Stop::Refused(refusal)) => Ok(Reply::Fenced(Box::new(Reply::Refused(refusal)))),
        Err(Stop::Missing(reads)) => Err(Stop::Missing(reads)),
    }
}
