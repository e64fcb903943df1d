//! The core over a Postgres database.

use resonate::store::postgres::{Options, PostgresStore};
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_postgres_cluster::{Cluster, Database};

use super::local::Local;
use crate::driver::{Answer, Call, Dials, Driver};

pub(super) struct Postgres {
    local: Local<PostgresStore>,
    /// Removed after the store is closed.
    _database: Database,
}

/// A store over a database, at the instants that its caller names.
///
/// # Panics
/// When the database takes no store.
#[must_use]
pub fn postgres_store(database: &Database) -> PostgresStore {
    let options = Options::of_url(&database.url()).expect("a URL");
    PostgresStore::open(options).expect("an empty database takes a store")
}

pub(super) fn open(dials: Dials) -> Postgres {
    let database = Cluster::shared().database();
    Postgres { local: Local::new(postgres_store(&database), dials), _database: database }
}

impl Driver for Postgres {
    fn call(&mut self, now: Timestamp, call: &Call) -> Option<Answer> {
        self.local.call(now, call)
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        self.local.snapshot()
    }
}
