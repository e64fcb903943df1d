//! `resonate copy`: every record arrives as it was, wherever it was stopped and however often; what is not the same is found.

mod command;
mod faults;
mod refusals;

use std::path::{Path, PathBuf};

use resonate::copy::{self, Copied, Event, Job, Manner};
use resonate::store::location::Location;
use resonate::store::postgres::{Options, PostgresStore};
use resonate::store::sqlite::SqliteStore;
use resonate_core::drive::{Store, Tx};
use resonate_core::snapshot::Snapshot;
use resonate_postgres_cluster::{Cluster, Database};
use resonate_tests::folder::Folder;

use crate::store_contract::writes::World;
use crate::support::seed;

/// Records of each table: more than a batch has.
const RECORDS: usize = copy::limits::BATCH_RECORDS_MAX + 300;

fn file(path: &Path) -> Location {
    Location::Sqlite(path.to_owned())
}

fn of(database: &Database) -> Location {
    Location::Postgres(options(database))
}

fn options(database: &Database) -> Options {
    Options::of_url(&database.url()).expect("a URL")
}

/// A file with random records in every table.
fn filled(folder: &Folder, test: &str) -> (PathBuf, Snapshot) {
    let path = folder.file("resonate.db");
    let mut store = SqliteStore::open(&path, "off").expect("a new database");
    let mut world = World::new(seed(test));
    let mut tx = store.begin().expect("a transaction");
    for number in 0..RECORDS {
        tx.write(&world.records(number)).expect("records under free ids");
    }
    tx.commit().expect("a commit");
    let state = snapshot(&mut store);
    assert_eq!(state.promises.len(), RECORDS);
    (path, state)
}

fn snapshot(store: &mut impl Store<Error: std::fmt::Debug>) -> Snapshot {
    store.begin().expect("a transaction").snapshot().expect("a snapshot")
}

fn snapshot_of(database: &Database) -> Snapshot {
    snapshot(&mut PostgresStore::open(options(database)).expect("a whole database"))
}

fn snapshot_in(path: &Path) -> Snapshot {
    snapshot(&mut SqliteStore::open(path, "off").expect("a whole database"))
}

fn job(from: Location, to: Location) -> Job {
    Job { from, to, manner: Manner::default() }
}

fn run(job: &Job) -> Result<Vec<Copied>, copy::Error> {
    copy::run(job, &mut |_| ())
}

#[track_caller]
fn refused(job: &Job, why: &[&str]) {
    let text = run(job).expect_err("a copy that is refused").to_string();
    for part in why {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn every_record_arrives_as_it_was_from_any_store_in_any() {
    let folder = Folder::new();
    let (path, state) = filled(&folder, "every_record_arrives");
    let (one, other, back) = (Cluster::shared().database(), Cluster::shared().database(), folder.file("back.db"));
    let copied = run(&job(file(&path), of(&one))).expect("a copy");
    assert!(copied.iter().all(|table| table.checksum.records == RECORDS as u64 && table.left_out == 0), "{copied:?}");
    assert_eq!(copied.len(), 6);
    assert!(snapshot_of(&one) == state);
    assert_eq!(run(&job(of(&one), of(&other))).expect("a copy"), copied);
    assert!(snapshot_of(&other) == state);
    assert_eq!(run(&job(of(&other), file(&back))).expect("a copy"), copied);
    assert!(snapshot_in(&back) == state);
    let twin = folder.file("twin.db");
    assert_eq!(run(&job(file(&back), file(&twin))).expect("a copy"), copied);
    assert!(snapshot_in(&twin) == state);
    // Nothing is left of the copies.
    let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'resonate_copy'";
    assert_eq!(one.query(tables).expect("tables"), "0");
}

#[test]
fn an_empty_store_is_copied_too() {
    let folder = Folder::new();
    let (path, back) = (folder.file("empty.db"), folder.file("back.db"));
    drop(SqliteStore::open(&path, "off").expect("a new database"));
    let database = Cluster::shared().database();
    let copied = run(&job(file(&path), of(&database))).expect("a copy");
    assert!(copied.iter().all(|table| table.checksum.records == 0), "{copied:?}");
    // SHA-256 of nothing.
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert!(copied.iter().all(|table| table.checksum.hex() == nothing), "{copied:?}");
    run(&job(of(&database), file(&back))).expect("a copy");
    assert_eq!(snapshot_in(&back), Snapshot::default());
}

#[test]
fn a_record_larger_than_a_batch_is_copied_alone() {
    use resonate_core::promise::Promise;
    use resonate_core::value::Value;
    use resonate_core::write::Write;

    let folder = Folder::new();
    let path = folder.file("large.db");
    let mut store = SqliteStore::open(&path, "off").expect("a new database");
    let mut world = World::new(seed("a_record_larger_than_a_batch"));
    let mut tx = store.begin().expect("a transaction");
    for number in 0..5 {
        let [first, ..] = world.records(number);
        let Write::InsertPromise(promise) = first else { unreachable!("promises come first") };
        let data = Some("x".repeat(copy::limits::BATCH_BYTES_MAX));
        let promise = Promise { param: Value { headers: None, data }, ..Promise::clone(&promise) };
        tx.write(&[Write::InsertPromise(promise.into())]).expect("a free id");
    }
    tx.commit().expect("a commit");
    drop(store);
    let (database, mut seen) = (Cluster::shared().database(), Vec::new());
    let watch = &mut |event: &Event<'_>| {
        if let Event::Copied { records, .. } = event {
            seen.push(*records);
        }
    };
    copy::run(&job(file(&path), of(&database)), watch).expect("a copy");
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}
