//! The tables, and how a database of an older version becomes one of this version. Versions only go up; a newer database is refused.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::Error;
use crate::store::schema::{Migration, Standing, pending};

/// Marks a file as a database of this server ("RSNT").
const APPLICATION_ID: i32 = 0x5253_4E54;

/// What leads from each version to the next.
const MIGRATIONS: &[Migration] = &[
    Migration::new(
        "promises, tasks, callbacks, listeners, schedules and the outbox of messages",
        include_str!("schema_1.sql"),
    ),
    Migration::new("mailboxes of messages that wait for a connection", include_str!("schema_2.sql")),
    Migration::new("what removing settled promises needs to find", include_str!("schema_3.sql")),
];

/// Brings the database to this version. Returns the version that it had.
pub(super) fn migrate(connection: &mut Connection, path: &str) -> Result<i64, Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = check(&tx, path)?;
    if version < known() {
        tx.execute_batch(&steps(version))?;
        tx.commit()?;
        tracing::info!(path, from = version, to = known(), "migrated database");
    }
    Ok(version)
}

/// How far the tables of a database are, without writing.
pub(super) fn standing(connection: &Connection, path: &str) -> Result<Standing, Error> {
    let found = check(connection, path)?;
    let script = if found < known() { format!("BEGIN IMMEDIATE;\n{}COMMIT;\n", steps(found)) } else { String::new() };
    Ok(Standing { found, known: known(), pending: pending(MIGRATIONS, found), script })
}

/// The statements that lead from a version to this one.
fn steps(version: i64) -> String {
    let migrations: String = pending(MIGRATIONS, version).iter().map(Migration::statements).collect();
    format!("{migrations}PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {};\n", known())
}

/// Makes sure that a database is of this server and not newer, without writing. Returns its version, 0 for an empty one.
pub(super) fn check(connection: &Connection, path: &str) -> Result<i64, Error> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (version, application) = (number("user_version")?, number("application_id")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && application != i64::from(APPLICATION_ID) {
        return Err(Error::Open(format!("{path} is a database of another program: choose another file")));
    }
    let known = known();
    if version > known {
        return Err(Error::Open(format!(
            "{path} was written by a newer server (schema {version}, this one knows {known}): use that version, or another file"
        )));
    }
    Ok(version)
}

/// Empties every table.
pub(super) fn empty(connection: &mut Connection) -> Result<(), Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in ["promises", "tasks", "callbacks", "listeners", "schedules", "outbox"] {
        tx.execute(&format!("DELETE FROM {table}"), [])?;
    }
    Ok(tx.commit()?)
}

/// Writes what is there already: a commit that succeeds where the disk takes writes.
pub(super) fn touch(connection: &Connection) -> Result<(), Error> {
    Ok(connection.pragma_update(None, "user_version", known())?)
}

const fn known() -> i64 {
    MIGRATIONS.len() as i64
}
