//! `task.release` (spec §4): a worker gives its task back.

use super::{Decided, Transition};
use crate::reply::Reply;
use crate::request::TaskRef;

pub(super) fn decide(t: &mut Transition<'_>, held: &TaskRef) -> Decided {
    let (task, _) = t.held_task(held)?;
    let now = t.now;
    t.move_task(&task, task.pending(now));
    Ok(Reply::Done)
}
