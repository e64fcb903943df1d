//! `resonate migrate`, as operators run it: what it says of a database, what it does to it, and what it leaves alone.

use std::path::Path;
use std::thread;

use resonate_core::drive;
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_postgres_cluster::{Cluster, Database};
use resonate_tests::drivers::postgres_store;
use resonate_tests::folder::Folder;
use rusqlite::Connection;
use serde_json::{Value as Json, json};

use crate::server::cli::{Ran, end, resonate};
use crate::support::parts::settle;
use crate::support::{at, id};

/// The tables of the first version of a database file, with what marks it as ours.
const FIRST_SQLITE: &str = concat!(
    include_str!("../../host-native/src/store/sqlite/schema_1.sql"),
    "PRAGMA application_id = 1381191252; PRAGMA user_version = 1;"
);

/// The same in Postgres.
const FIRST_POSTGRES: &str = include_str!("../../host-native/src/store/postgres/schema_1.sql");
const FIRST_POSTGRES_VERSION: &str = "CREATE TABLE resonate_schema (only_row BOOLEAN PRIMARY KEY CHECK (only_row), \
     version BIGINT NOT NULL); INSERT INTO resonate_schema VALUES (true, 1)";

/// A run that is over and a step of it that is not, as every version has written them.
const RUN: &str = r#"INSERT INTO promises (id, state, timeout_at, created_at, settled_at, has_waiters, tags) VALUES
    ('run', 1, 9000, 100, 200, FALSE, NULL),
    ('run.1', 0, 9000, 100, NULL, FALSE, '{"odd":"\u0000\"resonate:parent\":\"x","resonate:parent":"run"}')"#;

/// Where a command finds its store.
enum Store<'a> {
    File(&'a Path),
    Postgres(String),
}

impl Store<'_> {
    fn run(&self, args: &[&str]) -> Ran {
        let mut command = resonate();
        command.arg("migrate").args(args);
        match self {
            Self::File(path) => command.arg("--storage-sqlite-path").arg(path),
            // As operators hide it from the list of processes.
            Self::Postgres(url) => {
                command.args(["--storage-type", "postgres"]).env("RESONATE_STORAGE__POSTGRES__URL", url)
            }
        };
        end(&mut command)
    }

    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        ran.stdout
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Json {
        let printed = self.done(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&printed).unwrap_or_else(|why| panic!("{args:?}: {why}: {printed}"))
    }

    #[track_caller]
    fn refused(&self, args: &[&str], code: i32, why: &[&str]) {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        for part in why {
            assert!(ran.stderr.contains(part), "{:?} does not say {part:?}", ran.stderr);
        }
    }
}

fn of(database: &Database) -> Store<'_> {
    Store::Postgres(database.url())
}

fn tables(database: &Database) -> String {
    database.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").expect("tables")
}

