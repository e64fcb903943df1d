//! Rows to records. A row that does not fit is an error of that row, named, never a panic.

use std::collections::BTreeMap;

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::message::{MessageKey, OutboxEntry};
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::schedule::Schedule;
use resonate_core::task::{Lease, Task, TaskState};
use resonate_core::time::{Millis, Timestamp};
use resonate_core::value::Value;
use rusqlite::Row;

use crate::store::Error;

/// Columns of a promise, in the order of [`promise`].
macro_rules! promise_columns {
    () => {
        "id, state, timeout_at, created_at, settled_at, has_waiters, create_key, complete_key, tags, \
     param_headers, param_data, value_headers, value_data"
    };
}
pub(super) use promise_columns;

const PROMISE_COLUMNS: usize = 13;

/// Columns of a task, in the order of [`task`].
macro_rules! task_columns {
    () => {
        "id, state, version, resumes, pid, ttl, expires_at, retry_at, executes, execute_at"
    };
}
pub(super) use task_columns;

/// Columns of a schedule, in the order of [`schedule`].
macro_rules! schedule_columns {
    () => {
        "id, cron, promise_id, promise_timeout, promise_param_headers, promise_param_data, promise_tags, \
     created_at, next_run_at, last_run_at"
    };
}
pub(super) use schedule_columns;

/// Columns of an entry of the outbox, in the order of [`message`].
macro_rules! message_columns {
    () => {
        "kind, id, address, version, created_at, due_at, failures, waits, mailbox"
    };
}
pub(super) use message_columns;

/// Number of the message kinds on disk.
pub(super) const EXECUTE: i64 = 0;
/// Number of the message kinds on disk.
pub(super) const UNBLOCK: i64 = 1;

/// Reads columns of one row with errors that name the table.
struct Columns<'a> {
    row: &'a Row<'a>,
    table: &'static str,
    /// Where the record's columns start.
    start: usize,
}

impl Columns<'_> {
    fn bad(&self, why: impl std::fmt::Display) -> Error {
        let id: String = self.row.get(self.start).unwrap_or_default();
        Error::Row { table: self.table, why: format!("{why} (id {id:?})") }
    }

    fn get<T: rusqlite::types::FromSql>(&self, column: usize) -> Result<T, Error> {
        self.row.get(self.start + column).map_err(|error| self.bad(error))
    }

    fn instant(&self, column: usize) -> Result<Timestamp, Error> {
        self.optional_instant(column)?.ok_or_else(|| self.bad("an instant is missing"))
    }

    fn optional_instant(&self, column: usize) -> Result<Option<Timestamp>, Error> {
        let millis: Option<i64> = self.get(column)?;
        let checked =
            millis.map(|millis| u64::try_from(millis).ok().and_then(|millis| Timestamp::try_from(millis).ok()));
        checked.map(|instant| instant.ok_or_else(|| self.bad("an instant is out of range"))).transpose()
    }

    fn number<T: TryFrom<i64>>(&self, column: usize) -> Result<T, Error> {
        T::try_from(self.get(column)?).map_err(|_| self.bad("a number is out of range"))
    }

    fn state<T: Copy>(&self, column: usize, all: &[T]) -> Result<T, Error> {
        let number: usize = self.number(column)?;
        all.get(number).copied().ok_or_else(|| self.bad("the state is unknown"))
    }

    fn id(&self, column: usize) -> Result<Id, Error> {
        let text = self.row.get_ref(self.start + column).map_err(|error| self.bad(error))?;
        Id::parse(text.as_str().map_err(|error| self.bad(error))?).map_err(|why| self.bad(why))
    }

    fn map(&self, column: usize) -> Result<Option<BTreeMap<String, String>>, Error> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| self.bad(error))
    }

    fn value(&self, headers: usize, text: usize) -> Result<Value, Error> {
        Ok(Value { headers: self.map(headers)?, data: self.get(text)? })
    }
}

