//! Whole stores at once: every record of every table in the order of its key, and the other way round, batch by batch. Records are taken and given
//! as they are; what they mean is nobody's business here.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::message::OutboxEntry;
use resonate_core::promise::Promise;
use resonate_core::schedule::Schedule;
use resonate_core::task::Task;
use resonate_core::write::Write;
use serde::{Deserialize, Serialize};

use super::Error;
use super::rows::{self, Cells, key_columns, message_columns, promise_columns, schedule_columns, task_columns};

/// Bytes of a record beside its texts.
const FRAME_BYTES: usize = 64;

/// A table, in the order in which they are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    Promises,
    Tasks,
    Callbacks,
    Listeners,
    Schedules,
    Outbox,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Promises, Self::Tasks, Self::Callbacks, Self::Listeners, Self::Schedules, Self::Outbox];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Promises => "promises",
            Self::Tasks => "tasks",
            Self::Callbacks => "callbacks",
            Self::Listeners => "listeners",
            Self::Schedules => "schedules",
            Self::Outbox => "outbox",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a record is known by in its table, as columns that are compared byte by byte: the kind of a message, 0 elsewhere; an id; what is known
/// by two texts has a second one, which is empty elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(pub(super) i64, pub(super) String, pub(super) String);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(_, first, second) = self;
        if second.is_empty() { write!(f, "{first:?}") } else { write!(f, "{first:?}, {second:?}") }
    }
}

/// A record of any table. As JSON it is what checksums are made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Record {
    Promise(Arc<Promise>),
    Task(Arc<Task>),
    /// A promise and a task that waits for it.
    Callback(Id, Id),
    /// A promise and who is told of its settlement.
    Listener(Id, Address),
    Schedule(Arc<Schedule>),
    Message(Arc<OutboxEntry>),
}

impl Record {
    /// What it is known by.
    #[must_use]
    pub fn key(&self) -> Key {
        let (kind, first, second) = match self {
            Self::Promise(promise) => (0, promise.id.as_str(), ""),
            Self::Task(task) => (0, task.id.as_str(), ""),
            Self::Callback(awaited, awaiter) => (0, awaited.as_str(), awaiter.as_str()),
            Self::Listener(awaited, address) => (0, awaited.as_str(), address.as_str()),
            Self::Schedule(schedule) => (0, schedule.id.as_str(), ""),
            Self::Message(entry) => key_columns(&entry.key),
        };
        Key(kind, first.to_owned(), second.to_owned())
    }

    /// About as many bytes as it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        FRAME_BYTES
            + match self {
                Self::Promise(promise) => promise.weight(),
                Self::Task(task) => task.id.len() + task.resumes.iter().map(|id| id.len() + FRAME_BYTES).sum::<usize>(),
                Self::Callback(awaited, awaiter) => awaited.len() + awaiter.len(),
                Self::Listener(awaited, address) => awaited.len() + address.as_str().len(),
                Self::Schedule(schedule) => schedule.weight(),
                Self::Message(entry) => entry.key.id().len() + entry.address.as_str().len(),
            }
    }

    /// The write that puts it where it is not yet.
    #[must_use]
    pub fn into_write(self) -> Write {
        match self {
            Self::Promise(promise) => Write::InsertPromise(promise),
            Self::Task(task) => Write::InsertTask(task),
            Self::Callback(awaited, awaiter) => Write::InsertCallback { awaited, awaiter },
            Self::Listener(awaited, address) => Write::InsertListener { awaited, address },
            Self::Schedule(schedule) => Write::InsertSchedule(schedule),
            Self::Message(entry) => Write::PutMessage(entry),
        }
    }
}

/// Who takes the rows of a scan: a record, or why a row is none. He says when he has enough.
pub type Each<'a> = &'a mut dyn FnMut(Result<Record, Error>) -> ControlFlow<()>;

/// Who else may be at work on a store while it is read as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nobody: servers are kept away, or refused as far as they are seen.
    Nobody,
    /// Servers, which go on with it.
    Servers,
    /// The sink that fills it: it is not whole yet, which nobody else may take for a store.
    Sink,
}

/// A store that is read as a whole. Everything is of one moment.
pub trait Source: Send {
    /// Rows of a table.
    ///
    /// # Errors
    /// The store's.
    fn count(&mut self, table: Table) -> Result<u64, Error>;

