//! Several writers over one database at the same time, each with batches of its own over the same few ids: none of them meets an error, none undoes
//! what another has done, and what they leave is a state of the machine.

use std::collections::BTreeSet;
use std::sync::Mutex;

use resonate::clock::Clock;
use resonate::store::postgres::PostgresStore;
use resonate_core::drive::{self, Store, Tx};
use resonate_core::due::{Due, DueKind};
use resonate_core::property::{Moment, check_state};
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::TaskState;
use resonate_core::time::{Millis, Timestamp};
use resonate_postgres_cluster::{Cluster, Database};
use resonate_tests::drivers::postgres_store;

use crate::support::generator::Generator;
use crate::support::seed;

const WRITERS: usize = 3;
/// Databases, one after the other: ids that are settled have nothing more to tell.
const DATABASES: usize = 8;
/// Batches of each writer over each of them.
const BATCHES: usize = 25;
/// Rounds of background work after which it is taken never to end.
const ROUNDS_MAX: usize = 1_000;

/// A writer that goes by the database's clock.
fn writer(database: &Database) -> (PostgresStore, Clock) {
    let mut store = postgres_store(database);
    let clock = Clock::following(store.instants().expect("instants").0);
    store.go_by_its_clock(clock.clone());
    (store, clock)
}

fn snapshot(store: &mut PostgresStore) -> Snapshot {
    store.begin().expect("a transaction").snapshot().expect("a snapshot")
}

/// What only one of all writers may be told: who created, who settled, who has a task at a version.
fn told(reply: &Reply) -> Option<String> {
    if let Reply::Created { promise, fresh: true } = reply {
        return Some(format!("created {}", promise.id));
    }
    if let Reply::Settled { promise, fresh: true } = reply {
        return Some(format!("settled {}", promise.id));
    }
    match reply {
        Reply::Acquired { task, .. } if task.state == TaskState::Acquired => {
            Some(format!("acquired {} at {}", task.id, task.version))
        }
        Reply::Fenced(inner) => told(inner),
        _ => None,
    }
}

/// Whether it frees an id: what was told of it may then be told again.
fn frees(request: &Request) -> bool {
    matches!(request, Request::PurgePromise { dry_run: false, .. })
}

/// `all` is what was told, where nothing frees an id.
fn write(mut store: PostgresStore, clock: &Clock, seed: u64, rules: &Rules, all: Option<&Mutex<BTreeSet<String>>>) {
    let mut generator = Generator::new(seed);
    for _ in 0..BATCHES {
        let state = snapshot(&mut store);
        generator.go_on_from(clock.now());
        let mut requests: Vec<Request> = (0..generator.rng.usize(1..8)).map(|_| generator.request(&state)).collect();
        if generator.chance(20) {
            let due = drive::sweep(&mut store, &DueKind::ALL, clock.now(), 20).expect("a sweep");
            requests.extend(due.iter().map(Due::request));
        }
        if all.is_some() {
            requests.retain(|request| !frees(request));
        }
        let mut rest = &requests[..];
        while !rest.is_empty() {
            let finished = drive::run(&mut store, rules, rest, Timestamp::ZERO).expect("no conflict reaches a caller");
            let (done, left) = rest.split_at(finished.outcomes.len());
            assert!(!done.is_empty(), "a batch without progress");
            for outcome in &finished.outcomes {
                if let (Some(told), Some(all)) = (told(&outcome.reply), all) {
                    let mut all = all.lock().expect("the others");
                    assert!(all.insert(told.clone()), "twice: {told}");
                }
            }
            rest = left;
        }
    }
}

/// Does everything that is ever due.
fn settle_down(store: &mut PostgresStore, rules: &Rules) {
    for _ in 0..ROUNDS_MAX {
        let now = store.instants().expect("instants").0;
        let due = drive::sweep(store, &[DueKind::Discharge], now, 1000).expect("a sweep");
        if due.is_empty() {
            return;
        }
        let requests: Vec<Request> = due.iter().map(Due::request).collect();
        drive::run(store, rules, &requests, now).expect("nobody else is there");
    }
    panic!("the background work never ends");
}

#[test]
fn writers_over_the_same_ids_never_undo_each_other() {
    let mut rng = fastrand::Rng::with_seed(seed("writers_over_the_same_ids"));
    let mut told = 0;
    for number in 0..DATABASES {
        let database = Cluster::shared().database();
        let rules = Generator::new(rng.u64(..)).rules();
        // In every other database promises are removed too.
        let all = (number % 2 == 0).then(|| Mutex::new(BTreeSet::new()));
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                let ((store, clock), seed) = (writer(&database), rng.u64(..));
                let (rules, all) = (&rules, all.as_ref());
                scope.spawn(move || write(store, &clock, seed, rules, all));
            }
        });
        let (mut store, _) = writer(&database);
        settle_down(&mut store, &rules);
        let state = snapshot(&mut store);
        let now = store.instants().expect("instants").0 + Millis::saturating(1);
        let violations = check_state(&Moment { state: &state, now, rules: &rules });
        assert!(violations.is_empty(), "{violations:#?}\n{state:#?}");
        told += all.map_or(0, |all| all.into_inner().expect("nobody").len());
    }
    assert!(told > 2 * DATABASES, "only {told} things happened");
}
