//! A connection that only reads, each time over one view of the database. It connects when it first reads, so that a server whose Postgres has no
//! connection to spare still starts: what cannot be read here the writer answers.

use std::time::{Duration, Instant};

use super::session::{Opening, Session};
use super::tx::PostgresTx;
use crate::store::{Error, ReadStore};

/// The reading side of a database.
#[derive(Debug)]
pub struct PostgresReader {
    session: Session,
    /// When to try to connect again.
    try_at: Option<Instant>,
}

/// Pause after a connection that could not be had: meanwhile the writer answers.
const PAUSE: Duration = Duration::from_secs(1);

impl PostgresReader {
    pub(super) fn new(opening: Opening) -> Result<Self, Error> {
        Ok(Self { session: Session::new(opening)?, try_at: None })
    }
}

impl ReadStore for PostgresReader {
    type Tx<'a> = PostgresTx<'a>;

    fn begin_read(&mut self) -> Result<PostgresTx<'_>, Error> {
        if self.try_at.is_some_and(|try_at| Instant::now() < try_at) {
            return Err(Error::Postgres("there was no connection a moment ago".to_owned()));
        }
        match self.session.ensure() {
            Ok(()) => self.try_at = None,
            Err(error) => {
                self.try_at = Some(Instant::now() + PAUSE);
                return Err(error);
            }
        }
        Ok(PostgresTx::reading(&mut self.session))
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.session.close();
        Ok(())
    }
}
