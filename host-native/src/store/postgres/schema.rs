//! The tables, and how a database of an older version becomes one of this version, however many servers start at once. Versions only go up; a newer
//! database is refused.

use super::failure::explain;
use super::session::{Call, Session, Silence};
use crate::store::Error;
use crate::store::schema::{Migration, Standing, pending};

/// What leads from each version to the next.
const MIGRATIONS: &[Migration] = &[
    Migration::new(
        "promises, tasks, callbacks, listeners, schedules and the outbox of messages",
        include_str!("schema_1.sql"),
    ),
    Migration::new("what removing settled promises needs to find", include_str!("schema_2.sql")),
];

/// The row that says the version, and that servers which start at once wait for.
const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS resonate_schema (only_row BOOLEAN PRIMARY KEY CHECK (only_row), \
     version BIGINT NOT NULL); \
     INSERT INTO resonate_schema (only_row, version) VALUES (true, 0) ON CONFLICT DO NOTHING";

/// However long another server takes to do the same.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0";
const LOCK: &str = "SELECT version FROM resonate_schema FOR UPDATE";
const VERSION: &str = "SELECT version FROM resonate_schema";

/// Tasks by what has woken them: they are in it until a worker acquires them.
const RESUMES: &str = "CREATE INDEX IF NOT EXISTS tasks_by_resume ON tasks USING gin ((resumes::jsonb)) \
     WITH (fastupdate = off) WHERE resumes IS NOT NULL";
/// For databases without inverted indexes: all of those tasks are looked at. Where there is one, this would be taken for better.
const RESUMES_ELSE: &str = "CREATE INDEX IF NOT EXISTS tasks_resumed ON tasks (id) WHERE resumes IS NOT NULL";

/// Settings of tables that change often, for the databases that have them: rows are changed in place, and cleaned up early.
const TUNING: &[&str] = &[
    "ALTER TABLE outbox SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)",
    "ALTER TABLE tasks SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)",
    "ALTER TABLE callbacks SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000)",
];

/// Times that creating the same table as another server is tried again.
const ATTEMPTS_MAX: usize = 5;

/// The version that this server writes.
pub(super) const fn known() -> i64 {
    MIGRATIONS.len() as i64
}

/// Brings the database to this version. Returns the version that it had.
pub(super) fn migrate(session: &mut Session) -> Result<i64, Error> {
    check_encoding(session)?;
    let found = version(session)?;
    if found == Some(known()) {
        return Ok(known());
    }
    refuse_strangers(session, found)?;
    let mut failed = None;
    for _ in 0..ATTEMPTS_MAX {
        match create_and_migrate(session) {
            Ok(from) => {
                TUNING.iter().for_each(|tuning| drop(session.script(tuning)));
                return Ok(from);
            }
            // Another server does the same at this moment.
            Err(Silence::Failed(error)) if is_race(&error) => {
                let _ = session.script("ROLLBACK");
                failed = Some(error);
            }
            Err(silence) => return Err(cannot_migrate(silence)),
        }
    }
    Err(failed.map_or_else(|| Error::Open("cannot migrate".to_owned()), |error| cannot_migrate(Silence::Failed(error))))
}

/// How far the tables of the database are, without writing.
pub(super) fn standing(session: &mut Session) -> Result<Standing, Error> {
    let version = version(session)?;
    refuse_strangers(session, version)?;
    let found = version.unwrap_or(0);
    let script = match found < known() {
        true => {
            let steps = steps(session, found).map_err(cannot_migrate)?;
            format!("{VERSION_TABLE};\n{BEGIN};\n{LOCK};\n{steps}{RESUMES};\nCOMMIT;\n{};\n", TUNING.join(";\n"))
        }
        false => String::new(),
    };
    Ok(Standing { found, known: known(), pending: pending(MIGRATIONS, found), script })
}

/// The statements that lead from a version to this one.
fn steps(session: &mut Session, version: i64) -> Result<String, Silence> {
    let bytewise = if is_cockroach(session)? { "" } else { "COLLATE \"C\"" };
    let migrations: String = pending(MIGRATIONS, version).iter().map(Migration::statements).collect();
    let migrations = migrations.replace("COLLATE_BYTES", bytewise);
    Ok(format!("{migrations}UPDATE resonate_schema SET version = {};\n", known()))
}

