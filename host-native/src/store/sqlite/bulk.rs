//! A database file as a whole: read over one view, and filled. The note of how far a filling is lies in a table of its own, which is gone when it
//! is done.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use resonate_core::drive::{Store, Tx, TxError};
use resonate_core::write::Write;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, params};

use super::{SqliteStore, explain, lock, open_existing};
use crate::store::bulk::{
    Beside, Each, HOLDS_RECORDS, Key, Sink, Source, Table, begun_otherwise, count_statement, not_empty, record,
    scan_statement, unfinished,
};
use crate::store::{Error, HostStore};

/// A database file that is read as a whole.
#[derive(Debug)]
pub struct SqliteSource {
    connection: Connection,
    /// Held as long as it is read, so that no server changes the file meanwhile.
    _lock: Option<File>,
}

impl SqliteSource {
    /// Opens a file that is there, of this version. With nobody beside, no server can start on it until this is dropped.
    ///
    /// # Errors
    /// [`Error::InUse`], and [`Error::Open`], which says what is wrong with the file and what to do about it.
    pub fn open(path: &Path, beside: Beside) -> Result<Self, Error> {
        let lock = match beside {
            Beside::Nobody => Some(lock(path)?),
            Beside::Servers | Beside::Sink => None,
        };
        let open = || -> Result<Connection, Error> {
            let connection = open_existing(path)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.execute_batch("BEGIN")?;
            // The view begins with the first read.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        };
        let connection = open().map_err(|error| explain(path, error))?;
        match beside {
            Beside::Nobody | Beside::Servers => refuse_unfinished(&connection, path)?,
            Beside::Sink => {}
        }
        Ok(Self { connection, _lock: lock })
    }
}

impl Source for SqliteSource {
    fn count(&mut self, table: Table) -> Result<u64, Error> {
        let count: i64 = self.connection.query_row(count_statement(table), [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    fn scan(&mut self, table: Table, behind: Option<&Key>, each: Each<'_>) -> Result<(), Error> {
        let mut statement = self.connection.prepare_cached(scan_statement(table, behind.is_some()))?;
        let params: Vec<&dyn ToSql> = match (behind, table) {
            (None, _) => Vec::new(),
            (Some(Key(_, id, _)), Table::Promises | Table::Tasks | Table::Schedules) => vec![id],
            (Some(Key(_, first, second)), Table::Callbacks | Table::Listeners) => vec![first, second],
            (Some(Key(kind, first, second)), Table::Outbox) => vec![kind, first, second],
        };
        let mut rows = statement.query(&*params)?;
        while let Some(row) = rows.next()? {
            if let ControlFlow::Break(()) = each(record(table, row)) {
                break;
            }
        }
        Ok(())
    }
}

/// A database file that is filled.
#[derive(Debug)]
pub struct SqliteSink {
    store: SqliteStore,
    place: String,
}

impl SqliteSink {
    /// Opens or creates a database file.
    ///
    /// # Errors
    /// [`Error::Open`] says what is wrong with the file and what to do about it, also when a server runs on it.
    pub fn open(path: &Path, synchronous: &str) -> Result<Self, Error> {
        let store = SqliteStore::open_unfinished(path, synchronous)?;
        Ok(Self { store, place: path.display().to_string() })
    }
}

impl Sink for SqliteSink {
    fn begin(&mut self, source: &str, place: &str) -> Result<Option<String>, Error> {
        let tx = self.store.begin()?;
        if let Some((noted, place)) = note(tx.connection)? {
            return if noted == source { Ok(Some(place)) } else { Err(begun_otherwise(&self.place, &noted)) };
        }
        if tx.connection.query_row(HOLDS_RECORDS, [], |row| row.get(0))? {
            return Err(not_empty(&self.place));
        }
        tx.connection.execute_batch("CREATE TABLE resonate_copy (source TEXT NOT NULL, place TEXT NOT NULL) STRICT")?;
        tx.connection.execute("INSERT INTO resonate_copy (source, place) VALUES (?1, ?2)", [source, place])?;
        tx.commit().map_err(failed).map(|()| None)
    }

    fn put(&mut self, records: &[Write], from: &str, to: &str) -> Result<(), Error> {
        let mut tx = self.store.begin()?;
        tx.write(records).map_err(failed)?;
        let moved = tx
            .connection
            .prepare_cached("UPDATE resonate_copy SET place = ?2 WHERE place = ?1")?
            .execute(params![from, to])?;
        if moved != 1 {
            return Err(failed(TxError::Conflict));
        }
        tx.commit().map_err(failed)?;
        self.store.rest();
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        Ok(self.store.connection.execute_batch("DROP TABLE resonate_copy")?)
    }
}

fn failed(error: TxError<Error>) -> Error {
    match error {
        TxError::Conflict => Error::Open("somebody else writes to the database that is filled".to_owned()),
        TxError::Store(error) => error,
    }
}

/// Where records come from and how far they are, in a database that is being filled.
fn note(connection: &Connection) -> Result<Option<(String, String)>, rusqlite::Error> {
    let there = "SELECT 1 FROM sqlite_schema WHERE name = 'resonate_copy'";
    if connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    connection.query_row("SELECT source, place FROM resonate_copy", [], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Makes sure that everything is there that is to be.
pub(super) fn refuse_unfinished(connection: &Connection, path: &Path) -> Result<(), Error> {
    match note(connection)? {
        None => Ok(()),
        Some((source, _)) => Err(unfinished(&path.display().to_string(), &source)),
    }
}
