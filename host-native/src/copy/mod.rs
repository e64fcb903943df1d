//! Copying a store into another: every record as it is, table by table in the order of keys, in batches of bounded size. The place lies in the target,
//! in the same transaction as the records before it, so that a copy goes on where it was stopped, however it was. At the end both are read again and
//! compared. Knows nothing of what records mean, nor of any database.

mod batch;
mod checksum;
mod compare;
mod job;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::store;
use crate::store::bulk::{Key, Sink, Source, Table};

pub use checksum::Checksum;
pub use compare::compare;
pub use job::{Job, run};

/// Bounds of a copy.
pub mod limits {
    /// Most records of a batch.
    pub const BATCH_RECORDS_MAX: usize = 2000;
    /// Weight at which a batch is full.
    pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
    /// Batches that wait to be written while others are read.
    pub const BATCHES_WAITING_MAX: usize = 2;
}

/// Where a copy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The table under way; nothing when all are copied.
    table: Option<Table>,
    /// The last of its records that is there.
    behind: Option<Key>,
    /// Records of it that are there.
    records: u64,
}

impl Place {
    fn begin_of(table: Option<Table>) -> Self {
        Self { table, behind: None, records: 0 }
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("a place is JSON")
    }
}

/// What happens during a copy.
#[derive(Debug)]
pub enum Event<'a> {
    /// It goes on where another one was stopped.
    GoesOn,
    /// A table is copied, of which so many records are there already.
    Table {
        /// The table.
        table: Table,
        /// Records that are there.
        records: u64,
        /// Rows of the source.
        rows: u64,
    },
    /// So many records of it are there and will stay there.
    Copied {
        /// The table.
        table: Table,
        /// Records that are there.
        records: u64,
    },
    /// A row cannot be read and is left out.
    LeftOut(&'a store::Error),
    /// So many rows of the source and the target together have been read again, to compare them.
    Compared(u64),
}

/// How a table was found in source and target, which are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The table.
    pub table: Table,
    /// What is in both.
    pub checksum: Checksum,
    /// Rows of the source that cannot be read, and are not in the target.
    pub left_out: u64,
}

/// Why there is no copy.
#[derive(Debug)]
pub enum Error {
    /// A store failed.
    Store(store::Error),
    /// The source may change while it is copied.
    SourceInUse(String),
    /// A row of the source cannot be read.
    Damaged(store::Error),
    /// What the target says of the place cannot be understood.
    Place(String),
    /// The source may be another one than when the copy was begun.
    Moved,
    /// Source and target cannot be copied into each other.
    Refused(String),
    /// The copy is not the same as its source.
    Differs(Box<Difference>),
}

/// Where source and target are not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The first such table.
    pub table: Table,
    /// Its records in the source.
    pub source: Checksum,
    /// Its records in the target.
    pub target: Checksum,
    /// The key of the first record that is in one of them only, or not the same in both.
    pub first: Option<Key>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::SourceInUse(why) => write!(f, "{why}; for a backup of what stays in use: --live"),
            Self::Damaged(error) => write!(f, "{error}: correct it, or leave out such rows (--skip-damaged)"),
            Self::Place(why) => write!(f, "the target's note of its place cannot be understood: {why}"),
            Self::Moved => f.write_str(
                "the target holds an unfinished copy of what the source held at another moment: begin again with an empty database",
            ),
            Self::Refused(why) => f.write_str(why),
            Self::Differs(difference) => {
                let Difference { table, source, target, first } = &**difference;
                write!(f, "{table} differ: {source} in the source, {target} in the target")?;
                match first {
                    Some(key) => write!(f, "; the first is {key}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

/// How a copy is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Rows that cannot be read are left out.
    pub skip_damaged: bool,
    /// The source may change while it is copied: what it holds at one moment is taken, so that a copy that was stopped cannot go on.
    pub live: bool,
}

/// Puts every record of the source, which is known by this name, into the sink, from where that was stopped before.
///
/// The copy is not finished with that: it has to be compared, see [`compare`], and the sink's note of it to be removed.
///
/// # Errors
/// [`Error`]: whatever has been put is there and stays there, and the next call goes on behind it.
pub fn fill(
    source: &mut dyn Source,
    sink: &mut dyn Sink,
    name: &str,
    manner: Manner,
    watch: &mut dyn FnMut(&Event<'_>),
) -> Result<(), Error> {
    let begin = Place::begin_of(Some(Table::ALL[0]));
    let mut place = match sink.begin(name, &begin.text())? {
        None => begin,
        Some(_) if manner.live => return Err(Error::Moved),
        Some(noted) => {
            watch(&Event::GoesOn);
            serde_json::from_str(&noted).map_err(|why| Error::Place(why.to_string()))?
        }
    };
    while let Some(table) = place.table {
        watch(&Event::Table { table, records: place.records, rows: source.count(table)? });
        batch::copy_table(source, sink, table, &mut place, manner.skip_damaged, watch)?;
        let next = Place::begin_of(Table::ALL.into_iter().find(|next| *next > table));
        sink.put(&[], &place.text(), &next.text())?;
        place = next;
    }
    Ok(())
}
