//! Postgres as a store, for one server or many. Each has one connection that writes and others that read beside it. A batch is two ways there and
//! back: its rows are locked and read, then its changes and the commit go together. An acknowledged commit is as durable as Postgres makes it.
//!
//! What keeps servers out of each other's way (`docs/decisions/0016`): rows named by a batch's reads are locked, in the same order everywhere; those
//! that it turns out to need later it takes only if they are free, and starts over otherwise. Rows that are not there yet cannot be locked: their
//! inserts are guarded.

mod bulk;
mod due;
mod failure;
mod load;
mod net;
pub mod notify;
mod reader;
mod referring;
mod schema;
mod search;
mod session;
mod snapshot;
mod text;
mod tls;
mod tx;
pub mod url;
mod write;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use resonate_core::address::Mailbox;
use resonate_core::drive::{Reset, Store};
use resonate_core::read::Read;
use resonate_core::time::Timestamp;

pub use bulk::{PostgresSink, PostgresSource};
pub use reader::PostgresReader;
pub use tx::PostgresTx;

use super::schema::Standing;
use super::{Error, HostStore};
use crate::clock::Clock;
use crate::metrics::Metrics;
use session::{ANSWER_MAX, Call, Opening, Session, Silence};
use url::Target;

/// Longest pause before a transaction that was in another one's way is run again, as a power of two of milliseconds.
const PAUSE_MILLIS_LOG2_MAX: u32 = 6;

/// What a store is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the database is.
    pub target: Arc<Target>,
    /// Longest run of one statement.
    pub statement_timeout: Option<Duration>,
    /// What is counted.
    pub metrics: Option<Arc<Metrics>>,
}

impl Options {
    /// What a server wants of the database behind a URL.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn of_url(url: &str) -> Result<Self, Error> {
        let target = Arc::new(Target::parse(url).map_err(Error::Open)?);
        Ok(Self { target, statement_timeout: None, metrics: None })
    }

    fn opening(&self, purpose: &'static str) -> Opening {
        let (target, statement_timeout) = (Arc::clone(&self.target), self.statement_timeout);
        Opening { target, purpose, statement_timeout, answer_max: ANSWER_MAX }
    }
}

/// How far the tables of a database are, without writing.
///
/// # Errors
/// [`Error::Open`] says what is wrong with the database and what to do about it.
pub fn standing(options: &Options) -> Result<Standing, Error> {
    let mut session = Session::new(options.opening("resonate migrate"))?;
    session.ensure()?;
    schema::standing(&mut session)
}

/// Brings a database to this version, however many do so at once. Returns the version that it had.
///
/// # Errors
/// [`Error::Open`] says what is wrong with the database and what to do about it.
pub fn migrate(options: &Options) -> Result<i64, Error> {
    let mut session = Session::new(options.opening("resonate migrate"))?;
    session.ensure()?;
    schema::migrate(&mut session)
}

/// What a transaction that met another one leaves to its next run.
#[derive(Debug, Default)]
struct Retry {
    /// What it had read by key: locked first of all then, in order, so that the next run meets nobody halfway.
    again: Vec<Read>,
    /// How often in a row.
    conflicts: u32,
    /// How often what was read contradicted itself.
    contradictions: u32,
}

/// The writing side of a database.
pub struct PostgresStore {
    options: Options,
    session: Session,
    retry: Retry,
    clock: Option<Clock>,
    /// The latest instant of a transaction.
    seen: Timestamp,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("options", &self.options).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects and brings the database to this version.
    ///
    /// Blocks: not to be called where a runtime must go on.
    ///
    /// # Errors
    /// [`Error::Open`] says what is wrong with the database and what to do about it.
    pub fn open(options: Options) -> Result<Self, Error> {
        let mut session = Session::new(options.opening("resonate writer"))?;
        session.ensure()?;
        let from = schema::migrate(&mut session)?;
        if from < schema::known() {
            tracing::info!(from, to = schema::known(), "migrated database");
        }
        bulk::refuse_unfinished(&mut session, &options.target.to_string())?;
        Ok(Self { options, session, retry: Retry::default(), clock: None, seen: Timestamp::ZERO })
    }

    /// A reader beside the writer.
    ///
    /// # Errors
    /// When the system gives no runtime for it. It connects when it first reads.
    pub fn reader(&self) -> Result<PostgresReader, Error> {
        PostgresReader::new(self.options.opening("resonate reader"))
    }

    /// From now on the instants of batches are the database's, on which all servers that share it agree, and `clock` follows it. Without this they
    /// are the caller's.
    pub fn go_by_its_clock(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// The database's clock, and the latest instant at which a promise was created.
    ///
    /// # Errors
    /// The database's.
    pub fn instants(&mut self) -> Result<(Timestamp, Timestamp), Error> {
        let answers =
            self.session.run(&[Call::plain(tx::CLOCK), Call::plain("SELECT max(created_at) FROM promises")])?;
        let millis = |answer: usize| {
            let row = answers.get(answer).and_then(|rows| rows.first());
            let millis = row.and_then(|row| row.get::<_, Option<i64>>(0)).unwrap_or(0);
            Timestamp::saturating(millis.unsigned_abs())
        };
        Ok((millis(0), millis(1)))
    }
}

impl Store for PostgresStore {
    type Error = Error;
    type Tx<'a> = PostgresTx<'a>;

    fn begin(&mut self) -> Result<PostgresTx<'_>, Error> {
        if self.retry.conflicts > 0 {
            // Whoever was in the way gets the time to finish; nobody comes back at the same moment as another.
            let longest = 1 << self.retry.conflicts.min(PAUSE_MILLIS_LOG2_MAX);
            std::thread::sleep(Duration::from_millis(fastrand::u64(0..=longest)));
        }
        self.session.ensure()?;
        Ok(PostgresTx::writing(self))
    }
}

impl HostStore for PostgresStore {
    fn reopen(&mut self) -> Result<(), Error> {
        self.session.close();
        self.session.ensure()?;
        self.session.run(&[Call::plain(schema::TOUCH)])?;
        Ok(())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn filled(&mut self, mut mailboxes: Vec<Mailbox>) -> Result<Vec<Mailbox>, Error> {
        if mailboxes.len() > 1 {
            let call = due::filled(&mailboxes);
            let found = PostgresTx::writing(self).look(&[call])?;
            let found: HashSet<&str> = found.iter().flatten().map(|row| row.get(0)).collect();
            mailboxes.retain(|mailbox| found.contains(mailbox.as_str()));
        }
        Ok(mailboxes)
    }
}

impl Reset for PostgresStore {
    fn reset(&mut self) -> Result<(), Error> {
        self.session.ensure()?;
        Ok(self.session.script(schema::EMPTY)?)
    }
}

impl From<Silence> for Error {
    fn from(silence: Silence) -> Self {
        Self::Postgres(match silence {
            Silence::Failed(error) => failure::explain(&error),
            Silence::Late => "it does not answer".to_owned(),
            Silence::Closed => "the connection is closed".to_owned(),
        })
    }
}
