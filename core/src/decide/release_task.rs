//! `task.release` (spec §4): a worker gives its task back.

use super::{Decided, Transition};
use crate::mutant::Mutant;
use crate::reply::Reply;
use crate::request::TaskRef;

pub(super) fn decide(t: &mut Transition<'_>, held: &TaskRef) -> Decided {
    let (task, _) = t.held_task(held)?;
    let mut pending = task.pending(t.now);
    if t.mutated(Mutant::ReleaseBumpsVersion) {
        pending.version += 1;
    }
    if t.mutated(Mutant::RetryNeverSet) {
        pending.retry_at = None;
    }
    if !t.mutated(Mutant::ReleaseDoesNothing) {
        t.move_task(&task, pending);
    }
    Ok(Reply::Done)
}
