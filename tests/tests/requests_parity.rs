//! The same random histories of requests over the reference store and over SQLite: the same replies, the same effects, the same state.

use resonate::store::sqlite::SqliteStore;
use resonate_core::batch::Finished;
use resonate_core::drive::{self, Store, Tx};
use resonate_core::due::{Due, DueKind};
use resonate_core::memory::MemoryStore;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_tests::folder::Folder;

use crate::support::generator::Generator;
use crate::support::seed;

const HISTORIES: usize = 12;
const BATCHES: usize = 100;

/// Runs all requests, in as many transactions as the store wants.
fn run<S>(store: &mut S, rules: &Rules, requests: &[Request], now: Timestamp) -> (Vec<Finished>, Snapshot)
where
    S: Store<Error: std::fmt::Debug>,
{
    let (mut finished, mut done) = (Vec::new(), 0);
    while done < requests.len() {
        let batch = drive::run(store, rules, &requests[done..], now).expect("a store that nobody else uses");
        done += batch.outcomes.len();
        finished.push(batch);
    }
    let mut tx = store.begin().expect("a transaction");
    (finished, tx.snapshot().expect("a snapshot"))
}

/// What a reader beside the writer answers.
fn read<S>(store: &mut S, rules: &Rules, request: &Request, now: Timestamp) -> String
where
    S: Store<Error: std::fmt::Debug>,
{
    let mut tx = store.begin().expect("a transaction");
    format!("{:?}", drive::read(&mut tx, rules, request, now).expect("a reply"))
}

fn history(seed: u64) {
    let folder = Folder::new();
    let mut sqlite = SqliteStore::open(&folder.file("resonate.db"), "off").expect("a new database");
    let mut memory = MemoryStore::new();
    let mut generator = Generator::new(seed);
    let rules = generator.rules();
    for _ in 0..BATCHES {
        let now = generator.tick();
        let state = memory.snapshot();
        let mut requests: Vec<Request> = (0..generator.rng.usize(1..10)).map(|_| generator.request(&state)).collect();
        if generator.chance(20) {
            let Ok(due) = drive::sweep(&mut memory, &DueKind::ALL, now, 1000);
            requests.extend(due.iter().map(Due::request));
        }
        for request in requests.iter().filter(|request| request.is_read()) {
            assert_eq!(
                read(&mut memory, &rules, request, now),
                read(&mut sqlite, &rules, request, now),
                "history {seed}, {now}: {request:?}"
            );
        }
        let expected = run(&mut memory, &rules, &requests, now);
        let found = run(&mut sqlite, &rules, &requests, now);
        assert!(expected == found, "history {seed}, {now}: {requests:#?}\nmemory {expected:#?}\nsqlite {found:#?}");
    }
    drop(sqlite);
    let mut reopened = SqliteStore::open(&folder.file("resonate.db"), "off").expect("the same database");
    let kept = reopened.begin().expect("a transaction").snapshot().expect("a snapshot");
    assert_eq!(kept, memory.snapshot(), "history {seed}: what is left after the file was closed");
}

#[test]
fn the_same_histories_over_memory_and_sqlite_come_to_the_same() {
    let mut rng = fastrand::Rng::with_seed(seed("the_same_histories_over_memory_and_sqlite"));
    for _ in 0..HISTORIES {
        history(rng.u64(..));
    }
}