/// The version of the database; nothing when it has none of our tables.
pub(super) fn version(session: &mut Session) -> Result<Option<i64>, Error> {
    let there = "SELECT to_regclass('resonate_schema') IS NOT NULL";
    let there = session.run(&[Call::plain(there)]).map_err(cannot_migrate)?;
    if !there.first().and_then(|rows| rows.first()).is_some_and(|row| row.get(0)) {
        return Ok(None);
    }
    let rows = session.run(&[Call::plain(VERSION)]).map_err(cannot_migrate)?;
    let version = rows.first().and_then(|rows| rows.first()).map_or(0, |row| row.get(0));
    check(version)?;
    Ok(Some(version))
}

/// Texts are UTF-8, all of them.
fn check_encoding(session: &mut Session) -> Result<(), Error> {
    let rows = session.run(&[Call::plain("SHOW server_encoding")]).map_err(cannot_migrate)?;
    let encoding: &str = rows.first().and_then(|rows| rows.first()).map_or("UTF8", |row| row.get(0));
    if encoding.eq_ignore_ascii_case("utf8") {
        return Ok(());
    }
    Err(Error::Open(format!(
        "the database stores texts as {encoding}, which cannot hold every text: create one with ENCODING 'UTF8' TEMPLATE template0"
    )))
}

fn check(version: i64) -> Result<(), Error> {
    if version <= known() {
        return Ok(());
    }
    Err(Error::Open(format!(
        "the database was written by a newer server (schema {version}, this one knows {}): use that version, or another database",
        known()
    )))
}

/// A database without our version, and with a table of one of our names, belongs to somebody else.
fn refuse_strangers(session: &mut Session, version: Option<i64>) -> Result<(), Error> {
    if version.is_some_and(|version| version > 0) {
        return Ok(());
    }
    let there = session.run(&[Call::plain("SELECT to_regclass('promises') IS NOT NULL")]).map_err(cannot_migrate)?;
    let taken = there.first().and_then(|rows| rows.first()).is_some_and(|row| row.get(0));
    // Somebody who migrates right now has made both.
    if taken && version.is_none() && self::version(session)?.is_none() {
        return Err(Error::Open(
            "the database has a table `promises` of another program: choose another database, or a schema of its own \
             (storage.postgres.url = …?options=-csearch_path%3Dresonate)"
                .to_owned(),
        ));
    }
    Ok(())
}

fn create_and_migrate(session: &mut Session) -> Result<i64, Silence> {
    session.script(VERSION_TABLE)?;
    session.script(BEGIN)?;
    // As a script: an answer to it may be waited for as long as another server needs.
    session.script(LOCK)?;
    let rows = session.run(&[Call::plain(VERSION)])?;
    let from: i64 = rows.first().and_then(|rows| rows.first()).map_or(0, |row| row.get(0));
    if from < known() {
        let steps = steps(session, from)?;
        session.script(&steps)?;
        session.script("SAVEPOINT resumes")?;
        if session.script(RESUMES).is_err() {
            session.script("ROLLBACK TO SAVEPOINT resumes")?;
            session.script(RESUMES_ELSE)?;
        }
    }
    session.script("COMMIT")?;
    Ok(from)
}

/// CockroachDB compares texts byte by byte and has no word for it.
fn is_cockroach(session: &mut Session) -> Result<bool, Silence> {
    let rows = session.run(&[Call::plain("SELECT version()")])?;
    Ok(rows.first().and_then(|rows| rows.first()).is_some_and(|row| row.get::<_, &str>(0).contains("CockroachDB")))
}

/// Two servers create the same table: one of them finds a key taken that it had not seen.
fn is_race(error: &tokio_postgres::Error) -> bool {
    use tokio_postgres::error::SqlState;
    let races = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
    ];
    error.code().is_some_and(|code| races.contains(code))
}

fn cannot_migrate(silence: Silence) -> Error {
    match silence {
        Silence::Failed(error) => Error::Open(format!("cannot prepare the tables: {}", explain(&error))),
        Silence::Late => Error::Open("cannot prepare the tables: Postgres does not answer".to_owned()),
        Silence::Closed => Error::Open("cannot prepare the tables: there is no connection".to_owned()),
    }
}

/// Empties every table.
pub(super) const EMPTY: &str = "BEGIN; DELETE FROM promises; DELETE FROM tasks; DELETE FROM callbacks; DELETE FROM listeners; \
     DELETE FROM schedules; DELETE FROM outbox; COMMIT";

/// Writes what is there already: a commit that succeeds where the database takes writes.
pub(super) const TOUCH: &str = "UPDATE resonate_schema SET version = version";
