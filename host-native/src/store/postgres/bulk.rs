//! A database as a whole: read over one view, and filled. The note of how far a filling is lies in a table of its own, which is gone when it is
//! done.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use resonate_core::write::Write;

use super::failure::{Verdict, explain, verdict};
use super::net::Net;
use super::session::{Call, Opening, Session, Silence};
use super::write::{calls, guarded};
use super::{Options, schema};
use crate::store::Error;
use crate::store::bulk::{
    Beside, Each, HOLDS_RECORDS, Key, Sink, Source, Table, begun_otherwise, count_statement, not_empty, record,
    scan_statement, unfinished,
};

/// What both are known as to the database. Not like a server.
const PURPOSE: &str = "copy of resonate";
/// Longest wait for the answer to one batch: nobody is kept waiting by it.
const ANSWER_MAX: Duration = Duration::from_secs(120);
/// How often it is looked whether others are connected, and the time between.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);
/// Settings for long work that waits for others.
const SETTINGS: &str = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0";

fn connect(options: &Options) -> Result<Session, Error> {
    let target = Arc::clone(&options.target);
    let opening = Opening { target, purpose: PURPOSE, statement_timeout: None, answer_max: ANSWER_MAX };
    let mut session = Session::new(opening)?;
    session.ensure()?;
    session.script(SETTINGS)?;
    Ok(session)
}

/// What a database must be free of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Servers,
    /// Also one that was killed: what it has sent last may still be under way.
    ServersAndCopies,
}

/// Refuses a database that others are connected to, as far as it shows who is.
fn refuse_others(session: &mut Session, others: Others, place: &str) -> Result<(), Error> {
    for look in 0..LOOKS {
        if !has_others(session, others)? {
            return Ok(());
        }
        // The connections of who has just ended are there for a moment.
        std::thread::sleep(if look + 1 < LOOKS { PAUSE } else { Duration::ZERO });
    }
    let who = match others {
        Others::Servers => "in use by a server",
        Others::ServersAndCopies => "in use by a server, or filled by another copy",
    };
    Err(Error::InUse(format!("{place} is {who}: stop it, or choose another database")))
}

fn has_others(session: &mut Session, others: Others) -> Result<bool, Error> {
    const OTHERS: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND application_name <> 'resonate migrate' \
         AND (application_name LIKE 'resonate %' OR ($1 AND application_name = $2)))";
    let with_copies = others == Others::ServersAndCopies;
    match session.run(&[Call::plain(OTHERS).with(with_copies).with(PURPOSE)]) {
        Ok(rows) => Ok(rows.first().and_then(|rows| rows.first()).is_some_and(|row| row.get(0))),
        // A database that does not say who is connected.
        Err(Silence::Failed(error)) if verdict(&error) == Verdict::Failed => Ok(false),
        Err(silence) => Err(silence.into()),
    }
}

/// A database that is read as a whole.
#[derive(Debug)]
pub struct PostgresSource {
    session: Session,
}

impl PostgresSource {
    /// Connects and takes a view of the database, which must be of this version.
    ///
    /// # Errors
    /// [`Error::InUse`], and [`Error::Open`], which says what is wrong with the database and what to do about it.
    pub fn open(options: &Options, beside: Beside) -> Result<Self, Error> {
        let mut session = connect(options)?;
        let place = options.target.to_string();
        match beside {
            Beside::Nobody => refuse_others(&mut session, Others::Servers, &place)?,
            Beside::Servers | Beside::Sink => {}
        }
        // The view begins with the first read.
        session.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT version FROM resonate_schema")?;
        match beside {
            Beside::Nobody | Beside::Servers => refuse_unfinished(&mut session, &place)?,
            Beside::Sink => {}
        }
        Ok(Self { session })
    }
}

