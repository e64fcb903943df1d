//! Database files that a server meets: empty, of a newer server, of another program, damaged, not to be written, in use. What it cannot use it
//! leaves as it is, and says what is wrong and what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use resonate::store::sqlite::SqliteStore;
use resonate_core::drive::{self, Store, Tx};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_tests::folder::Folder;
use rusqlite::Connection;
use rustix::process::Uid;

use crate::support::{at, parts};

/// The user `nobody`.
const NOBODY: u32 = 65_534;

/// Why a file is refused.
fn refusal(path: &Path) -> String {
    SqliteStore::open(path, "full").expect_err("a file that is refused").to_string()
}

fn assert_refused(path: &Path, why: &[&str]) {
    let text = refusal(path);
    for part in why.iter().chain([&&*path.display().to_string()]) {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

fn snapshot(store: &mut SqliteStore) -> Snapshot {
    let mut tx = store.begin().expect("a transaction");
    tx.snapshot().expect("a snapshot")
}

/// A database with one promise in it, closed.
fn database(folder: &Folder) -> (PathBuf, Snapshot) {
    let path = folder.file("resonate.db");
    let mut store = SqliteStore::open(&path, "full").expect("a new database");
    let create = parts::create("a", at(9000), resonate_core::promise::Tags::new());
    drive::run(&mut store, &Rules::default(), &[create], at(100)).expect("a promise");
    let before = snapshot(&mut store);
    assert_eq!(before.promises.len(), 1);
    drop(store);
    // Nobody has the file open any more: everything is in it.
    assert!(!folder.file("resonate.db-wal").exists(), "a log beside a database that was closed");
    (path, before)
}

fn with_sqlite(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("a database");
    connection.execute_batch(sql).expect("statements");
}

#[test]
fn a_missing_and_an_empty_file_become_databases() {
    let folder = Folder::new();
    let (missing, empty) = (folder.file("missing.db"), folder.file("empty.db"));
    fs::write(&empty, b"").expect("a file");
    for path in [missing, empty] {
        let mut store = SqliteStore::open(&path, "full").expect("a database");
        assert_eq!(snapshot(&mut store), Snapshot::default());
        let create = parts::create("a", at(9000), resonate_core::promise::Tags::new());
        drive::run(&mut store, &Rules::default(), &[create], at(100)).expect("a promise");
        let before = snapshot(&mut store);
        drop(store);
        let mut store = SqliteStore::open(&path, "full").expect("the same database");
        assert_eq!(snapshot(&mut store), before);
        assert_eq!(store.last_created_at().expect("an instant"), at(100));
    }
}

#[test]
fn a_database_of_a_newer_server_is_refused_and_left_alone() {
    let folder = Folder::new();
    let (path, before) = database(&folder);
    let version = |path: &Path| {
        let connection = Connection::open(path).expect("a database");
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).expect("a version")
    };
    let known = version(&path);
    with_sqlite(&path, &format!("PRAGMA user_version = {}", known + 1));
    assert_refused(&path, &["newer server", &format!("schema {}", known + 1), &format!("knows {known}")]);
    assert_eq!(version(&path), known + 1);
    with_sqlite(&path, &format!("PRAGMA user_version = {known}"));
    assert_eq!(snapshot(&mut SqliteStore::open(&path, "full").expect("a known version")), before);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = Folder::new();
    let path = folder.file("other.db");
    with_sqlite(&path, "CREATE TABLE promises (mine TEXT); INSERT INTO promises VALUES ('kept')");
    let before = fs::read(&path).expect("a file");
    assert_refused(&path, &["another program", "choose another file"]);
    assert!(fs::read(&path).expect("a file") == before, "the file has changed");
    // Its version does not make it one of ours.
    with_sqlite(&path, "PRAGMA user_version = 1");
    assert_refused(&path, &["another program"]);
    with_sqlite(&path, "PRAGMA application_id = 252006674");
    assert_refused(&path, &["another program"]);
    let connection = Connection::open(&path).expect("a database");
    let kept: String = connection.query_row("SELECT mine FROM promises", [], |row| row.get(0)).expect("a row");
    assert_eq!(kept, "kept");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    let path = folder.file("notes.txt");
    let text = "This is no database. ".repeat(500);
    fs::write(&path, &text).expect("a file");
    assert_refused(&path, &["is not a database file", "choose another file"]);
    assert_eq!(fs::read_to_string(&path).expect("a file"), text);
    let directory = folder.file("directory");
    fs::create_dir(&directory).expect("a folder");
    assert_refused(&directory, &["cannot open"]);
}

#[test]
fn a_damaged_database_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let (path, _) = database(&folder);
    let mut bytes = fs::read(&path).expect("a file");
    // The page that lists the tables; the head of the file before it stays.
    bytes[100..1000].fill(0xff);
    fs::write(&path, &bytes).expect("a file");
    assert_refused(&path, &["is damaged", "restore it from a backup"]);
    assert!(fs::read(&path).expect("a file") == bytes, "the file has changed");
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let folder = Folder::new();
    let path = folder.file("nowhere").join("resonate.db");
    let text = refusal(&path);
    assert!(text.contains(&path.display().to_string()) && text.contains("cannot"), "{text:?}");
}

/// Runs `what` as a user whom file permissions hold back.
fn as_nobody<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                // On Linux this is of the calling thread alone, which ends with it.
                let nobody = Uid::from_raw(NOBODY);
                rustix::thread::set_thread_res_uid(None, nobody, None).expect("root may become anybody");
            }
            what()
        });
        thread.join().expect("a thread that does not panic")
    })
}

#[test]
fn a_file_that_may_not_be_written_is_refused() {
    let folder = Folder::new();
    let (path, _) = database(&folder);
    let before = fs::read(&path).expect("a file");
    let permit = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    permit(folder.path(), 0o777);
    permit(&path, 0o444);
    permit(&folder.file("resonate.db-lock"), 0o666);
    let text = as_nobody(|| refusal(&path));
    assert!(text.contains("is read-only: the server must be able to write to it"), "{text:?}");
    // Nor one in a folder where nothing may be created.
    permit(folder.path(), 0o555);
    let other = folder.file("other.db");
    let text = as_nobody(|| refusal(&other));
    assert!(text.contains("cannot create the lock file beside"), "{text:?}");
    permit(folder.path(), 0o777);
    assert!(fs::read(&path).expect("a file") == before, "the file has changed");
}

#[test]
fn a_second_server_on_the_same_file_is_refused() {
    let folder = Folder::new();
    let path = folder.file("resonate.db");
    let first = SqliteStore::open(&path, "full").expect("a new database");
    assert_refused(&path, &["in use by another server", "choose another file"]);
    drop(first);
    SqliteStore::open(&path, "full").expect("a database that nobody uses any more");
}
