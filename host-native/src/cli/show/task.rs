//! Tasks: one in full, many as a table.

use super::{Look, Screen, printable, span};
use crate::client::record::Task;

/// A task in full.
pub(in super::super) fn task(screen: &Screen, task: &Task) -> String {
    let lines = vec![
        ("version", task.version.to_string()),
        ("worker", task.pid.as_deref().map(printable).unwrap_or_default()),
        ("lease", task.ttl.map(span).unwrap_or_default()),
        ("resumes", task.resumes.to_string()),
    ];
    let state = format!("{} {}", screen.dim("task"), screen.state(Look::of_task(task.state)));
    screen.record(&task.id, &state, lines)
}

/// A page of tasks.
pub(in super::super) fn tasks(screen: &Screen, tasks: &[Task], cursor: Option<&str>) -> String {
    let rows = tasks.iter().map(|task| {
        vec![
            screen.cell(printable(&task.id), None),
            screen.state_cell(Look::of_task(task.state)),
            screen.cell(task.version, None),
            screen.cell(task.pid.as_deref().map_or_else(|| "–".to_owned(), printable), None),
            screen.dim_cell(task.ttl.map_or_else(|| "–".to_owned(), span)),
            screen.dim_cell(task.resumes),
        ]
    });
    screen.table("tasks", &["ID", "STATE", "VERSION", "WORKER", "LEASE", "RESUMES"], rows.collect(), cursor)
}
