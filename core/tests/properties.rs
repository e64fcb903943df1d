//! Random histories against the catalogue of properties, and the equalities that hold for every history: the same one twice, a batch and its
//! requests one by one, with and without hints, with and without loading, with and without what hosts may lose.

mod support;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use resonate_core::batch::{Batch, Finished, Outcome, Step};
use resonate_core::drive::{self, Store, Tx};
use resonate_core::effect::Effect;
use resonate_core::memory::MemoryStore;
use resonate_core::message::{Delivery, MessageKey, OutboxEntry};
use resonate_core::records::Records;
use resonate_core::reply::Reply;
use resonate_core::request::{Claim, CreateSchedule, Request};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::Task;
use resonate_core::time::Timestamp;
use resonate_core::{Decision, Missing, decide};

use support::generator::Generator;
use support::world::World;
use support::{ms, names, seed};

/// Seeds that once failed.
const REGRESSIONS: [u64; 0] = [];

/// The committed seeds, then as many that follow from the seed of this run.
fn seeds(test: &str, count: usize) -> Vec<u64> {
    let mut rng = fastrand::Rng::with_seed(seed(test));
    REGRESSIONS.into_iter().chain(std::iter::repeat_with(|| rng.u64(..)).take(count)).collect()
}

#[derive(Default)]
struct Reached {
    requests: BTreeSet<&'static str>,
    replies: BTreeSet<&'static str>,
    transitions: u64,
}

impl Reached {
    fn note(&mut self, request: &Request, reply: &Reply) {
        self.requests.insert(request.kind());
        self.replies.insert(names::of_reply(reply));
        if let Reply::Fenced(inner) = reply {
            self.replies.insert(names::of_reply(inner));
        }
    }
}

/// A history whose background work is done at random, and swept from time to time.
fn random_history(seed: u64, requests: usize, reached: &mut Reached) -> (Vec<Decision>, Snapshot) {
    let mut generator = Generator::new(seed);
    let mut world = World::new(generator.rules());
    let mut decisions = Vec::new();
    for _ in 0..requests {
        let now = generator.tick();
        let request = generator.request(&world.state);
        let played = world.play(&request, now);
        reached.note(&request, &played[0].reply);
        decisions.extend(played);
        if generator.chance(4) {
            for due in world.due(now) {
                let request = due.request();
                let played = world.play(&request, now);
                reached.note(&request, &played[0].reply);
                decisions.extend(played);
            }
        }
    }
    reached.transitions += world.transitions;
    (decisions, world.state)
}

#[test]
fn every_property_holds_in_random_histories_that_reach_everything() {
    let mut reached = Reached::default();
    for seed in seeds("every_property_holds", 800) {
        random_history(seed, 300, &mut reached);
    }
    assert_eq!(reached.requests, BTreeSet::from(Request::KINDS), "requests that were made");
    assert_eq!(reached.replies, BTreeSet::from(names::REPLIES), "replies that were given");
    assert!(reached.transitions >= 200_000, "{} transitions", reached.transitions);
}

#[test]
fn the_same_history_twice_comes_to_the_same() {
    for seed in seeds("the_same_history_twice", 20) {
        let first = random_history(seed, 300, &mut Reached::default());
        assert!(first == random_history(seed, 300, &mut Reached::default()), "history {seed} differs from itself");
    }
}

/// Batches that meet in a world, with the store before each.
fn random_batches(seed: u64, mut check: impl FnMut(&Rules, &MemoryStore, &[Request], Timestamp)) {
    let mut generator = Generator::new(seed);
    let rules = generator.rules();
    let mut store = MemoryStore::new();
    for _ in 0..40 {
        let now = generator.tick();
        let state = store.snapshot();
        let mut requests: Vec<Request> = (0..generator.rng.usize(1..12)).map(|_| generator.request(&state)).collect();
        if generator.chance(20) {
            let Ok(due) = drive::sweep(&mut store, &resonate_core::due::DueKind::ALL, now, 5);
            requests.extend(due.iter().map(resonate_core::due::Due::request));
        }
        check(&rules, &store, &requests, now);
        let mut rest = &requests[..];
        while !rest.is_empty() {
            let finished = drive::run(&mut store, &rules, rest, now).expect("a lone writer has no conflicts");
            rest = &rest[finished.outcomes.len()..];
        }
    }
}

