//! Rows to records and back, the same for every database with these columns. A row that does not fit is an error of that row, named, never a panic.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use resonate_core::address::Address;
use resonate_core::due::{Due, DueKey, DueKind};
use resonate_core::id::Id;
use resonate_core::message::{MessageKey, OutboxEntry};
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::retention::Settled;
use resonate_core::schedule::Schedule;
use resonate_core::task::{Lease, Task, TaskState};
use resonate_core::time::{Millis, Timestamp};
use resonate_core::value::Value;

use crate::store::Error;

/// A row of a database, by number of column.
pub(super) trait Cells {
    /// A number, or nothing; 0 and 1 for what is false and true.
    fn integer(&self, column: usize) -> Result<Option<i64>, String>;

    /// A text, or nothing.
    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>, String>;

    /// A text that may hold any character.
    fn free_text(&self, column: usize) -> Result<Option<Cow<'_, str>>, String> {
        self.text(column)
    }
}

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
const EXECUTE: i64 = 0;
/// Number of the message kinds on disk.
pub(super) const UNBLOCK: i64 = 1;

/// Reads columns of one row with errors that name the table.
struct Columns<'a, C> {
    row: &'a C,
    table: &'static str,
    /// Where the record's columns start.
    start: usize,
}

impl<C: Cells> Columns<'_, C> {
    fn bad(&self, why: impl std::fmt::Display) -> Error {
        let id = self.row.text(self.start).ok().flatten().unwrap_or_default();
        Error::Row { table: self.table, why: format!("{why} (id {id:?})") }
    }

    fn optional_text(&self, column: usize) -> Result<Option<Cow<'_, str>>, Error> {
        self.row.text(self.start + column).map_err(|why| self.bad(why))
    }

    fn free_text(&self, column: usize) -> Result<Option<String>, Error> {
        Ok(self.row.free_text(self.start + column).map_err(|why| self.bad(why))?.map(Cow::into_owned))
    }

    fn text(&self, column: usize) -> Result<Cow<'_, str>, Error> {
        self.optional_text(column)?.ok_or_else(|| self.bad("a text is missing"))
    }

    fn integer(&self, column: usize) -> Result<i64, Error> {
        self.optional_integer(column)?.ok_or_else(|| self.bad("a number is missing"))
    }

    fn optional_integer(&self, column: usize) -> Result<Option<i64>, Error> {
        self.row.integer(self.start + column).map_err(|why| self.bad(why))
    }

    fn instant(&self, column: usize) -> Result<Timestamp, Error> {
        self.optional_instant(column)?.ok_or_else(|| self.bad("an instant is missing"))
    }

    fn optional_instant(&self, column: usize) -> Result<Option<Timestamp>, Error> {
        let millis = self.optional_integer(column)?;
        let checked =
            millis.map(|millis| u64::try_from(millis).ok().and_then(|millis| Timestamp::try_from(millis).ok()));
        checked.map(|instant| instant.ok_or_else(|| self.bad("an instant is out of range"))).transpose()
    }

    fn number<T: TryFrom<i64>>(&self, column: usize) -> Result<T, Error> {
        T::try_from(self.integer(column)?).map_err(|_| self.bad("a number is out of range"))
    }

    fn flag(&self, column: usize) -> Result<bool, Error> {
        Ok(self.integer(column)? != 0)
    }

    fn state<T: Copy>(&self, column: usize, all: &[T]) -> Result<T, Error> {
        let number: usize = self.number(column)?;
        all.get(number).copied().ok_or_else(|| self.bad("the state is unknown"))
    }

    fn id(&self, column: usize) -> Result<Id, Error> {
        Id::parse(&self.text(column)?).map_err(|why| self.bad(why))
    }

    fn address(&self, column: usize) -> Result<Address, Error> {
        Address::parse(&self.text(column)?).map_err(|why| self.bad(why))
    }

    fn map(&self, column: usize) -> Result<Option<BTreeMap<String, String>>, Error> {
        let text = self.optional_text(column)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| self.bad(error))
    }

    fn value(&self, headers: usize, text: usize) -> Result<Value, Error> {
        Ok(Value { headers: self.map(headers)?, data: self.free_text(text)? })
    }
}

pub(super) fn promise(row: &impl Cells) -> Result<Promise, Error> {
    let columns = Columns { row, table: "promises", start: 0 };
    Ok(Promise {
        id: columns.id(0)?,
        state: columns.state(1, &PromiseState::ALL)?,
        timeout_at: columns.instant(2)?,
        created_at: columns.instant(3)?,
        settled_at: columns.optional_instant(4)?,
        has_waiters: columns.flag(5)?,
        create_key: columns.free_text(6)?,
        complete_key: columns.free_text(7)?,
        tags: columns.map(8)?.unwrap_or_default(),
        param: columns.value(9, 10)?,
        value: columns.value(11, 12)?,
    })
}

pub(super) fn task(row: &impl Cells) -> Result<Task, Error> {
    task_at(row, 0)
}

