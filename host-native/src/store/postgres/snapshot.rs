//! The whole state at one moment, for debugging and for comparing stores in tests.

use std::sync::Arc;

use resonate_core::snapshot::Snapshot;
use tokio_postgres::Row;

use super::session::Call;
use crate::store::Error;
use crate::store::rows::{self, message_columns, promise_columns, schedule_columns, task_columns};

/// The statements that read everything.
pub(super) fn calls() -> [Call<'static>; 6] {
    [
        Call::plain(concat!("SELECT ", promise_columns!(), " FROM promises")),
        Call::plain(concat!("SELECT ", task_columns!(), " FROM tasks")),
        Call::plain(concat!("SELECT ", schedule_columns!(), " FROM schedules")),
        Call::plain(concat!("SELECT ", message_columns!(), " FROM outbox")),
        Call::plain("SELECT awaited, awaiter FROM callbacks"),
        Call::plain("SELECT awaited, address FROM listeners"),
    ]
}

/// What they have read.
pub(super) fn of(answers: Vec<Vec<Row>>) -> Result<Snapshot, Error> {
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let (promises, tasks, schedules, messages) = (next(), next(), next(), next());
    let (callbacks, listeners) = (next(), next());
    let mut snapshot = Snapshot::default();
    for row in &promises {
        let promise = rows::promise(row)?;
        snapshot.promises.insert(promise.id.clone(), Arc::new(promise));
    }
    for row in &tasks {
        let task = rows::task(row)?;
        snapshot.tasks.insert(task.id.clone(), Arc::new(task));
    }
    for row in &schedules {
        let schedule = rows::schedule(row)?;
        snapshot.schedules.insert(schedule.id.clone(), Arc::new(schedule));
    }
    for row in &messages {
        let entry = rows::message(row)?;
        snapshot.messages.insert(entry.key.clone(), Arc::new(entry));
    }
    for row in &callbacks {
        snapshot.callbacks.insert((rows::id_at(row, 0)?, rows::id_at(row, 1)?));
    }
    for row in &listeners {
        snapshot.listeners.insert((rows::id_at(row, 0)?, rows::address_at(row, 1)?));
    }
    Ok(snapshot)
}
