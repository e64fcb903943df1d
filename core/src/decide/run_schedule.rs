//! Background: a due schedule fires its oldest missed occurrence (spec §4, schedules).

use super::{Decided, Stop, Transition, create_promise};
use crate::cron;
use crate::id::Id;
use crate::mutant::Mutant;
use crate::reply::Reply;
use crate::request::{CreatePromise, Request};
use crate::schedule::Schedule;
use crate::time::Timestamp;
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, id: &Id, runs_left: u32) -> Decided {
    let Some(schedule) = t.schedule(id)? else { return Ok(Reply::Idle) };
    let occurrence = schedule.next_run_at;
    if occurrence > t.now && !t.mutated(Mutant::ScheduleNotDue) {
        return Ok(Reply::Idle);
    }
    // A row that an older version accepted and this one cannot fire is passed over, not stumbled upon for ever.
    if let Ok(promise) = schedule.promise_id_at(occurrence)
        && !t.mutated(Mutant::ScheduleForgetsPromise)
    {
        match fire(t, &schedule, &promise, occurrence) {
            Ok(()) | Err(Stop::Refused(_)) => {}
            Err(Stop::Missing(reads)) => return Err(Stop::Missing(reads)),
        }
    }
    let behind = if t.mutated(Mutant::ScheduleSkips) { t.now } else { occurrence };
    let next_run_at = cron::next_occurrence(&schedule.cron, behind).unwrap_or(Timestamp::MAX);
    let next_run_at = if t.mutated(Mutant::ScheduleRunsTwice) { occurrence } else { next_run_at };
    t.write(Write::AdvanceSchedule { id: id.clone(), from: occurrence, last_run_at: Some(occurrence), next_run_at });
    if next_run_at <= t.now && runs_left > 1 {
        t.follow_up(Request::RunSchedule { id: id.clone(), runs_left: runs_left - 1 });
    }
    Ok(Reply::Done)
}

fn fire(t: &mut Transition<'_>, schedule: &Schedule, id: &Id, occurrence: Timestamp) -> Decided<()> {
    if t.promise(id)?.is_some() && !t.mutated(Mutant::ScheduleOverwrites) {
        return Ok(());
    }
    let is_plain = t.mutated(Mutant::ScheduleForgetsTags);
    let create = CreatePromise {
        id: id.clone(),
        timeout_at: occurrence + schedule.promise_timeout,
        param: schedule.promise_param.clone(),
        tags: if is_plain { schedule.promise_tags.clone() } else { schedule.promise_tags_of(id) },
        key: None,
    };
    let birth = create_promise::check(t, &create)?;
    let now = t.now;
    create_promise::give_birth(t, &create, &birth, occurrence, |task| task.pending(now))?;
    Ok(())
}
