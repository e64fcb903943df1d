//! Where records live: SQLite or Postgres, behind the same traits. Stores load and write; they know nothing of what records mean, and every
//! one of them is tested against the core's reference store.

pub mod bulk;
pub mod damage;
pub mod location;
pub mod memory;
pub mod postgres;
mod rows;
pub mod schema;
pub mod sqlite;

use std::fmt;
use std::time::Duration;

use resonate_core::address::Mailbox;
use resonate_core::drive::{Reset, Tx};
use resonate_core::read::Read;
use resonate_core::time::Millis;

use crate::engine::limits::{SHARED_SWEEP_INTERVAL, SWEEP_INTERVAL};

/// How far a database may be ahead of the clock that a server goes by.
pub const CLOCK_AHEAD_MAX: Millis = Millis::saturating(60 * 60 * 1000);

/// A store that a server can be run on.
pub trait HostStore: Reset<Error = Error> + Send + 'static {
    /// Opens its connections anew after an error that may have left them broken, and makes sure that the store takes writes: what follows is
    /// that the server is ready again.
    ///
    /// # Errors
    /// When the store is still out of reach, or takes no writes.
    fn reopen(&mut self) -> Result<(), Error>;

    /// Whether other servers write to the same store.
    fn is_shared(&self) -> bool {
        false
    }

    /// Those of the mailboxes that hold parked messages, or all of them where looking into each costs nothing. None twice.
    ///
    /// # Errors
    /// The store's.
    fn filled(&mut self, mailboxes: Vec<Mailbox>) -> Result<Vec<Mailbox>, Error> {
        Ok(mailboxes)
    }

    /// Longest time without a look for what is due.
    fn sweep_interval(&self) -> Duration {
        if self.is_shared() { SHARED_SWEEP_INTERVAL } else { SWEEP_INTERVAL }
    }

    /// Work of the store's own between two batches, such as finishing a checkpoint. It may take a few milliseconds.
    fn rest(&mut self) {}
}

/// A view of a store for reading beside the writer.
pub trait ReadStore: Send + 'static {
    /// Its transactions.
    type Tx<'a>: Tx<Error = Error>
    where
        Self: 'a;

    /// Begins a transaction that only reads.
    ///
    /// # Errors
    /// The store's.
    fn begin_read(&mut self) -> Result<Self::Tx<'_>, Error>;

    /// Opens its connection anew after an error.
    ///
    /// # Errors
    /// When the store is still out of reach.
    fn reopen(&mut self) -> Result<(), Error>;
}

/// What went wrong with a store.
#[derive(Debug)]
pub enum Error {
    /// The store cannot be opened; the text says which and why, and what to do about it.
    Open(String),
    /// Somebody else is at work on the store; the text says what to do about it.
    InUse(String),
    /// One row cannot be read: it is left alone, its neighbours are not.
    Row {
        /// The table.
        table: &'static str,
        /// What does not fit.
        why: String,
    },
    /// SQLite failed.
    Sqlite(rusqlite::Error),
    /// Postgres failed, or cannot be reached.
    Postgres(String),
    /// A row is in somebody else's hands for longer than a request may wait.
    Locked {
        /// What the database says.
        why: String,
        /// The rows, as far as they are known.
        rows: Vec<Read>,
    },
}

impl Error {
    /// Whether a single row is at fault, so that other requests may succeed.
    #[must_use]
    pub fn is_row(&self) -> bool {
        matches!(self, Self::Row { .. } | Self::Locked { .. })
    }
}

impl Error {
    /// The rows that somebody else has, as far as they are known.
    #[must_use]
    pub fn locked_rows(&self) -> &[Read] {
        match self {
            Self::Locked { rows, .. } => rows,
            Self::Open(_) | Self::InUse(_) | Self::Row { .. } | Self::Sqlite(_) | Self::Postgres(_) => &[],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(why) | Self::InUse(why) => f.write_str(why),
            Self::Row { table, why } => write!(f, "a row of {table} cannot be read: {why}"),
            Self::Sqlite(error) => write!(f, "the database failed: {error}"),
            Self::Postgres(why) => write!(f, "the database failed: {why}"),
            Self::Locked { why, rows: _ } => write!(f, "a row stays locked: {why}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
