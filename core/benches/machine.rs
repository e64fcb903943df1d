//! How many requests the machine decides on one core, in the memory store and without one. No disk, no network, no threads.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use resonate_core::drive;
use resonate_core::memory::MemoryStore;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;
use resonate_core::wire::rest;

/// Pairs of a create and a settle in one measured run.
const PAIRS: usize = 10_000;
/// Requests in a batch, as under load.
const BATCH: usize = 256;

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

fn now() -> Timestamp {
    Timestamp::saturating(1_000)
}

fn create(number: usize) -> Request {
    let body = br#"{"param":{"data":"RHVyYWJsZSBQcm9taXNlIENyZWF0ZWQ="},"timeout":2524608000000}"#;
    rest::parse_create(&format!("promise-{number:08}"), Some("key"), body).expect("a valid request")
}

fn settle(number: usize) -> Request {
    let body = br#"{"value":{"data":"RHVyYWJsZSBQcm9taXNlIFJlc29sdmVk"}}"#;
    let verdict = resonate_core::request::Verdict::Resolved;
    rest::parse_settle(&format!("promise-{number:08}"), verdict, Some("key"), body).expect("a valid request")
}

fn pairs() -> Vec<Request> {
    (0..PAIRS).flat_map(|number| [create(number), settle(number)]).collect()
}

/// Create and settle, one request after the other.
#[divan::bench]
fn create_and_settle(bencher: Bencher<'_, '_>) {
    let (rules, requests) = (Rules::default(), pairs());
    bencher.counter(ItemsCount::new(PAIRS)).with_inputs(MemoryStore::new).bench_local_values(|mut store| {
        for request in &requests {
            black_box(store.apply(&rules, request, now()));
        }
        store
    });
}

/// Create and settle in transactions of many requests, as a server runs them.
#[divan::bench]
fn create_and_settle_in_batches(bencher: Bencher<'_, '_>) {
    let rules = Rules::default();
    let requests: Vec<Request> = (0..PAIRS).map(create).chain((0..PAIRS).map(settle)).collect();
    bencher.counter(ItemsCount::new(PAIRS)).with_inputs(MemoryStore::new).bench_local_values(|mut store| {
        for batch in requests.chunks(BATCH) {
            black_box(drive::run(&mut store, &rules, batch, now()).expect("memory does not fail"));
        }
        store
    });
}

/// Reading a create from its JSON.
#[divan::bench]
fn parse_create(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| black_box(create(black_box(7))));
}
