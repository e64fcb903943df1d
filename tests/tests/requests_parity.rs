//! The same random histories of requests over the reference store and over each database: the same replies, the same effects, the same state.

use resonate::store::sqlite::SqliteStore;
use resonate_core::batch::Finished;
use resonate_core::drive::{self, Store, Tx};
use resonate_core::due::{Due, DueKind};
use resonate_core::memory::MemoryStore;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_postgres_cluster::Cluster;
use resonate_tests::drivers::postgres_store;
use resonate_tests::folder::Folder;

use crate::support::generator::Generator;
use crate::support::seed;

const HISTORIES: usize = 12;
/// Each answer is a way there and back.
const POSTGRES_HISTORIES: usize = 3;
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

/// A history over the reference store and over another one, which is what the reference has afterwards.
fn history<S>(seed: u64, store: &mut S) -> Snapshot
where
    S: Store<Error: std::fmt::Debug>,
{
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
                read(store, &rules, request, now),
                "history {seed}, {now}: {request:?}"
            );
        }
        let expected = run(&mut memory, &rules, &requests, now);
        let found = run(store, &rules, &requests, now);
        assert!(expected == found, "history {seed}, {now}: {requests:#?}\nmemory {expected:#?}\nstore {found:#?}");
    }
    memory.snapshot()
}

#[test]
fn the_same_histories_over_memory_and_sqlite_come_to_the_same() {
    let mut rng = fastrand::Rng::with_seed(seed("the_same_histories_over_memory_and_sqlite"));
    for _ in 0..HISTORIES {
        let (folder, seed) = (Folder::new(), rng.u64(..));
        let open = || SqliteStore::open(&folder.file("resonate.db"), "off").expect("a database");
        let expected = history(seed, &mut open());
        let kept = open().begin().expect("a transaction").snapshot().expect("a snapshot");
        assert_eq!(kept, expected, "history {seed}: what is left after the file was closed");
    }
}

#[test]
fn the_same_histories_over_memory_and_postgres_come_to_the_same() {
    let mut rng = fastrand::Rng::with_seed(seed("the_same_histories_over_memory_and_postgres"));
    for _ in 0..POSTGRES_HISTORIES {
        let (database, seed) = (Cluster::shared().database(), rng.u64(..));
        let expected = history(seed, &mut postgres_store(&database));
        let kept = postgres_store(&database).begin().expect("a transaction").snapshot().expect("a snapshot");
        assert_eq!(kept, expected, "history {seed}: what is left after the connection was closed");
    }
}
