//! The whole state at one moment, for debugging and for comparing stores in tests.

use std::sync::Arc;

use resonate_core::snapshot::Snapshot;
use rusqlite::Connection;

use super::load::all;
use crate::store::Error;
use crate::store::rows::{self, message_columns, promise_columns, schedule_columns, task_columns};

/// Reads everything.
pub(super) fn snapshot(connection: &Connection) -> Result<Snapshot, Error> {
    let promises =
        all(connection, concat!("SELECT ", promise_columns!(), " FROM promises"), [], |row| rows::promise(row))?;
    let tasks = all(connection, concat!("SELECT ", task_columns!(), " FROM tasks"), [], |row| rows::task(row))?;
    let schedules =
        all(connection, concat!("SELECT ", schedule_columns!(), " FROM schedules"), [], |row| rows::schedule(row))?;
    let messages =
        all(connection, concat!("SELECT ", message_columns!(), " FROM outbox"), [], |row| rows::message(row))?;
    let callbacks = all(connection, "SELECT awaited, awaiter FROM callbacks", [], |row| {
        Ok((rows::id_at(row, 0)?, rows::id_at(row, 1)?))
    })?;
    let listeners = all(connection, "SELECT awaited, address FROM listeners", [], |row| {
        Ok((rows::id_at(row, 0)?, rows::address_at(row, 1)?))
    })?;
    Ok(Snapshot {
        promises: promises.into_iter().map(|promise| (promise.id.clone(), Arc::new(promise))).collect(),
        tasks: tasks.into_iter().map(|task| (task.id.clone(), Arc::new(task))).collect(),
        schedules: schedules.into_iter().map(|schedule| (schedule.id.clone(), Arc::new(schedule))).collect(),
        callbacks: callbacks.into_iter().collect(),
        listeners: listeners.into_iter().collect(),
        messages: messages.into_iter().map(|entry| (entry.key.clone(), Arc::new(entry))).collect(),
    })
}
