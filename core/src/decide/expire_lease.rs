//! Background: a task whose lease has ended goes back to pending (spec §4).

use super::{Decided, Transition};
use crate::id::Id;
use crate::mutant::Mutant;
use crate::reply::Reply;

pub(super) fn decide(t: &mut Transition<'_>, id: &Id) -> Decided {
    let Some((task, _)) = t.task(id)? else { return Ok(Reply::Idle) };
    let now = t.now;
    let ends = |at| at <= now || t.mutated(Mutant::LeaseEndsEarly);
    if task.lease.as_ref().is_some_and(|lease| ends(lease.expires_at)) && !t.mutated(Mutant::LeaseNeverEnds) {
        t.move_task(&task, task.pending(now));
    }
    Ok(t.background_reply())
}
