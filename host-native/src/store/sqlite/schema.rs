//! The tables, and how a database of an older version becomes one of this version. Versions only go up; a newer database is refused.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::Error;

/// Marks a file as a database of this server ("RSNT").
const APPLICATION_ID: i32 = 0x5253_4E54;

/// Statements that lead from each version to the next. An entry never changes once it has been released.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql")];

/// Brings the database to this version.
pub(super) fn migrate(connection: &mut Connection, path: &str) -> Result<(), Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = check(&tx, path)?;
    if version == known() {
        return Ok(());
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", known())?;
    tx.commit()?;
    tracing::info!(path, from = version, to = known(), "migrated database");
    Ok(())
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