fn outcome(decision: &Decision) -> Outcome {
    Outcome { reply: decision.reply.clone(), effects: decision.effects.clone(), projected: decision.projected.clone() }
}

/// What a batch should come to: its requests one by one, then what follows from them in the order in which it arose.
fn one_by_one(store: &mut MemoryStore, rules: &Rules, requests: &[Request], now: Timestamp) -> Finished {
    let mut finished = Finished { now, ..Finished::default() };
    let mut waiting = VecDeque::new();
    for request in requests {
        let decision = store.apply(rules, request, now);
        finished.outcomes.push(outcome(&decision));
        finished.writes += decision.writes.len();
        waiting.extend(decision.follow_ups);
    }
    while let Some(request) = waiting.pop_front() {
        let decision = store.apply(rules, &request, now);
        finished.writes += decision.writes.len();
        waiting.extend(decision.follow_ups.iter().cloned());
        finished.follow_ups.push((request, outcome(&decision)));
    }
    finished
}

#[test]
fn a_batch_comes_to_the_same_as_its_requests_one_by_one() {
    for seed in seeds("a_batch_comes_to_the_same", 150) {
        random_batches(seed, |rules, store, requests, now| {
            let (mut batched, mut sequential) = (store.clone(), store.clone());
            let mut rest = requests;
            while !rest.is_empty() {
                let finished = drive::run(&mut batched, rules, rest, now).expect("a lone writer has no conflicts");
                // A batch may end early, before a search.
                let (done, left) = rest.split_at(finished.outcomes.len());
                assert!(!done.is_empty(), "a batch without progress");
                assert_eq!(finished, one_by_one(&mut sequential, rules, done, now), "{done:#?}");
                rest = left;
            }
            assert_eq!(batched.snapshot(), sequential.snapshot());
        });
    }
}

fn run_batch(store: &mut MemoryStore, mut batch: Batch<'_>) -> Finished {
    let Ok(mut tx) = store.begin();
    while let Step::Load(reads) = batch.step() {
        assert!(!reads.is_empty(), "nothing to load");
        tx.load(&reads, batch.records()).expect("a store in memory");
    }
    tx.write(batch.writes()).expect("staged");
    tx.commit().expect("a lone writer has no conflicts");
    batch.finish()
}

#[test]
fn neither_hints_nor_looks_ahead_change_an_answer() {
    for seed in seeds("neither_hints_nor_looks_ahead", 100) {
        random_batches(seed, |rules, store, requests, now| {
            let (mut with, mut without, mut looking) = (store.clone(), store.clone(), store.clone());
            let hinted = run_batch(&mut with, Batch::new(rules, requests, now));
            let unhinted = run_batch(&mut without, Batch::without_hints(rules, requests, now));
            let mut far = Batch::new(rules, requests, now);
            far.look_ahead();
            assert_eq!(hinted, unhinted);
            assert_eq!(hinted, run_batch(&mut looking, far));
            assert_eq!(with.snapshot(), without.snapshot());
            assert_eq!(with.snapshot(), looking.snapshot());
        });
    }
}

#[test]
fn records_that_are_loaded_on_demand_decide_as_complete_ones_do() {
    for seed in seeds("records_that_are_loaded", 100) {
        random_batches(seed, |rules, store, requests, now| {
            for request in requests {
                let complete = decide(rules, request, now, store.records());
                let mut store = store.clone();
                let Ok(mut tx) = store.begin();
                let mut records = Records::open();
                let mut rounds = 0;
                let loaded = loop {
                    match decide(rules, request, now, &records) {
                        Ok(decision) => break decision,
                        Err(Missing(reads)) => {
                            assert!(!reads.is_empty() && rounds < 100, "{request:?} asks for ever: {reads:?}");
                            rounds += 1;
                            tx.load(&reads, &mut records).expect("a store in memory");
                        }
                    }
                };
                assert_eq!(Ok(loaded), complete, "{request:?}");
            }
        });
    }
}

