//! Copies that are stopped, and what comes between.

use resonate::copy::{self, Error, Manner};
use resonate::store;
use resonate::store::bulk::{Beside, Key, Sink, Table};
use resonate::store::location::Location;
use resonate::store::postgres::{Options, PostgresStore};
use resonate::store::sqlite::SqliteStore;
use resonate_core::write::Write;
use resonate_postgres_cluster::Cluster;
use resonate_tests::folder::Folder;
use rusqlite::Connection;

use super::{RECORDS, file, filled, job, of, options, refused, run, snapshot_in, snapshot_of};
use crate::support::seed;

/// A sink that fails at one of its puts: before anything is taken, or after, as when an answer is lost.
struct Failing {
    sink: Box<dyn Sink>,
    puts_left: usize,
    takes_the_last: bool,
}

impl Sink for Failing {
    fn begin(&mut self, source: &str, place: &str) -> Result<Option<String>, store::Error> {
        self.sink.begin(source, place)
    }

    fn put(&mut self, records: &[Write], from: &str, to: &str) -> Result<(), store::Error> {
        if self.puts_left > 0 {
            self.puts_left -= 1;
            return self.sink.put(records, from, to);
        }
        if self.takes_the_last {
            self.sink.put(records, from, to)?;
        }
        Err(store::Error::Postgres("cut".to_owned()))
    }

    fn end(&mut self) -> Result<(), store::Error> {
        self.sink.end()
    }
}

