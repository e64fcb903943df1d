//! Background: a task whose lease has ended goes back to pending (spec §4).

use super::{Decided, Transition};
use crate::id::Id;
use crate::reply::Reply;

pub(super) fn decide(t: &mut Transition<'_>, id: &Id) -> Decided {
    let Some((task, _)) = t.task(id)? else { return Ok(Reply::Idle) };
    let now = t.now;
    if task.lease.as_ref().is_some_and(|lease| lease.expires_at <= now) {
        t.move_task(&task, task.pending(now));
    }
    Ok(t.background_reply())
}