/// A state without what only says how often and when a task was dispatched.
fn apart_from_dispatches(state: &Snapshot) -> Snapshot {
    let tasks = state.tasks.iter().map(|(id, task)| (id.clone(), task_apart_from_dispatches(task))).collect();
    let messages = state.messages.iter().map(|(key, entry)| {
        let entry = match key {
            MessageKey::Unblock { .. } => Arc::clone(entry),
            MessageKey::Execute { .. } => {
                let never = Timestamp::ZERO;
                let entry = OutboxEntry::clone(entry);
                Arc::new(OutboxEntry {
                    created_at: never,
                    due_at: never,
                    parked: false,
                    failures: 0,
                    waits: 0,
                    ..entry
                })
            }
        };
        (key.clone(), entry)
    });
    Snapshot { tasks, messages: messages.collect(), ..state.clone() }
}

fn task_apart_from_dispatches(task: &Arc<Task>) -> Arc<Task> {
    let retry_at = task.retry_at.map(|_| Timestamp::ZERO);
    Arc::new(Task { retry_at, executes: 0, execute_at: None, ..Task::clone(task) })
}

fn reply_apart_from_dispatches(reply: &Reply) -> Reply {
    match reply {
        Reply::Task(task) => Reply::Task(task_apart_from_dispatches(task)),
        Reply::Tasks { tasks, more } => {
            Reply::Tasks { tasks: tasks.iter().map(task_apart_from_dispatches).collect(), more: *more }
        }
        Reply::Acquired { task, promise, preload } => Reply::Acquired {
            task: task_apart_from_dispatches(task),
            promise: Arc::clone(promise),
            preload: preload.clone(),
        },
        reply => reply.clone(),
    }
}

/// Both worlds see the same requests. One host does at once what follows from them and delivers every `execute`; the other loses all of it.
#[test]
fn what_a_host_loses_costs_time_and_nothing_else() {
    for seed in seeds("what_a_host_loses", 150) {
        let mut generator = Generator::new(seed);
        let rules = generator.rules();
        let (mut prompt, mut lossy) = (World::new(rules.clone()), World::new(rules));
        let mut now = generator.tick();
        for _ in 0..150 {
            now = generator.tick();
            let request = match generator.request(&prompt.state) {
                // A late occurrence is a promise that is born late, which clients can see.
                Request::RunSchedule { id, .. } => Request::GetSchedule { id },
                Request::ClaimMessage { key, .. }
                | Request::MessageDelivered { key, .. }
                | Request::MessageFailed { key, .. }
                | Request::MessageUnclaimed { key, .. } => match key {
                    // Only one of the hosts may have put it in.
                    MessageKey::Execute { task } => Request::GetTask { id: task },
                    MessageKey::Unblock { .. } => Request::ClaimMessage { key, claim: Claim::Due },
                },
                // What is removed depends on what has been delivered.
                Request::PurgePromise { id, .. } => Request::GetPromise { id },
                // Time will leap at the end, over few occurrences.
                Request::CreateSchedule(create) => {
                    Request::CreateSchedule(CreateSchedule { cron: "0 * * * *".to_owned(), ..create })
                }
                request => request,
            };
            let lost = lossy.step(&request, now);
            let played = prompt.play(&request, now);
            if !request.is_background() {
                assert_eq!(
                    reply_apart_from_dispatches(&played[0].reply),
                    reply_apart_from_dispatches(&lost.reply),
                    "history {seed}: {request:?}"
                );
            }
            deliver(&mut generator, &mut prompt, &played, now);
        }
        // Later than any retry clock.
        now = now + ms(2 * 3_600_000);
        prompt.settle_down(now);
        lossy.settle_down(now);
        let (prompt, lossy) = (apart_from_dispatches(&prompt.state), apart_from_dispatches(&lossy.state));
        assert_eq!(prompt, lossy, "history {seed}");
    }
}