    /// Hands over the rows of a table in the order of their keys: all, or those behind a key.
    ///
    /// # Errors
    /// The store's; a row that cannot be read is handed over like any other.
    fn scan(&mut self, table: Table, behind: Option<&Key>, each: Each<'_>) -> Result<(), Error>;
}

/// A store that is filled. While it is, it holds a note of where its records come from and how far it is; servers do not start over it.
pub trait Sink {
    /// Takes down where records come from and where it begins. Returns where it had got to, when that was begun before.
    ///
    /// # Errors
    /// The store's, also when it holds records already, or has begun something else.
    fn begin(&mut self, source: &str, place: &str) -> Result<Option<String>, Error>;

    /// Takes records and the place behind them, both or neither.
    ///
    /// # Errors
    /// The store's, also when a record is there already or somebody else moves the place.
    fn put(&mut self, records: &[Write], from: &str, to: &str) -> Result<(), Error>;

    /// Forgets the note.
    ///
    /// # Errors
    /// The store's.
    fn end(&mut self) -> Result<(), Error>;
}

/// The statement for a scan, the same for every database; behind a key it has as many of its columns as parameters as the table needs.
macro_rules! scan {
    ($behind:expr, $columns:expr, $table:literal, $key:literal, $params:literal) => {
        match $behind {
            false => concat!("SELECT ", $columns, " FROM ", $table, " ORDER BY ", $key),
            true => {
                concat!("SELECT ", $columns, " FROM ", $table, " WHERE (", $key, ") > (", $params, ") ORDER BY ", $key)
            }
        }
    };
}

/// See [`scan!`].
pub(super) fn scan_statement(table: Table, behind: bool) -> &'static str {
    match table {
        Table::Promises => scan!(behind, promise_columns!(), "promises", "id", "$1"),
        Table::Tasks => scan!(behind, task_columns!(), "tasks", "id", "$1"),
        Table::Callbacks => {
            scan!(behind, "awaited, awaiter", "callbacks", "awaited, awaiter", "$1, $2")
        }
        Table::Listeners => {
            scan!(behind, "awaited, address", "listeners", "awaited, address", "$1, $2")
        }
        Table::Schedules => scan!(behind, schedule_columns!(), "schedules", "id", "$1"),
        Table::Outbox => scan!(behind, message_columns!(), "outbox", "kind, id, listener", "$1, $2, $3"),
    }
}

/// The statement for the number of rows.
pub(super) const fn count_statement(table: Table) -> &'static str {
    match table {
        Table::Promises => "SELECT count(*) FROM promises",
        Table::Tasks => "SELECT count(*) FROM tasks",
        Table::Callbacks => "SELECT count(*) FROM callbacks",
        Table::Listeners => "SELECT count(*) FROM listeners",
        Table::Schedules => "SELECT count(*) FROM schedules",
        Table::Outbox => "SELECT count(*) FROM outbox",
    }
}

/// Whether there is a record in any table.
pub(super) const HOLDS_RECORDS: &str = "SELECT EXISTS (SELECT 1 FROM promises) OR EXISTS (SELECT 1 FROM tasks) \
     OR EXISTS (SELECT 1 FROM callbacks) OR EXISTS (SELECT 1 FROM listeners) OR EXISTS (SELECT 1 FROM schedules) \
     OR EXISTS (SELECT 1 FROM outbox)";

/// A row of a scan.
pub(super) fn record(table: Table, row: &impl Cells) -> Result<Record, Error> {
    let read = || {
        Ok(match table {
            Table::Promises => Record::Promise(Arc::new(rows::promise(row)?)),
            Table::Tasks => Record::Task(Arc::new(rows::task(row)?)),
            Table::Callbacks => Record::Callback(rows::id_at(row, 0)?, rows::id_at(row, 1)?),
            Table::Listeners => Record::Listener(rows::id_at(row, 0)?, rows::address_at(row, 1)?),
            Table::Schedules => Record::Schedule(Arc::new(rows::schedule(row)?)),
            Table::Outbox => Record::Message(Arc::new(rows::message(row)?)),
        })
    };
    // Some columns are read alike in several tables.
    read().map_err(|error| match error {
        Error::Row { table: _, why } => Error::Row { table: table.name(), why },
        other => other,
    })
}

/// What a target is refused for that holds records.
pub(super) fn not_empty(place: &str) -> Error {
    Error::Open(format!("{place} holds records already: choose an empty database"))
}

/// What a target is refused for that has begun something else.
pub(super) fn begun_otherwise(place: &str, source: &str) -> Error {
    Error::Open(format!(
        "{place} holds an unfinished copy of {source}: finish that one, or begin again with an empty database"
    ))
}

/// What a server refuses to start over.
pub(super) fn unfinished(place: &str, source: &str) -> Error {
    Error::Open(format!(
        "{place} holds an unfinished copy of {source}: finish it (resonate copy), or choose another database"
    ))
}
