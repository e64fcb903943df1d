//! `schedule.delete`. Promises that it fired stay.

use super::{Decided, Transition};
use crate::id::Id;
use crate::mutant::Mutant;
use crate::reply::{Refusal, Reply};
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, id: &Id) -> Decided {
    if t.schedule(id)?.is_none() {
        return Err(Refusal::NotFound("schedule not found").into());
    }
    if !t.mutated(Mutant::ScheduleDeleteDoesNothing) {
        t.write(Write::DeleteSchedule { id: id.clone() });
    }
    Ok(Reply::Done)
}