impl Source for PostgresSource {
    fn count(&mut self, table: Table) -> Result<u64, Error> {
        // As a scan: it takes as long as there are many.
        let mut count = 0;
        self.session.stream(&Call::plain(count_statement(table)), &mut |row| {
            count = row.get::<_, i64>(0).unsigned_abs();
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    fn scan(&mut self, table: Table, behind: Option<&Key>, each: Each<'_>) -> Result<(), Error> {
        let all = Call::plain(scan_statement(table, behind.is_some()));
        let call = match (behind, table) {
            (None, _) => all,
            (Some(Key(_, id, _)), Table::Promises | Table::Tasks | Table::Schedules) => all.with(id),
            (Some(Key(_, first, second)), Table::Callbacks | Table::Listeners) => all.with(first).with(second),
            (Some(Key(kind, first, second)), Table::Outbox) => all.with(*kind as i16).with(first).with(second),
        };
        Ok(self.session.stream(&call, &mut |row| each(record(table, row)))?)
    }
}

/// A database that is filled.
#[derive(Debug)]
pub struct PostgresSink {
    session: Session,
    place: String,
}

impl PostgresSink {
    /// Connects and makes the tables that are missing.
    ///
    /// # Errors
    /// [`Error::InUse`], and [`Error::Open`], which says what is wrong with the database and what to do about it.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let mut session = connect(options)?;
        let place = options.target.to_string();
        refuse_others(&mut session, Others::ServersAndCopies, &place)?;
        schema::migrate(&mut session)?;
        Ok(Self { session, place })
    }
}

impl Sink for PostgresSink {
    fn begin(&mut self, source: &str, place: &str) -> Result<Option<String>, Error> {
        if let Some((noted, place)) = note(&mut self.session)? {
            return if noted == source { Ok(Some(place)) } else { Err(begun_otherwise(&self.place, &noted)) };
        }
        let rows = self.session.run(&[Call::plain(HOLDS_RECORDS)])?;
        if rows.first().and_then(|rows| rows.first()).is_some_and(|row| row.get(0)) {
            return Err(not_empty(&self.place));
        }
        // One row, however many begin at once.
        self.session.script(
            "CREATE TABLE IF NOT EXISTS resonate_copy (only_row BOOLEAN PRIMARY KEY CHECK (only_row), source TEXT NOT NULL, place TEXT NOT NULL)",
        )?;
        const NOTE: &str = "INSERT INTO resonate_copy (only_row, source, place) VALUES (true, $1, $2)";
        let noted = self.session.run(&[Call::plain(NOTE).with(source).with(place)]);
        noted.map(|_| None).map_err(failed)
    }

    fn put(&mut self, records: &[Write], from: &str, to: &str) -> Result<(), Error> {
        const MOVE: &str = guarded!("UPDATE resonate_copy SET place = $3 WHERE place = $2");
        let mut net = Net::default();
        for record in records {
            net.add(record).map_err(|_| Error::Open("a key is there twice in the source".to_owned()))?;
        }
        let mut batch = vec![Call::plain("BEGIN ISOLATION LEVEL READ COMMITTED")];
        batch.extend(calls(&net));
        batch.push(Call::plain(MOVE).with(1_i64).with(from).with(to));
        batch.push(Call::plain("COMMIT"));
        self.session.run(&batch).map(drop).map_err(failed)
    }

    fn end(&mut self) -> Result<(), Error> {
        Ok(self.session.script("DROP TABLE resonate_copy")?)
    }
}

fn failed(silence: Silence) -> Error {
    match silence {
        Silence::Failed(error) if verdict(&error) == Verdict::Guard => {
            Error::Open(format!("somebody else writes to the database that is filled: {}", explain(&error)))
        }
        other => other.into(),
    }
}

/// Where records come from and how far they are, in a database that is being filled.
fn note(session: &mut Session) -> Result<Option<(String, String)>, Silence> {
    let there = session.run(&[Call::plain("SELECT to_regclass('resonate_copy') IS NOT NULL")])?;
    if !there.first().and_then(|rows| rows.first()).is_some_and(|row| row.get(0)) {
        return Ok(None);
    }
    let rows = session.run(&[Call::plain("SELECT source, place FROM resonate_copy")])?;
    Ok(rows.first().and_then(|rows| rows.first()).map(|row| (row.get(0), row.get(1))))
}

/// Makes sure that everything is there that is to be.
pub(super) fn refuse_unfinished(session: &mut Session, place: &str) -> Result<(), Error> {
    match note(session)? {
        None => Ok(()),
        Some((source, _)) => Err(unfinished(place, &source)),
    }
}