fn deliver(generator: &mut Generator, world: &mut World, decisions: &[Decision], now: Timestamp) {
    for effect in decisions.iter().flat_map(|decision| &decision.effects) {
        match effect {
            Effect::Deliver(Delivery { key: key @ MessageKey::Execute { .. }, version, .. }) => {
                let report = generator.report(key.clone(), *version);
                world.play(&report, now);
            }
            Effect::Deliver(Delivery { key: MessageKey::Unblock { .. }, .. })
            | Effect::Parked(_)
            | Effect::WakeAt(_) => {}
        }
    }
}

#[test]
fn a_snapshot_survives_its_json_and_becomes_the_same_store() {
    for seed in seeds("a_snapshot_survives_its_json", 60) {
        let mut generator = Generator::new(seed);
        let (rules, mut store) = (generator.rules(), MemoryStore::new());
        for _ in 0..80 {
            let (now, state) = (generator.tick(), store.snapshot());
            store.apply(&rules, &generator.request(&state), now);
        }
        let state = store.snapshot();
        let json = serde_json::to_string(&state).expect("a snapshot is JSON");
        let read: Snapshot = serde_json::from_str(&json).expect("what was written");
        assert_eq!(read, state, "seed {seed}");
        let mut restored = MemoryStore::restore(&rules, &read).expect("a state that was reached");
        assert_eq!(restored.snapshot(), state, "seed {seed}");
        for _ in 0..40 {
            let now = generator.tick();
            let request = generator.request(&store.snapshot());
            assert_eq!(store.apply(&rules, &request, now), restored.apply(&rules, &request, now), "seed {seed}");
            let due = |store: &mut MemoryStore| drive::sweep(store, &resonate_core::due::DueKind::ALL, now, 1000);
            assert_eq!(due(&mut store), due(&mut restored), "seed {seed}");
        }
    }
}

#[test]
fn a_snapshot_that_contradicts_itself_is_refused() {
    let mut generator = Generator::new(7);
    let (rules, mut store) = (Rules::default(), MemoryStore::new());
    while store.snapshot().tasks.is_empty() {
        let (now, state) = (generator.tick(), store.snapshot());
        store.apply(&rules, &generator.request(&state), now);
    }
    let mut state = store.snapshot();
    state.promises.clear();
    let refused = MemoryStore::restore(&rules, &state).expect_err("a task without its promise");
    assert!(refused.to_string().contains("task"), "{refused}");
    assert!(serde_json::from_str::<Snapshot>(r#"{"promises":[],"task":[]}"#).is_err(), "a field that is none");
}

#[test]
fn a_store_at_hand_decides_in_place_what_a_transaction_would() {
    for seed in seeds("a_store_at_hand_decides_in_place", 60) {
        let mut generator = Generator::new(seed);
        let rules = generator.rules();
        let (mut loading, mut at_hand) = (MemoryStore::new(), MemoryStore::new());
        for _ in 0..60 {
            let (now, state) = (generator.tick(), loading.snapshot());
            let requests: Vec<Request> = (0..generator.rng.usize(1..8)).map(|_| generator.request(&state)).collect();
            let mut done = 0;
            while done < requests.len() {
                let expected = drive::run(&mut loading, &rules, &requests[done..], now).expect("a store in memory");
                let found = resonate_core::at_hand::run(&mut at_hand, &rules, &requests[done..], now);
                assert_eq!(found, expected, "seed {seed}, {now}: {requests:#?}");
                done += found.outcomes.len();
            }
            assert_eq!(at_hand.snapshot(), loading.snapshot(), "seed {seed}, {now}: {requests:#?}");
        }
    }
}
