//! A store as a whole, read by the server's own code.

use std::path::Path;

use resonate::store::postgres::{Options, PostgresStore};
use resonate::store::sqlite::SqliteStore;
use resonate_core::drive::{Store, Tx};
use resonate_core::snapshot::Snapshot;
use resonate_process::folder::Folder;

/// The names of the files that are a database.
pub const DATABASE: &str = "resonate.db";
const LOG: &str = "resonate.db-wal";

/// What a database file holds whose server is gone: of a copy, so that the next server finds it as it was left.
///
/// # Errors
/// Why it cannot be opened or read, or what SQLite finds wrong with it.
pub fn of_file(folder: &Folder, is_thorough: bool) -> Result<Snapshot, String> {
    let copy = Folder::new();
    for name in [DATABASE, LOG] {
        if folder.file(name).exists() {
            std::fs::copy(folder.file(name), copy.file(name)).map_err(|why| why.to_string())?;
        }
    }
    of_own_file(&copy.file(DATABASE), is_thorough)
}

/// The same of a file that nobody else needs.
///
/// # Errors
/// The same.
pub fn of_own_file(path: &Path, is_thorough: bool) -> Result<Snapshot, String> {
    let mut store = SqliteStore::open(path, "off").map_err(|why| why.to_string())?;
    let snapshot = store.begin().and_then(|mut tx| tx.snapshot()).map_err(|why| why.to_string())?;
    if is_thorough {
        let database = rusqlite::Connection::open(path).map_err(|why| why.to_string())?;
        let verdict: String =
            database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(|why| why.to_string())?;
        if verdict != "ok" {
            return Err(format!("SQLite finds it damaged: {verdict}"));
        }
    }
    Ok(snapshot)
}

/// What a Postgres database holds, at one moment.
///
/// # Errors
/// Why it cannot be read.
pub fn of_postgres(url: &str) -> Result<Snapshot, String> {
    let open = || {
        let mut store = PostgresStore::open(Options::of_url(url)?)?;
        let snapshot = store.begin()?.snapshot()?;
        Ok(snapshot)
    };
    open().map_err(|why: resonate::store::Error| why.to_string())
}
