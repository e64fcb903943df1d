//! What every store has in common with the reference: the same writes are taken or conflict, leave the same state, and every read of it has the
//! same answer. Records are well formed, as the machine makes them; which of them meet is random.

mod reads;
pub(crate) mod writes;

use std::collections::BTreeSet;

use resonate::store::postgres::PostgresStore;
use resonate::store::sqlite::SqliteStore;
use resonate_core::address::Address;
use resonate_core::drive::{Store, Tx, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::memory::MemoryStore;
use resonate_core::message::MessageKey;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::retention::Settled;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;
use resonate_postgres_cluster::{Cluster, Database};
use resonate_tests::drivers::postgres_store;
use resonate_tests::folder::Folder;

use crate::support::{at, seed};
use writes::World;

const TRANSACTIONS: usize = 80;
const READS_PER_TRANSACTION: usize = 12;

/// Whether a transaction took its writes; `false` is a conflict.
fn commit<S>(store: &mut S, writes: &[Write]) -> bool
where
    S: Store<Error: std::fmt::Debug>,
{
    let mut tx = store.begin().expect("a transaction");
    // A conflict may show with the write or with the commit.
    match tx.write(writes).and_then(|()| tx.commit()) {
        Ok(()) => true,
        Err(TxError::Conflict) => false,
        Err(TxError::Store(error)) => panic!("{error:?}: {writes:#?}"),
    }
}

fn snapshot<S>(store: &mut S) -> Snapshot
where
    S: Store<Error: std::fmt::Debug>,
{
    store.begin().expect("a transaction").snapshot().expect("a snapshot")
}

/// Everything that is known after these reads. Records show all that they hold when they are printed.
fn answers<S>(store: &mut S, reads: &[Read]) -> String
where
    S: Store<Error: std::fmt::Debug>,
{
    let mut records = Records::open();
    store.begin().expect("a transaction").load(reads, &mut records).expect("answers");
    format!("{records:#?}")
}

fn due<S>(store: &mut S, kind: DueKind, until: Timestamp, limit: usize) -> Vec<Due>
where
    S: Store<Error: std::fmt::Debug>,
{
    store.begin().expect("a transaction").due(&[kind], until, limit).expect("due rows")
}

/// What is parked where an address leads.
fn parked<S>(store: &mut S, address: &Address, prefix: Option<&str>, limit: usize) -> Vec<MessageKey>
where
    S: Store<Error: std::fmt::Debug>,
{
    let mailbox = address.route().mailbox();
    store.begin().expect("a transaction").parked(&mailbox, prefix, limit).expect("parked messages")
}

/// Some promises in the order of their settlement.
fn settled<S>(store: &mut S, after: Option<&Settled>, before: Timestamp, limit: usize) -> Vec<Settled>
where
    S: Store<Error: std::fmt::Debug>,
{
    store.begin().expect("a transaction").settled(after, before, limit).expect("settled promises")
}

/// A store that must be as the reference is.
trait Subject: Store<Error: std::fmt::Debug> + Sized {
    /// Where it lives; it goes with this.
    type Home;

    /// Histories in a test.
    const HISTORIES: usize;

    /// A place for one.
    fn home() -> Self::Home;

    /// Opens it, empty or as it was left.
    fn open(home: &Self::Home) -> Self;
}

impl Subject for SqliteStore {
    type Home = Folder;
    const HISTORIES: usize = 15;

    fn home() -> Folder {
        Folder::new()
    }

    fn open(home: &Folder) -> Self {
        Self::open(&home.file("resonate.db"), "off").expect("a database")
    }
}

impl Subject for PostgresStore {
    type Home = Database;
    /// Each answer is a way there and back.
    const HISTORIES: usize = 2;

    fn home() -> Database {
        Cluster::shared().database()
    }

    fn open(home: &Database) -> Self {
        postgres_store(home)
    }
}

struct Pair<S: Subject> {
    memory: MemoryStore,
    store: S,
    home: S::Home,
}

impl<S: Subject> Pair<S> {
    fn new() -> Self {
        let home = S::home();
        Self { memory: MemoryStore::new(), store: S::open(&home), home }
    }

    fn compare_state(&mut self) {
        let (expected, found) = (self.memory.snapshot(), snapshot(&mut self.store));
        assert!(expected == found, "memory {expected:#?}\nstore {found:#?}");
    }

    /// Whether there was anything to find.
    fn compare_read(&mut self, read: &Read) -> bool {
        let mut reads = vec![read.clone()];
        if let Read::HeldBy { .. } = read {
            // A store may say which tasks these are and leave it to the core to ask for each.
            reads.extend(self.memory.snapshot().tasks.into_keys().map(Read::Task));
        }
        let reads = &reads;
        let (expected, found) = (answers(&mut self.memory, reads), answers(&mut self.store, reads));
        assert!(expected == found, "{read:#?}\nmemory {expected}\nstore {found}");
        expected != answers(&mut MemoryStore::new(), reads)
    }

    /// Which of several messages that are equally old come first is a store's own, unless a prefix asks for the order of ids.
    fn compare_parked(&mut self, address: &Address, prefix: Option<&str>, limit: usize) {
        let all = parked(&mut self.memory, address, prefix, usize::MAX >> 1);
        let found = parked(&mut self.store, address, prefix, usize::MAX >> 1);
        if prefix.is_some() {
            let ids = |keys: &[MessageKey]| keys.iter().map(|key| key.id().clone()).collect::<Vec<_>>();
            assert_eq!(ids(&all), ids(&found), "{address:?} {prefix:?}");
        }
        assert_eq!(BTreeSet::from_iter(&all), BTreeSet::from_iter(&found), "{address:?} {prefix:?}");
        let limited = parked(&mut self.store, address, prefix, limit);
        assert_eq!(limited, found[..limit.min(found.len())], "{address:?} {prefix:?}, {limit} messages");
    }

    /// Which of several rows that are due at the same instant come first is a store's own.
    fn compare_due(&mut self, kind: DueKind, until: Timestamp, limit: usize) {
        let all = due(&mut self.memory, kind, until, usize::MAX >> 1);
        let mut found = due(&mut self.store, kind, until, usize::MAX >> 1);
        assert!(found.is_sorted_by_key(|due| due.at), "{found:#?}");
        found.sort();
        assert_eq!(all, found, "{kind:?} until {until}");
        let instants = |due: &[Due]| due.iter().map(|due| due.at).collect::<Vec<_>>();
        let (first, limited) = (due(&mut self.memory, kind, until, limit), due(&mut self.store, kind, until, limit));
        assert_eq!(instants(&first), instants(&limited), "{kind:?} until {until}, {limit} rows");
        assert!(limited.iter().all(|due| all.contains(due)), "{limited:#?}");
    }
}

/// Histories of transactions, with a look at both stores after each.
fn histories<S: Subject>(test: &str, mut check: impl FnMut(&mut World, &mut Pair<S>)) {
    let mut rng = fastrand::Rng::with_seed(seed(test));
    for _ in 0..S::HISTORIES {
        let mut world = World::new(rng.u64(..));
        let mut pair = Pair::new();
        for _ in 0..TRANSACTIONS {
            check(&mut world, &mut pair);
        }
    }
}

fn takes_the_same_writes<S: Subject>() {
    let (mut taken, mut conflicts) = (0, 0);
    histories::<S>("the_same_writes_are_taken_or_conflict", |world, pair| {
        let writes = world.writes(&pair.memory);
        let expected = commit(&mut pair.memory, &writes);
        assert_eq!(expected, commit(&mut pair.store, &writes), "{writes:#?}");
        *(if expected { &mut taken } else { &mut conflicts }) += 1;
        pair.compare_state();
    });
    assert!(taken > S::HISTORIES * TRANSACTIONS / 4, "{taken} transactions were taken");
    assert!(conflicts > S::HISTORIES * TRANSACTIONS / 20, "{conflicts} transactions conflicted");
}

fn answers_every_read_the_same<S: Subject>() {
    let mut answered = BTreeSet::new();
    histories::<S>("every_read_has_the_same_answer", |world, pair| {
        let writes = world.writes(&pair.memory);
        commit(&mut pair.memory, &writes);
        commit(&mut pair.store, &writes);
        let state = pair.memory.snapshot();
        for _ in 0..READS_PER_TRANSACTION {
            let read = world.read(&state);
            if pair.compare_read(&read) {
                answered.insert(reads::name(&read));
            }
        }
        let (until, limit) = (world.instant(), world.rng.usize(1..5));
        let after = world.chance(60).then(|| (world.instant(), world.id()));
        let walked = settled(&mut pair.memory, after.as_ref(), until, limit);
        assert_eq!(walked, settled(&mut pair.store, after.as_ref(), until, limit), "{after:?} until {until}");
        if !walked.is_empty() {
            answered.insert("settled");
        }
        for kind in DueKind::ALL {
            pair.compare_due(kind, until, limit);
            pair.compare_due(kind, Timestamp::MAX, 1);
        }
        let (address, prefix) = (world.address(), world.prefix());
        pair.compare_parked(&address, prefix.as_deref(), limit);
    });
    let names: BTreeSet<&str> = reads::NAMES.into_iter().chain(["settled"]).collect();
    assert_eq!(answered, names, "reads that found something");
}

fn leaves_no_trace_of_what_is_not_committed<S: Subject>() {
    histories::<S>("a_transaction_that_is_not_committed", |world, pair| {
        let before = pair.memory.snapshot();
        let writes = world.writes(&pair.memory);
        let mut tx = pair.store.begin().expect("a transaction");
        // Whether guards hold may show with the commit only.
        let _ = tx.write(&writes);
        drop(tx);
        assert_eq!(snapshot(&mut pair.store), before);
        let mut tx = pair.memory.begin().expect("a transaction");
        tx.write(&writes).expect("the reference store looks at guards when it commits");
        drop(tx);
        assert_eq!(pair.memory.snapshot(), before);
        // The same writes are taken, or refused, as if nothing had been.
        assert_eq!(commit(&mut pair.store, &writes), commit(&mut pair.memory, &writes));
        pair.compare_state();
    });
}

fn leaves_no_trace_of_a_conflict<S: Subject>() {
    histories::<S>("a_conflict_in_the_middle", |world, pair| {
        let before = pair.memory.snapshot();
        let mut writes = world.writes(&pair.memory);
        let place = world.rng.usize(..=writes.len());
        writes.insert(place, world.conflict());
        assert!(!commit(&mut pair.memory, &writes), "{writes:#?}");
        assert!(!commit(&mut pair.store, &writes), "{writes:#?}");
        assert_eq!(pair.memory.snapshot(), before);
        pair.compare_state();
        let writes = world.writes(&pair.memory);
        assert_eq!(commit(&mut pair.memory, &writes), commit(&mut pair.store, &writes));
    });
}

fn has_everything_when_it_is_opened_again<S: Subject>(last_created_at: impl Fn(&mut S) -> Timestamp) {
    let mut world = World::new(seed("a_store_that_is_opened_again"));
    let Pair { mut memory, mut store, home } = Pair::<S>::new();
    for _ in 0..10 {
        for _ in 0..20 {
            let writes = world.writes(&memory);
            commit(&mut memory, &writes);
            commit(&mut store, &writes);
        }
        drop(store);
        store = S::open(&home);
        let (expected, found) = (memory.snapshot(), snapshot(&mut store));
        assert!(expected == found, "memory {expected:#?}\nstore {found:#?}");
        let created = expected.promises.values().map(|promise| promise.created_at).max();
        assert_eq!(last_created_at(&mut store), created.unwrap_or(at(0)));
    }
}

macro_rules! contract {
    ($name:ident, $store:ty, $last_created_at:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn the_same_writes_are_taken_or_conflict_and_leave_the_same_state() {
                takes_the_same_writes::<$store>();
            }

            #[test]
            fn every_read_has_the_same_answer() {
                answers_every_read_the_same::<$store>();
            }

            #[test]
            fn a_transaction_that_is_not_committed_leaves_no_trace() {
                leaves_no_trace_of_what_is_not_committed::<$store>();
            }

            #[test]
            fn a_conflict_in_the_middle_leaves_no_trace() {
                leaves_no_trace_of_a_conflict::<$store>();
            }

            #[test]
            fn a_store_that_is_opened_again_has_everything() {
                has_everything_when_it_is_opened_again::<$store>($last_created_at);
            }
        }
    };
}

contract!(sqlite, SqliteStore, |store: &mut SqliteStore| store.last_created_at().expect("an instant"));
contract!(postgres, PostgresStore, |store: &mut PostgresStore| store.instants().expect("instants").1);
