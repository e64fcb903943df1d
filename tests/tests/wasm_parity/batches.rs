//! Batches whose records lie with the caller: the module says what to load and what to write, the test does it.

use std::collections::BTreeSet;

use resonate_core::batch::{Batch, Outcome, Step};
use resonate_core::drive::{self, Store, Tx};
use resonate_core::due::{Due, DueKind};
use resonate_core::memory::MemoryStore;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;
use resonate_wasm_driver::{Instance, Module};
use serde_json::{Value, json};

use super::rows;
use crate::support::generator::Generator;
use crate::support::{names, seed};

const HISTORIES: usize = 12;
const BATCHES: usize = 250;
const REQUESTS_MIN: usize = 10_000;
/// Loads of one batch after which it is taken to be endless.
const LOADS_MAX: usize = 1_000;

/// What a run has reached.
#[derive(Default)]
struct Reached {
    requests: usize,
    kinds: BTreeSet<&'static str>,
    replies: BTreeSet<&'static str>,
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
}

/// A server of the module that is only asked to decide.
struct Decider {
    instance: Instance,
    server: u32,
}

impl Decider {
    fn open(rules: &Rules) -> Self {
        let Rules { retry_timeout, unblock_retention, strict } = rules;
        let options = json!({"retryTimeout": retry_timeout, "unblockRetention": unblock_retention, "strict": strict});
        let mut instance = Module::built().instantiate().expect("an instance");
        let server = instance.open(options.to_string().as_bytes()).expect("options that fit");
        Self { instance, server }
    }

    /// Runs a batch up to its commit.
    fn decide(&mut self, store: &MemoryStore, requests: &[Request], now: Timestamp, reached: &mut Reached) -> Value {
        let requests = serde_json::to_vec(requests).expect("requests are JSON");
        let mut next = self.instance.submit(self.server, &requests, now.as_millis()).expect("requests that fit");
        let state = store.snapshot();
        for _ in 0..LOADS_MAX {
            let mut step: Value = serde_json::from_slice(&next).expect("a step is JSON");
            if let Some(reads) = step.get("load") {
                reached.reads.extend(names_of(reads));
                let answers = serde_json::to_vec(&rows::answer(&state, reads)).expect("rows are JSON");
                next = self.instance.supply(self.server, &answers).expect("answers that fit");
            } else {
                return step["commit"].take();
            }
        }
        panic!("the batch never ends");
    }
}

/// What reads and writes are called.
fn names_of(list: &Value) -> impl Iterator<Item = String> {
    list.as_array().expect("a list").iter().filter_map(|one| one.as_object()?.keys().next().cloned())
}

/// The same batch beside the module, up to its commit.
fn decide(store: &mut MemoryStore, rules: &Rules, requests: &[Request], now: Timestamp) -> Value {
    let shown = |outcome: &Outcome| json!({"reply": outcome.reply, "effects": outcome.effects});
    let mut batch = Batch::new(rules, requests, now);
    let Ok(mut tx) = store.begin();
    while let Step::Load(reads) = batch.step() {
        tx.load(&reads, batch.records()).expect("a store in memory");
    }
    let writes = json!(batch.writes());
    let finished = batch.finish();
    let follow_ups = finished.follow_ups.iter().map(|(request, outcome)| {
        let mut fields = shown(outcome);
        fields["request"] = json!(request);
        fields
    });
    let follow_ups: Vec<Value> = follow_ups.collect();
    json!({"writes": writes, "outcomes": finished.outcomes.iter().map(shown).collect::<Vec<_>>(), "follow_ups": follow_ups})
}

fn history(seed: u64, reached: &mut Reached) {
    let mut generator = Generator::new(seed);
    let rules = generator.rules();
    let mut decider = Decider::open(&rules);
    // One is written by the module's writes, one by the core's own loop.
    let (mut written, mut native) = (MemoryStore::new(), MemoryStore::new());
    for _ in 0..BATCHES {
        let now = generator.tick();
        let state = native.snapshot();
        let mut requests: Vec<Request> = (0..generator.rng.usize(1..8)).map(|_| generator.request(&state)).collect();
        if generator.chance(20) {
            let Ok(due) = drive::sweep(&mut native, &DueKind::ALL, now, 1000);
            requests.extend(due.iter().map(Due::request));
        }
        reached.requests += requests.len();
        reached.kinds.extend(requests.iter().map(Request::kind));
        let mut done = 0;
        while done < requests.len() {
            let rest = &requests[done..];
            let expected = decide(&mut native, &rules, rest, now);
            let found = decider.decide(&written, rest, now, reached);
            assert!(found == expected, "history {seed}, {now}: {rest:#?}\nmodule {found:#}\nbeside {expected:#}");
            let finished = drive::run(&mut native, &rules, rest, now).expect("a store that nobody else uses");
            reached.replies.extend(finished.outcomes.iter().map(|outcome| names::of_reply(&outcome.reply)));
            reached.writes.extend(names_of(&found["writes"]));
            rows::write(&mut written, &found["writes"]);
            assert_eq!(written.snapshot(), native.snapshot(), "history {seed}, {now}: {rest:#?}");
            done += finished.outcomes.len();
        }
    }
}

#[test]
fn batches_of_the_module_over_a_store_of_the_callers_come_to_the_same() {
    let seed = seed("batches_of_the_module_over_a_store_of_the_callers");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut reached = Reached::default();
    for _ in 0..HISTORIES {
        history(rng.u64(..), &mut reached);
    }
    let Reached { requests, kinds, replies, reads, writes } = reached;
    println!("{requests} requests\n{replies:?}\n{reads:?}\n{writes:?}");
    assert!(requests >= REQUESTS_MIN, "SEED={seed}: only {requests} requests");
    let missing: Vec<_> = Request::KINDS.iter().filter(|name| !kinds.contains(**name)).collect();
    assert!(missing.is_empty(), "SEED={seed}: {missing:?} did not happen");
    assert_eq!((reads.len(), writes.len()), (13, 16), "SEED={seed}: reads and writes that did not happen");
}
