//! The whole state at one moment, for debugging and for comparing stores in tests.

use std::sync::Arc;

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::snapshot::Snapshot;
use rusqlite::{Connection, Row};

use super::load::all;
use super::rows::{self, message_columns, promise_columns, schedule_columns, task_columns};
use crate::store::Error;

/// Reads everything.
pub(super) fn snapshot(connection: &Connection) -> Result<Snapshot, Error> {
    let promises = all(connection, concat!("SELECT ", promise_columns!(), " FROM promises"), [], rows::promise)?;
    let tasks = all(connection, concat!("SELECT ", task_columns!(), " FROM tasks"), [], rows::task)?;
    let schedules = all(connection, concat!("SELECT ", schedule_columns!(), " FROM schedules"), [], rows::schedule)?;
    let messages = all(connection, concat!("SELECT ", message_columns!(), " FROM outbox"), [], rows::message)?;
    let callbacks = all(connection, "SELECT awaited, awaiter FROM callbacks", [], |row| {
        Ok((parse(row, 0, Id::parse)?, parse(row, 1, Id::parse)?))
    })?;
    let listeners = all(connection, "SELECT awaited, address FROM listeners", [], |row| {
        Ok((parse(row, 0, Id::parse)?, parse(row, 1, Address::parse)?))
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

fn parse<T, E: std::fmt::Display>(
    row: &Row<'_>,
    column: usize,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, Error> {
    let text: String = row.get(column)?;
    parse(&text).map_err(|why| Error::Row { table: "waiters", why: why.to_string() })
}
