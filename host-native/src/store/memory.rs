//! The core's reference store under the host's traits: what `resonate dev` runs on. Nothing survives the process.

use std::convert::Infallible;

use resonate_core::address::Mailbox;
use resonate_core::drive::{self, Reset, Store, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::memory::{MemoryStore, MemoryTx};
use resonate_core::message::MessageKey;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::retention::Settled;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;

use super::{Error, HostStore, ReadStore};

/// Records in memory.
#[derive(Debug, Default)]
pub struct Memory(MemoryStore);

/// A transaction in memory.
#[derive(Debug)]
pub struct Tx<'a>(MemoryTx<'a>);

fn never<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

fn conflict(error: &TxError<Infallible>) -> TxError<Error> {
    match error {
        TxError::Conflict => TxError::Conflict,
        TxError::Store(never) => match *never {},
    }
}

impl Store for Memory {
    type Error = Error;
    type Tx<'a> = Tx<'a>;

    fn begin(&mut self) -> Result<Tx<'_>, Error> {
        Ok(Tx(never(self.0.begin())))
    }
}

impl HostStore for Memory {
    fn reopen(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl Reset for Memory {
    fn reset(&mut self) -> Result<(), Error> {
        never(self.0.reset());
        Ok(())
    }
}

impl drive::Tx for Tx<'_> {
    type Error = Error;

    fn load(&mut self, reads: &[Read], records: &mut Records) -> Result<(), TxError<Error>> {
        self.0.load(reads, records).map_err(|error| conflict(&error))
    }

    fn due(&mut self, kinds: &[DueKind], until: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
        Ok(never(self.0.due(kinds, until, limit)))
    }

    fn parked(&mut self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize) -> Result<Vec<MessageKey>, Error> {
        Ok(never(self.0.parked(mailbox, prefix, limit)))
    }

    fn settled(&mut self, after: Option<&Settled>, before: Timestamp, limit: usize) -> Result<Vec<Settled>, Error> {
        Ok(never(self.0.settled(after, before, limit)))
    }

    fn snapshot(&mut self) -> Result<Snapshot, Error> {
        Ok(never(self.0.snapshot()))
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), TxError<Error>> {
        self.0.write(writes).map_err(|error| conflict(&error))
    }

    fn commit(self) -> Result<(), TxError<Error>> {
        self.0.commit().map_err(|error| conflict(&error))
    }
}

/// Nothing reads beside the writer of a store in memory.
#[derive(Debug)]
pub enum NoReader {}

impl ReadStore for NoReader {
    type Tx<'a> = Tx<'a>;

    fn begin_read(&mut self) -> Result<Tx<'_>, Error> {
        match *self {}
    }

    fn reopen(&mut self) -> Result<(), Error> {
        match *self {}
    }
}