pub(super) fn promise(row: &Row<'_>) -> Result<Promise, Error> {
    let columns = Columns { row, table: "promises", start: 0 };
    Ok(Promise {
        id: columns.id(0)?,
        state: columns.state(1, &PromiseState::ALL)?,
        timeout_at: columns.instant(2)?,
        created_at: columns.instant(3)?,
        settled_at: columns.optional_instant(4)?,
        has_waiters: columns.get(5)?,
        create_key: columns.get(6)?,
        complete_key: columns.get(7)?,
        tags: columns.map(8)?.unwrap_or_default(),
        param: columns.value(9, 10)?,
        value: columns.value(11, 12)?,
    })
}

pub(super) fn task(row: &Row<'_>) -> Result<Task, Error> {
    task_at(row, 0)
}

/// A task whose columns follow those of a promise.
pub(super) fn task_behind_promise(row: &Row<'_>) -> Result<Task, Error> {
    task_at(row, PROMISE_COLUMNS)
}

fn task_at(row: &Row<'_>, start: usize) -> Result<Task, Error> {
    let columns = Columns { row, table: "tasks", start };
    let resumes: Option<String> = columns.get(3)?;
    let pid: Option<String> = columns.get(4)?;
    let lease = match pid {
        None => None,
        Some(pid) => Some(Lease {
            pid: pid.into(),
            ttl: Millis::saturating(columns.number(5)?),
            expires_at: columns.instant(6)?,
        }),
    };
    Ok(Task {
        id: columns.id(0)?,
        state: columns.state(1, &TaskState::ALL)?,
        version: columns.number(2)?,
        resumes: match resumes {
            None => std::collections::BTreeSet::new(),
            Some(text) => serde_json::from_str(&text).map_err(|error| columns.bad(error))?,
        },
        lease,
        retry_at: columns.optional_instant(7)?,
        executes: columns.number(8)?,
        execute_at: columns.optional_instant(9)?,
    })
}

pub(super) fn schedule(row: &Row<'_>) -> Result<Schedule, Error> {
    let columns = Columns { row, table: "schedules", start: 0 };
    Ok(Schedule {
        id: columns.id(0)?,
        cron: columns.get(1)?,
        promise_id: columns.get(2)?,
        promise_timeout: Millis::saturating(columns.number(3)?),
        promise_param: columns.value(4, 5)?,
        promise_tags: columns.map(6)?.unwrap_or_default(),
        created_at: columns.instant(7)?,
        next_run_at: columns.instant(8)?,
        last_run_at: columns.optional_instant(9)?,
    })
}

pub(super) fn message(row: &Row<'_>) -> Result<OutboxEntry, Error> {
    let columns = Columns { row, table: "outbox", start: 0 };
    let id = columns.id(1)?;
    let address = address(&columns, 2)?;
    let key = match columns.get::<i64>(0)? {
        EXECUTE => MessageKey::Execute { task: id },
        UNBLOCK => MessageKey::Unblock { promise: id, address: address.clone() },
        kind => return Err(columns.bad(format!("the kind {kind} is unknown"))),
    };
    Ok(OutboxEntry {
        key,
        address,
        version: columns.number(3)?,
        created_at: columns.instant(4)?,
        due_at: columns.instant(5)?,
        failures: columns.number(6)?,
        waits: columns.number(7)?,
        parked: columns.get::<Option<String>>(8)?.is_some(),
    })
}

fn address(columns: &Columns<'_>, column: usize) -> Result<Address, Error> {
    Address::parse(&columns.get::<String>(column)?).map_err(|why| columns.bad(why))
}

/// The only column, as an id.
pub(super) fn only_id(row: &Row<'_>) -> Result<Id, Error> {
    Columns { row, table: "callbacks", start: 0 }.id(0)
}

/// The only column, as an address.
pub(super) fn only_address(row: &Row<'_>) -> Result<Address, Error> {
    address(&Columns { row, table: "listeners", start: 0 }, 0)
}
