//! A connection that only reads, each time over one view of the database. It connects when it first reads, so that a server whose Postgres has no
//! connection to spare still starts: what cannot be read here the writer answers.

use super::session::{Opening, Session};
use super::tx::PostgresTx;
use crate::store::{Error, ReadStore};

/// The reading side of a database.
#[derive(Debug)]
pub struct PostgresReader(pub(super) Session);

impl PostgresReader {
    pub(super) fn new(opening: Opening) -> Result<Self, Error> {
        Ok(Self(Session::new(opening)?))
    }
}

impl ReadStore for PostgresReader {
    type Tx<'a> = PostgresTx<'a>;

    fn begin_read(&mut self) -> Result<PostgresTx<'_>, Error> {
        self.0.ensure()?;
        Ok(PostgresTx::reading(&mut self.0))
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.0.close();
        Ok(())
    }
}
