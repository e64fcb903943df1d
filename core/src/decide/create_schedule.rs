//! `schedule.create` (spec §4, schedules).

use std::sync::Arc;

use super::{Decided, Transition};
use crate::cron;
use crate::mutant::Mutant;
use crate::promise::check_schedule_tags;
use crate::reply::{Refusal, Reply};
use crate::request::CreateSchedule;
use crate::schedule::{Schedule, expand};
use crate::time::Timestamp;
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, create: &CreateSchedule) -> Decided {
    let invalid = |why: String| Refusal::Invalid(why);
    let next_run_at = cron::next_occurrence(&create.cron, t.now).map_err(|why| invalid(format!("'cron' {why}")))?;
    check_schedule_tags(&create.promise_tags).map_err(|why| invalid(format!("'promiseTags': {why}")))?;
    // The longest instant makes the longest id.
    expand(&create.promise_id, &create.id, Timestamp::MAX)
        .map_err(|why| invalid(format!("'promiseId', expanded, {why}")))?;
    if let Some(schedule) = t.schedule(&create.id)? {
        if !t.mutated(Mutant::ScheduleCreateReplaces) {
            return Ok(Reply::Schedule(schedule));
        }
        t.write(Write::DeleteSchedule { id: create.id.clone() });
    }
    let schedule = Arc::new(Schedule {
        id: create.id.clone(),
        cron: create.cron.clone(),
        promise_id: create.promise_id.clone(),
        promise_timeout: create.promise_timeout,
        promise_param: create.promise_param.clone(),
        promise_tags: create.promise_tags.clone(),
        created_at: t.now,
        next_run_at,
        last_run_at: None,
    });
    if !t.mutated(Mutant::ScheduleCreateDoesNothing) {
        t.write(Write::InsertSchedule(Arc::clone(&schedule)));
    }
    Ok(Reply::Schedule(schedule))
}
