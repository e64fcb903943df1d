//! The core over a database file.

use resonate::store::sqlite::SqliteStore;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;

use super::local::Local;
use crate::driver::{Answer, Call, Dials, Driver};
use crate::folder::Folder;

pub(super) struct Sqlite {
    local: Local<SqliteStore>,
    /// Removed after the store is closed.
    _folder: Folder,
}

pub(super) fn open(dials: Dials) -> Sqlite {
    let folder = Folder::new();
    // What a crash would lose is not looked at here.
    let store = SqliteStore::open(&folder.file("resonate.db"), "off").expect("an empty folder takes a database");
    Sqlite { local: Local::new(store, dials), _folder: folder }
}

impl Driver for Sqlite {
    fn call(&mut self, now: Timestamp, call: &Call) -> Option<Answer> {
        self.local.call(now, call)
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        self.local.snapshot()
    }
}