#[test]
fn a_file_that_is_not_there_is_named_and_not_created() {
    let folder = Folder::new();
    let path = folder.file("resonate.db");
    for command in ["status", "up"] {
        Store::File(&path).refused(&[command], 3, &["there is no file", &path.display().to_string()]);
    }
    Store::File(Path::new(":memory:")).refused(&["status"], 2, &["storage.sqlite.path", "name a file"]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn an_older_file_is_brought_to_this_version_and_not_before_somebody_says_so() {
    let folder = Folder::new();
    let path = folder.file("resonate.db");
    Connection::open(&path).expect("a file").execute_batch(FIRST_SQLITE).expect("tables");
    let store = Store::File(&path);
    let known = store.json(&["status"])["known"].as_i64().expect("a version");
    assert!(known > 1, "{known}");
    for args in [&["status"][..], &["up", "--dry-run"]] {
        let said = store.json(args);
        assert_eq!((&said["store"], &said["found"]), (&json!("sqlite"), &json!(1)), "{said}");
        assert_eq!(said["pending"][0]["version"], 2, "{said}");
        assert_eq!(said["pending"].as_array().map(Vec::len), usize::try_from(known - 1).ok(), "{said}");
    }
    assert!(store.done(&["up", "--dry-run"]).contains("ADD COLUMN mailbox"));
    assert_eq!(store.json(&["up"]), json!({"store": "sqlite", "place": path, "from": 1, "to": known}));
    assert_eq!(store.json(&["status"])["pending"], json!([]));
    // Somebody may be using it: there is nothing to do.
    let open = resonate::store::sqlite::SqliteStore::open(&path, "full").expect("a database of this version");
    assert!(store.done(&["up"]).starts_with("nothing to do"));
    drop(open);
    store.done(&["up"]);
}

#[test]
fn a_file_in_use_is_not_migrated() {
    let folder = Folder::new();
    let path = folder.file("resonate.db");
    let open = resonate::store::sqlite::SqliteStore::open(&path, "full").expect("a new database");
    // As if a server of an older version ran on it.
    Connection::open(&path).expect("a file").execute_batch("PRAGMA user_version = 1").expect("a version");
    Store::File(&path).refused(&["up"], 1, &["in use by another server", "stop it"]);
    assert_eq!(Store::File(&path).json(&["status"])["found"], 1);
    drop(open);
}

#[test]
fn a_fresh_database_of_postgres_is_filled_with_tables() {
    let database = Cluster::shared().database();
    let store = of(&database);
    let said = store.json(&["status"]);
    assert_eq!((&said["store"], &said["found"]), (&json!("postgres"), &json!(0)), "{said}");
    assert!(store.done(&["status"]).contains("none yet"));
    assert!(store.done(&["up", "--dry-run"]).contains("CREATE TABLE promises"));
    assert_eq!(tables(&database), "0");
    let known = &said["known"];
    let place = format!("127.0.0.1:{}/{}", Cluster::shared().port(), database.name());
    assert_eq!(store.json(&["up"]), json!({"store": "postgres", "place": place, "from": 0, "to": known}));
    assert_eq!(store.json(&["up"])["from"], *known);
    assert_ne!(tables(&database), "0");
}

#[test]
fn what_a_dry_run_prints_may_be_run_by_somebody_else() {
    let folder = Folder::new();
    let path = folder.file("resonate.db");
    std::fs::write(&path, b"").expect("an empty file");
    let script = Store::File(&path).done(&["up", "--dry-run"]);
    Connection::open(&path).expect("a file").execute_batch(&script).expect("the script runs");
    assert_eq!(Store::File(&path).json(&["status"])["pending"], json!([]));

    let database = Cluster::shared().database();
    let script = of(&database).done(&["up", "--dry-run"]);
    database.query(&script).expect("the script runs");
    let said = of(&database).json(&["status"]);
    assert_eq!((&said["pending"], &said["found"]), (&json!([]), &said["known"]));
    assert_eq!(of(&database).json(&["up"])["from"], said["known"]);
}

#[test]
fn three_that_migrate_a_database_at_once_leave_one_set_of_tables() {
    for _ in 0..3 {
        let database = Cluster::shared().database();
        let up = || of(&database).json(&["up"]);
        let outcomes: Vec<Json> = thread::scope(|scope| {
            let started = [scope.spawn(up), scope.spawn(up), scope.spawn(up)];
            started.map(|thread| thread.join().expect("a migration")).into()
        });
        let found_nothing = outcomes.iter().filter(|outcome| outcome["from"] == 0).count();
        assert_eq!(found_nothing, 1, "{outcomes:?}");
        assert_eq!(of(&database).json(&["status"])["pending"], json!([]));
    }
}

/// Whether a promise goes that was settled before an instant.
fn goes<S: drive::Store<Error: std::fmt::Debug>>(store: &mut S, of: &str, now: u64) -> bool {
    let purge = Request::PurgePromise { id: id(of), settled_before: at(now), dry_run: false };
    let finished = drive::run(store, &Rules::default(), &[purge], at(now)).expect("a store that works");
    finished.outcomes.first().is_some_and(|outcome| outcome.reply == Reply::Done)
}

#[test]
fn what_the_version_before_has_written_keeps_and_lets_go_like_everything_else() {
    fn check<S: drive::Store<Error: std::fmt::Debug>>(store: &mut S) {
        assert!(!goes(store, "run", 1000), "its step is pending");
        drive::run(store, &Rules::default(), &[settle("run.1")], at(1000)).expect("a settlement");
        assert!(!goes(store, "run", 2000), "its step goes first");
        assert!(goes(store, "run.1", 2000) && !goes(store, "run", 2000), "the last step takes it along");
    }
    let folder = Folder::new();
    let path = folder.file("resonate.db");
    let sqlite = Connection::open(&path).expect("a file");
    sqlite.execute_batch(FIRST_SQLITE).and_then(|()| sqlite.execute_batch(RUN)).expect("an old database");
    drop(sqlite);
    Store::File(&path).done(&["up"]);
    check(&mut resonate::store::sqlite::SqliteStore::open(&path, "off").expect("a database"));
    // Before the migration, and after it by a server that was there before.
    for is_late in [false, true] {
        let database = Cluster::shared().database();
        let run = |sql: &str| database.query(sql).expect("statements");
        run(&FIRST_POSTGRES.replace("COLLATE_BYTES", "COLLATE \"C\""));
        run(FIRST_POSTGRES_VERSION);
        (!is_late).then(|| run(RUN));
        of(&database).done(&["up"]);
        is_late.then(|| run(RUN));
        check(&mut postgres_store(&database));
    }
}

#[test]
fn a_newer_database_and_one_of_another_program_are_refused_and_left_alone() {
    let newer = ["newer server", "schema 999", "use that version"];
    let folder = Folder::new();
    let path = folder.file("resonate.db");
    drop(resonate::store::sqlite::SqliteStore::open(&path, "full").expect("a new database"));
    Connection::open(&path).expect("a file").execute_batch("PRAGMA user_version = 999").expect("a version");
    let database = Cluster::shared().database();
    of(&database).done(&["up"]);
    database.query("UPDATE resonate_schema SET version = 999").expect("a version");
    let other = Cluster::shared().database();
    other.query("CREATE TABLE promises (mine TEXT)").expect("a table");
    for command in [&["status"][..], &["up"], &["up", "--dry-run"]] {
        Store::File(&path).refused(command, 1, &newer);
        of(&database).refused(command, 1, &newer);
        of(&other).refused(command, 1, &["another program", "another database"]);
    }
    assert_eq!(tables(&other), "1");
}

#[test]
fn a_database_out_of_reach_is_named_without_its_password() {
    let port = resonate_postgres_cluster::free_port();
    let store = Store::Postgres(format!("postgres://ann:s3cret@127.0.0.1:{port}/shop"));
    store.refused(&["status"], 1, &["cannot connect to Postgres", &format!("127.0.0.1:{port}")]);
    assert!(!store.run(&["up"]).stderr.contains("s3cret"));
    let mut without_url = resonate();
    let ran = end(without_url.args(["migrate", "status", "--storage-type", "postgres"]));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("needs storage.postgres.url"), "{ran:?}");
}
