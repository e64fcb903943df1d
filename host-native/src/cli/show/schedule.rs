//! Schedules: one in full, many as a table.

use super::{Screen, payload, printable, span, tags};
use crate::client::record::Schedule;

/// A schedule in full.
pub(in super::super) fn schedule(screen: &Screen, schedule: &Schedule) -> String {
    let [param, headers] = payload::lines("param", &schedule.promise_param);
    let lines = vec![
        ("promise", printable(&schedule.promise_id)),
        ("timeout", format!("{} after it fired", span(schedule.promise_timeout))),
        param,
        headers,
        ("tags", tags(&schedule.promise_tags)),
        ("created", screen.instant(schedule.created_at)),
        ("last run", schedule.last_run_at.map(|at| screen.instant(at)).unwrap_or_default()),
        ("next run", screen.instant(schedule.next_run_at)),
    ];
    screen.record(&schedule.id, &printable(&schedule.cron), lines)
}

/// A page of schedules.
pub(in super::super) fn schedules(screen: &Screen, schedules: &[Schedule], cursor: Option<&str>) -> String {
    let rows = schedules.iter().map(|schedule| {
        vec![
            screen.cell(printable(&schedule.id), None),
            screen.cell(printable(&schedule.cron), None),
            screen.cell(printable(&schedule.promise_id), None),
            screen.dim_cell(schedule.last_run_at.map_or_else(|| "–".to_owned(), |at| screen.relative(at))),
            screen.dim_cell(screen.relative(schedule.next_run_at)),
        ]
    });
    screen.table("schedules", &["ID", "CRON", "PROMISE", "LAST RUN", "NEXT RUN"], rows.collect(), cursor)
}
