//! What a key costs does not depend on how much is stored: Postgres reads the rows that are asked for, and no others.

use resonate_core::address::Address;
use resonate_core::drive::{Store, Tx};
use resonate_core::id::Id;
use resonate_core::message::MessageKey;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_postgres_cluster::{Cluster, Database};

use resonate_tests::drivers::postgres_store;

const WAITING: u64 = 5_000;

const FILL: &str = "INSERT INTO outbox (kind, id, listener, address, version, created_at, due_at, failures, waits, mailbox) \
     SELECT kind, 'task-' || n, CASE kind WHEN 0 THEN '' ELSE 'http://listener.test/' END, CASE kind WHEN 0 THEN 'http://worker.test/' ELSE 'http://listener.test/' END, 0, 0, 0, 0, 0, NULL \
     FROM generate_series(1, 5000) AS n, unnest(ARRAY[0, 1]) AS kind; ANALYZE outbox";
const READ: &str = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'outbox_pkey'";

/// What scans of the index have read, once sessions that have ended say so.
fn rows_read(database: &Database, more_than: u64) -> u64 {
    loop {
        let read = database.query(READ).expect("statistics").parse().expect("a count");
        if read > more_than {
            return read;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_message_is_found_by_its_key_however_many_wait() {
    let database = Cluster::shared().database();
    drop(postgres_store(&database));
    database.query(FILL).expect("rows");
    let before: u64 = database.query(READ).expect("statistics").parse().expect("a count");
    let task = Id::parse("task-77").expect("an id");
    let address = Address::parse("http://listener.test/").expect("an address");
    let keys = [MessageKey::Execute { task: task.clone() }, MessageKey::Unblock { promise: task, address }];
    let mut store = postgres_store(&database);
    let mut tx = store.begin().expect("a transaction");
    let mut records = Records::open();
    tx.load(&keys.clone().map(Read::Message), &mut records).expect("messages");
    for key in &keys {
        assert!(records.has(&Read::Message(key.clone())), "{key:?}");
    }
    drop(tx);
    drop(store);
    let read = rows_read(&database, before) - before;
    assert!(read < WAITING / 100, "{read} rows were read for two");
}