/// A task whose columns follow those of a promise.
pub(super) fn task_behind_promise(row: &impl Cells) -> Result<Task, Error> {
    task_at(row, PROMISE_COLUMNS)
}

fn task_at(row: &impl Cells, start: usize) -> Result<Task, Error> {
    let columns = Columns { row, table: "tasks", start };
    let lease = match columns.free_text(4)? {
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
        resumes: match columns.optional_text(3)? {
            None => BTreeSet::new(),
            Some(text) => serde_json::from_str(&text).map_err(|error| columns.bad(error))?,
        },
        lease,
        retry_at: columns.optional_instant(7)?,
        executes: columns.number(8)?,
        execute_at: columns.optional_instant(9)?,
    })
}

pub(super) fn schedule(row: &impl Cells) -> Result<Schedule, Error> {
    let columns = Columns { row, table: "schedules", start: 0 };
    Ok(Schedule {
        id: columns.id(0)?,
        cron: columns.text(1)?.into_owned(),
        promise_id: columns.free_text(2)?.ok_or_else(|| columns.bad("a text is missing"))?,
        promise_timeout: Millis::saturating(columns.number(3)?),
        promise_param: columns.value(4, 5)?,
        promise_tags: columns.map(6)?.unwrap_or_default(),
        created_at: columns.instant(7)?,
        next_run_at: columns.instant(8)?,
        last_run_at: columns.optional_instant(9)?,
    })
}

pub(super) fn message(row: &impl Cells) -> Result<OutboxEntry, Error> {
    let columns = Columns { row, table: "outbox", start: 0 };
    Ok(OutboxEntry {
        key: message_key(row, 0)?,
        address: columns.address(2)?,
        version: columns.number(3)?,
        created_at: columns.instant(4)?,
        due_at: columns.instant(5)?,
        failures: columns.number(6)?,
        waits: columns.number(7)?,
        parked: columns.optional_text(8)?.is_some(),
    })
}

/// A column of a scan, as an id.
pub(super) fn id_at(row: &impl Cells, column: usize) -> Result<Id, Error> {
    Columns { row, table: "callbacks", start: 0 }.id(column)
}

/// A column of a scan, as an address.
pub(super) fn address_at(row: &impl Cells, column: usize) -> Result<Address, Error> {
    Columns { row, table: "listeners", start: 0 }.address(column)
}

/// The instant and the key of a row that is due: an instant and an id, and for messages what names them, see [`message_key`].
pub(super) fn due(row: &impl Cells, kind: DueKind) -> Result<Due, Error> {
    let columns = Columns { row, table: kind.name(), start: 0 };
    let at = columns.instant(0)?;
    let key = match kind {
        DueKind::Message => DueKey::Message(message_key(row, 1)?),
        DueKind::Deadline | DueKind::Discharge | DueKind::Lease | DueKind::Retry | DueKind::Schedule => {
            DueKey::Id(columns.id(1)?)
        }
    };
    Ok(Due { at, kind, key })
}

/// When a promise was settled, and its id.
pub(super) fn settled(row: &impl Cells) -> Result<Settled, Error> {
    let columns = Columns { row, table: "promises", start: 0 };
    Ok((columns.instant(0)?, columns.id(1)?))
}

/// A task, and what has woken it.
pub(super) fn resumed(row: &impl Cells) -> Result<(Id, Vec<Id>), Error> {
    let columns = Columns { row, table: "tasks", start: 0 };
    let resumes = serde_json::from_str(&columns.text(1)?).map_err(|error| columns.bad(error))?;
    Ok((columns.id(0)?, resumes))
}

/// A key of the outbox in three columns: kind, id, address.
pub(super) fn message_key(row: &impl Cells, start: usize) -> Result<MessageKey, Error> {
    let columns = Columns { row, table: "outbox", start };
    let id = columns.id(1)?;
    match columns.integer(0)? {
        EXECUTE => Ok(MessageKey::Execute { task: id }),
        UNBLOCK => Ok(MessageKey::Unblock { promise: id, address: columns.address(2)? }),
        kind => Err(columns.bad(format!("the kind {kind} is unknown"))),
    }
}

/// The key columns of an entry of the outbox.
pub(super) fn key_columns(key: &MessageKey) -> (i64, &str, &str) {
    match key {
        MessageKey::Execute { task } => (EXECUTE, task.as_str(), ""),
        MessageKey::Unblock { promise, address } => (UNBLOCK, promise.as_str(), address.as_str()),
    }
}

/// What a task resumes for, as JSON; nothing when it is empty.
pub(super) fn resumes(task: &Task) -> Option<String> {
    let texts: Vec<&str> = task.resumes.iter().map(Id::as_str).collect();
    (!texts.is_empty()).then(|| serde_json::Value::from(texts).to_string())
}

/// A map as JSON.
pub(super) fn json(map: &BTreeMap<String, String>) -> String {
    serde_json::to_string(map).expect("a map of strings is JSON")
}

/// Instants are at most 2^53-1, so that they fit.
pub(super) fn millis(instant: Timestamp) -> i64 {
    instant.as_millis() as i64
}
