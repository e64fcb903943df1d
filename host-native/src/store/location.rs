//! Which store, and where: what a command without a server works on.

use std::fmt;
use std::path::PathBuf;

use super::bulk::{Beside, Sink, Source};
use super::postgres::{Options, PostgresSink, PostgresSource};
use super::schema::Standing;
use super::sqlite::{SqliteSink, SqliteSource};
use super::{Error, postgres, sqlite};

/// A path of SQLite that means: nothing on disk.
pub const IN_MEMORY: &str = ":memory:";

/// How carefully SQLite writes where nobody configures it.
const SYNCHRONOUS: &str = "full";

/// A store that is not opened.
#[derive(Clone, Debug)]
pub enum Location {
    /// A database file.
    Sqlite(PathBuf),
    /// A database of a Postgres.
    Postgres(Options),
}

impl Location {
    /// The name of the kind of store, as it is configured.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Where it is, without user and password.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(options) => options.target.to_string(),
        }
    }

    /// How far its tables are; nothing when there is no file. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Open`] says what is wrong with it and what to do about it.
    pub fn standing(&self) -> Result<Option<Standing>, Error> {
        match self {
            Self::Sqlite(path) => sqlite::standing(path),
            Self::Postgres(options) => postgres::standing(options).map(Some),
        }
    }

    /// Brings it to this version. Returns the version that it had.
    ///
    /// # Errors
    /// [`Error::Open`] says what is wrong with it and what to do about it.
    pub fn migrate(&self) -> Result<i64, Error> {
        match self {
            Self::Sqlite(path) => sqlite::migrate(path, SYNCHRONOUS),
            Self::Postgres(options) => postgres::migrate(options),
        }
    }

    /// As it is shown, and the same by whatever path a file is reached.
    #[must_use]
    pub fn real_name(&self) -> String {
        match self {
            Self::Sqlite(path) => Self::Sqlite(sqlite::real_path(path)).to_string(),
            Self::Postgres(_) => self.to_string(),
        }
    }

    /// Opens it to be read as a whole.
    ///
    /// # Errors
    /// [`Error::InUse`], and [`Error::Open`], which says what is wrong with it and what to do about it.
    pub fn source(&self, beside: Beside) -> Result<Box<dyn Source>, Error> {
        Ok(match self {
            Self::Sqlite(path) => Box::new(SqliteSource::open(path, beside)?),
            Self::Postgres(options) => Box::new(PostgresSource::open(options, beside)?),
        })
    }

    /// Opens it to be filled, and creates what is not there.
    ///
    /// # Errors
    /// [`Error::InUse`], and [`Error::Open`], which says what is wrong with it and what to do about it.
    pub fn sink(&self) -> Result<Box<dyn Sink>, Error> {
        Ok(match self {
            Self::Sqlite(path) => Box::new(SqliteSink::open(path, SYNCHRONOUS)?),
            Self::Postgres(options) => Box::new(PostgresSink::open(options)?),
        })
    }
}

/// As it is named on the command line, without user and password.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.place())
    }
}
