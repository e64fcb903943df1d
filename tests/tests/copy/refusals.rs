//! What is not copied, and what is left alone then.

use std::path::Path;

use resonate::copy::{self, Error, Job, Manner};
use resonate::store;
use resonate::store::postgres::PostgresStore;
use resonate::store::sqlite::SqliteStore;
use resonate_core::drive::{Store, Tx};
use resonate_postgres_cluster::Cluster;
use resonate_tests::folder::Folder;
use rusqlite::Connection;

use super::{file, filled, job, of, options, refused, run, snapshot_in, snapshot_of};
use crate::store_contract::writes::World;

fn target_in_use(job: &Job) {
    match run(job) {
        Err(Error::Store(store::Error::InUse(why))) => assert!(why.contains("in use"), "{why}"),
        other => panic!("{other:?}"),
    }
}

fn source_in_use(job: &Job) {
    match run(job) {
        Err(Error::SourceInUse(why)) => assert!(why.contains("in use"), "{why}"),
        other => panic!("{other:?}"),
    }
}

fn live(from: store::location::Location, to: store::location::Location) -> Job {
    Job { manner: Manner { live: true, skip_damaged: false }, ..job(from, to) }
}

#[test]
fn a_target_that_holds_records_is_refused_and_left_alone() {
    let folder = Folder::new();
    let (path, _) = filled(&folder, "a_target_that_holds_records");
    let (database, other) = (Cluster::shared().database(), folder.file("other.db"));
    // One record in one table is enough.
    drop(PostgresStore::open(options(&database)).expect("a new database"));
    database.query("INSERT INTO callbacks (awaited, awaiter) VALUES ('a', 'b')").expect("a record");
    drop(SqliteStore::open(&other, "off").expect("a new database"));
    let insert = "INSERT INTO callbacks (awaited, awaiter) VALUES ('a', 'b')";
    Connection::open(&other).expect("a file").execute_batch(insert).expect("a record");
    for to in [of(&database), file(&other)] {
        refused(&job(file(&path), to), &["holds records already", "choose an empty database"]);
    }
    assert_eq!(snapshot_of(&database).callbacks.len(), 1);
    assert_eq!(snapshot_in(&other).callbacks.len(), 1);
}

#[test]
fn a_file_in_use_is_neither_source_nor_target() {
    let folder = Folder::new();
    let (path, state) = filled(&folder, "a_file_in_use");
    let (database, target) = (Cluster::shared().database(), folder.file("target.db"));
    let mut server = SqliteStore::open(&path, "off").expect("a database");
    source_in_use(&job(file(&path), of(&database)));
    // The server goes on, and the copy is of one moment.
    let mut grown = false;
    let mut grow = |event: &copy::Event<'_>| {
        if matches!(event, copy::Event::Copied { .. }) && !std::mem::replace(&mut grown, true) {
            let mut tx = server.begin().expect("a transaction");
            tx.write(&World::new(7).records(usize::MAX)).expect("records under free ids");
            tx.commit().expect("a commit");
        }
    };
    copy::run(&live(file(&path), of(&database)), &mut grow).expect("a backup");
    assert!(grown && snapshot_of(&database) == state);
    drop(server);
    let server = SqliteStore::open(&target, "off").expect("a new database");
    target_in_use(&live(file(&path), file(&target)));
    drop(server);
    run(&job(file(&path), file(&target))).expect("a copy");
    assert_eq!(snapshot_in(&target).promises.len(), state.promises.len() + 1);
}

#[test]
fn a_database_with_servers_is_neither_source_nor_target() {
    let folder = Folder::new();
    let (path, state) = filled(&folder, "a_database_with_servers");
    let (database, target) = (Cluster::shared().database(), folder.file("target.db"));
    let server = PostgresStore::open(options(&database)).expect("a new database");
    target_in_use(&live(file(&path), of(&database)));
    drop(server);
    run(&job(file(&path), of(&database))).expect("a copy");
    let server = PostgresStore::open(options(&database)).expect("a database");
    source_in_use(&job(of(&database), file(&target)));
    run(&live(of(&database), file(&target))).expect("a backup");
    assert!(snapshot_in(&target) == state);
    drop(server);
}

#[test]
fn a_copy_of_one_moment_does_not_go_on_at_another() {
    let folder = Folder::new();
    let (path, _) = filled(&folder, "a_copy_of_one_moment");
    let target = folder.file("target.db");
    let mut sink = file(&target).sink().expect("a sink");
    let name = format!("sqlite:{} while it was in use", path.canonicalize().expect("a file").display());
    sink.begin(&name, "somewhere").expect("a beginning");
    drop(sink);
    refused(&live(file(&path), file(&target)), &["at another moment", "begin again"]);
    refused(&job(file(&path), file(&target)), &["unfinished copy of sqlite:/"]);
}

#[test]
fn what_cannot_be_copied_is_named_and_nothing_is_made() {
    let folder = Folder::new();
    let (missing, target) = (folder.file("missing.db"), folder.file("target.db"));
    refused(&job(file(&missing), file(&target)), &["there is no file", "missing.db"]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    let (path, _) = filled(&folder, "what_cannot_be_copied");
    let roundabout = folder.path().join(".").join("resonate.db");
    refused(&job(file(&path), file(&roundabout)), &["is both source and target"]);
    // Tables of another version are nobody's to change here.
    let older = folder.file("older.db");
    let first = include_str!("../../../host-native/src/store/sqlite/schema_1.sql");
    let mark = "PRAGMA application_id = 1381191252; PRAGMA user_version = 1;";
    Connection::open(&older).expect("a file").execute_batch(&format!("{first}{mark}")).expect("tables");
    let migrate = ["has schema 1", "resonate migrate up"];
    refused(&job(file(&older), file(&target)), &migrate);
    refused(&job(file(&path), file(&older)), &migrate);
    let version = |path: &Path| -> i64 {
        let connection = Connection::open(path).expect("a file");
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version")
    };
    assert_eq!(version(&older), 1);
    assert!(!target.exists());
    let database = Cluster::shared().database();
    refused(&job(of(&database), file(&target)), &["has schema 0"]);
}