/// Copies in pieces until everything is there, and looks at the whole.
fn in_pieces(test: &str, to: impl Fn() -> Location) {
    let folder = Folder::new();
    let (path, state) = filled(&folder, test);
    let mut rng = fastrand::Rng::with_seed(seed(test));
    let mut pieces = 0;
    loop {
        let mut source = file(&path).source(Beside::Nobody).expect("a source");
        let sink = to().sink().expect("a sink");
        let mut sink = Failing { sink, puts_left: rng.usize(..4), takes_the_last: rng.bool() };
        let mut goes_on = false;
        let watch = &mut |event: &copy::Event<'_>| goes_on |= matches!(event, copy::Event::GoesOn);
        let filled = copy::fill(&mut *source, &mut sink, "a test", Manner::default(), watch);
        assert_eq!(goes_on, pieces > 0);
        pieces += 1;
        match filled {
            Ok(()) => {
                let copied =
                    copy::compare(&mut *source, &mut *to().source(Beside::Sink).expect("a target"), &mut |_| ());
                assert!(copied.expect("the same").iter().all(|table| table.checksum.records == RECORDS as u64));
                sink.end().expect("an end");
                break;
            }
            Err(Error::Store(store::Error::Postgres(why))) => assert_eq!(why, "cut"),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(pieces > 3, "{pieces}");
    let target = folder.file("target.db");
    run(&job(to(), file(&target))).expect("a copy of the copy");
    assert!(snapshot_in(&target) == state);
}

#[test]
fn a_copy_into_postgres_goes_on_wherever_it_was_stopped() {
    let database = Cluster::shared().database();
    in_pieces("a_copy_into_postgres_goes_on", || of(&database));
}

#[test]
fn a_copy_into_a_file_goes_on_wherever_it_was_stopped() {
    let folder = Folder::new();
    let path = folder.file("resonate.db");
    in_pieces("a_copy_into_a_file_goes_on", || file(&path));
}

/// Copies a part into a database of Postgres, and into a file.
fn stopped(test: &str, check: impl Fn(&dyn Fn(&str), &Location, &Location)) {
    let folder = Folder::new();
    let (path, _) = filled(&folder, test);
    let (database, target) = (Cluster::shared().database(), folder.file("target.db"));
    let in_database = |sql: &str| drop(database.query(sql).expect("a statement"));
    let in_file = |sql: &str| Connection::open(&target).expect("a file").execute_batch(sql).expect("a statement");
    let from = file(&path);
    for (to, execute) in [(of(&database), &in_database as &dyn Fn(&str)), (file(&target), &in_file)] {
        // The promises, and the end of their table.
        let sink = to.sink().expect("a sink");
        let mut sink = Failing { sink, puts_left: 3, takes_the_last: true };
        let mut source = from.source(Beside::Nobody).expect("a source");
        let name = format!("sqlite:{}", path.canonicalize().expect("a file").display());
        let filled = copy::fill(&mut *source, &mut sink, &name, Manner::default(), &mut |_| ());
        assert!(matches!(filled, Err(Error::Store(_))), "{filled:?}");
        drop((source, sink));
        check(execute, &from, &to);
    }
}

/// The difference that a finished copy finds.
fn difference(from: &Location, to: &Location) -> (Table, u64, u64, Key) {
    match run(&job(from.clone(), to.clone())) {
        Err(Error::Differs(found)) => {
            assert_ne!(found.source, found.target);
            (found.table, found.source.records, found.target.records, found.first.expect("a key"))
        }
        other => panic!("{other:?}"),
    }
}

/// The key of an id, as it is printed.
fn shown(id: &str) -> String {
    format!("{id:?}")
}

#[test]
fn a_difference_made_by_hand_is_found_and_stays_a_difference() {
    stopped("a_difference_made_by_hand", |execute, from, to| {
        let count = RECORDS as u64;
        // In what was copied before the copy was stopped.
        execute("UPDATE promises SET timeout_at = timeout_at + 1 WHERE id LIKE '%77' AND timeout_at < 600");
        let (table, ours, theirs, key) = difference(from, to);
        assert_eq!((table, ours, theirs), (Table::Promises, count, count));
        assert!(key.to_string().ends_with("77\""), "{key}");
        refused(&job(from.clone(), to.clone()), &["promises differ", "records (sha256 ", "the first is"]);
        execute("UPDATE promises SET timeout_at = timeout_at - 1 WHERE id LIKE '%77' AND timeout_at < 600");
        // One too few, one too many, in other tables.
        execute("DELETE FROM promises WHERE id = (SELECT min(id) FROM promises)");
        let (table, ours, theirs, _) = difference(from, to);
        assert_eq!((table, ours, theirs), (Table::Promises, count, count - 1));
    });
    stopped("a_difference_made_by_hand", |execute, from, to| {
        execute("INSERT INTO tasks (id, state, version, executes) VALUES ('~', 4, 0, 0)");
        let (table, ours, theirs, key) = difference(from, to);
        assert_eq!((table, ours + 1, theirs), (Table::Tasks, RECORDS as u64 + 1, RECORDS as u64 + 1));
        assert_eq!(key.to_string(), shown("~"));
        execute("DELETE FROM tasks WHERE id = '~'");
        execute("INSERT INTO listeners (awaited, address) VALUES ('a', 'poll://any@zz')");
        let (table, .., key) = difference(from, to);
        assert_eq!((table, key.to_string()), (Table::Listeners, "\"a\", \"poll://any@zz\"".to_owned()));
        execute("DELETE FROM listeners WHERE awaited = 'a' AND address = 'poll://any@zz'");
        run(&job(from.clone(), to.clone())).expect("the same again");
    });
}

#[test]
fn an_unfinished_copy_serves_nobody_and_no_other_copy_goes_on_with_it() {
    stopped("an_unfinished_copy_serves_nobody", |_, from, to| {
        let why = match to {
            Location::Sqlite(path) => SqliteStore::open(path, "off").map(drop),
            Location::Postgres(options) => PostgresStore::open(options.clone()).map(drop),
        };
        let why = why.expect_err("a store that is not whole").to_string();
        assert!(why.contains("unfinished copy of sqlite:/") && why.contains("finish it"), "{why}");
        let folder = Folder::new();
        // Whoever copies on would pass half for the whole; also as a backup.
        for live in [false, true] {
            let on = copy::Job {
                manner: Manner { live, ..Manner::default() },
                ..job(to.clone(), file(&folder.file("on.db")))
            };
            refused(&on, &["unfinished copy of sqlite:/", "finish it"]);
        }
        assert!(!folder.file("on.db").exists());
        let (other, _) = filled(&folder, "another");
        refused(&job(file(&other), to.clone()), &["unfinished copy of sqlite:/", "begin again with an empty database"]);
        run(&job(from.clone(), to.clone())).expect("a copy that is finished");
        refused(&job(from.clone(), to.clone()), &["holds records already", "choose an empty database"]);
    });
}

#[test]
fn two_that_fill_the_same_database_do_not_both_go_on() {
    let database = Cluster::shared().database();
    // One that goes by another name is not known for what it is.
    let disguised = Options::of_url(&format!("{}?application_name=other", database.url())).expect("a URL");
    let mut one = Location::Postgres(disguised).sink().expect("a sink");
    let mut other = of(&database).sink().expect("a sink");
    let refused = of(&database).sink().err().expect("a third that is not disguised").to_string();
    assert!(refused.contains("filled by another copy"), "{refused}");
    assert_eq!(one.begin("a", "0").expect("a beginning"), None);
    assert_eq!(other.begin("a", "0").expect("the same"), Some("0".to_owned()));
    one.put(&[], "0", "1").expect("a step");
    let why = other.put(&[], "0", "1").expect_err("a step from where nobody is").to_string();
    assert!(why.contains("somebody else writes"), "{why}");
    one.put(&[], "1", "2").expect("a step");
    one.end().expect("an end");
    drop(PostgresStore::open(options(&database)).expect("a whole database"));
}

#[test]
fn a_row_that_cannot_be_read_stops_a_copy_or_is_left_out() {
    let folder = Folder::new();
    let (path, state) = filled(&folder, "a_row_that_cannot_be_read");
    let damage = "UPDATE promises SET tags = '{' WHERE arrival IN (100, 200, 2200); \
                  INSERT INTO listeners (awaited, address) VALUES ('', 'nowhere'); \
                  UPDATE outbox SET address = 'nowhere' WHERE id = (SELECT max(id) FROM outbox)";
    Connection::open(&path).expect("a file").execute_batch(damage).expect("damage");
    let (database, back) = (Cluster::shared().database(), folder.file("back.db"));
    refused(&job(file(&path), of(&database)), &["a row of promises cannot be read", "(id \"", "--skip-damaged"]);
    // What was good before is there.
    assert_ne!(database.query("SELECT count(*) FROM promises").expect("a count"), "0");
    let manner = Manner { skip_damaged: true, live: false };
    let job = copy::Job { manner, ..job(file(&path), of(&database)) };
    let mut named = Vec::new();
    let watch = &mut |event: &copy::Event<'_>| {
        if let copy::Event::LeftOut(error) = event {
            named.push(error.to_string());
        }
    };
    let copied = copy::run(&job, watch).expect("a copy");
    assert_eq!(named.len(), 5, "{named:?}");
    assert!(named.iter().any(|why| why.contains("a row of listeners")), "{named:?}");
    let left_out: Vec<u64> = copied.iter().map(|table| table.left_out).collect();
    assert_eq!(left_out, [3, 0, 0, 1, 0, 1]);
    let found = snapshot_of(&database);
    assert_eq!(state.promises.keys().filter(|id| !found.promises.contains_key(*id)).count(), 3);
    run(&super::job(of(&database), file(&back))).expect("nothing is damaged there");
}
