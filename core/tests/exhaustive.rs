//! Every short history of a tiny world: two ids, two idempotency keys, three instants, every request. States that are equal are visited once.

mod support;

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};

use resonate_core::address::Address;
use resonate_core::memory::MemoryStore;
use resonate_core::message::MessageKey;
use resonate_core::promise::{Tags, tag};
use resonate_core::property::{Moment, Step, check_state, check_step};
use resonate_core::request::{
    Claim, CreatePromise, CreateSchedule, FencedAction, Request, SettlePromise, TaskRef, Verdict,
};
use resonate_core::rules::Rules;
use resonate_core::search::{PromiseOrder, SearchPromises, SearchSchedules, SearchTasks};
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::value::Value;

use support::parts::{WORKERS, held, tags, targeted};
use support::{NEW_YEAR, at, id, ms};

/// Requests in a row. Each happens at the instant of the one before or at a later one.
const DEPTH: usize = 5;

const INSTANTS: [Timestamp; 3] =
    [Timestamp::saturating(NEW_YEAR), Timestamp::saturating(NEW_YEAR + 1_000), Timestamp::saturating(NEW_YEAR + 2_000)];

fn creation(of: &str, timeout_at: Timestamp, tags: Tags, key: Option<&str>) -> CreatePromise {
    CreatePromise { id: id(of), timeout_at, param: Value::default(), tags, key: key.map(str::to_owned) }
}

fn settlement(of: &str, verdict: Verdict, key: Option<&str>) -> SettlePromise {
    let value = Value { headers: None, data: Some("v".to_owned()) };
    SettlePromise { id: id(of), verdict, value, key: key.map(str::to_owned) }
}

/// Every kind of request about one promise, the other one beside it.
fn requests_about(of: &str, other: &str) -> Vec<Request> {
    let id_of = id(of);
    let ttl = ms(1_000);
    let first: TaskRef = held(of, 1);
    let listener = Address::parse("poll://uni@g/w").expect("an address");
    let execute = MessageKey::Execute { task: id(of) };
    let unblock = MessageKey::Unblock { promise: id(of), address: listener.clone() };
    let timer = tags(&[(tag::TIMER, "true")]);
    let mut requests = vec![
        Request::GetPromise { id: id_of.clone() },
        Request::CreatePromise(creation(of, at(u64::MAX), targeted(), Some("k1"))),
        Request::CreatePromise(creation(of, INSTANTS[1], timer, Some("k2"))),
        Request::SettlePromise(settlement(of, Verdict::Resolved, Some("k1"))),
        Request::SettlePromise(settlement(of, Verdict::Rejected, Some("k2"))),
        Request::RegisterCallback { awaited: id(other), awaiter: id(of) },
        Request::RegisterListener { awaited: id(of), address: listener },
        Request::GetTask { id: id_of.clone() },
        Request::CreateTask { pid: "w".into(), ttl, promise: creation(of, INSTANTS[2], targeted(), None) },
        Request::AcquireTask { task: held(of, 0), pid: "w".into(), ttl },
        Request::AcquireTask { task: first.clone(), pid: "w".into(), ttl },
        Request::FenceTask {
            task: first.clone(),
            action: FencedAction::Create(creation(other, at(u64::MAX), tags(&[]), None)),
        },
        Request::FenceTask {
            task: first.clone(),
            action: FencedAction::Settle(settlement(other, Verdict::RejectedCanceled, None)),
        },
        Request::HeartbeatTasks { pid: "w".into(), tasks: vec![first.clone()], prefix: None },
        Request::SuspendTask { task: first.clone(), awaited: vec![id(other)] },
        Request::FulfillTask { task: first.clone(), settle: settlement(of, Verdict::Resolved, None) },
        Request::ReleaseTask { task: first },
        Request::HaltTask { id: id_of.clone() },
        Request::ContinueTask { id: id_of.clone() },
        Request::TimeOutPromise { id: id_of.clone() },
        Request::DischargePromise { id: id_of.clone() },
        Request::PurgePromise { id: id_of.clone(), settled_before: at(u64::MAX), dry_run: false },
        Request::ExpireLease { id: id_of.clone() },
        Request::DispatchTask { id: id_of },
    ];
    for key in [execute, unblock] {
        requests.push(Request::ClaimMessage { key: key.clone(), claim: Claim::Connected });
        requests.push(Request::MessageDelivered { key: key.clone(), version: 0 });
        requests.push(Request::MessageFailed { key: key.clone(), version: 0, jitter_permille: 0 });
        requests.push(Request::MessageUnclaimed { key, version: 0 });
    }
    requests
}

fn other_requests() -> Vec<Request> {
    let schedule = id("s");
    vec![
        Request::HeartbeatTasks { pid: "w".into(), tasks: Vec::new(), prefix: None },
        Request::SearchPromises(SearchPromises {
            pattern: None,
            prefix: None,
            state: None,
            tags: Tags::new(),
            order: PromiseOrder::ById { after: None },
            limit: 10,
        }),
        Request::SearchTasks(SearchTasks { prefix: None, state: None, after: None, limit: 10 }),
        Request::SearchSchedules(SearchSchedules { prefix: None, tags: Tags::new(), after: None, limit: 10 }),
        Request::GetSchedule { id: schedule.clone() },
        Request::CreateSchedule(CreateSchedule {
            id: schedule.clone(),
            cron: "* * * * * *".to_owned(),
            promise_id: "a".to_owned(),
            promise_timeout: ms(1_000),
            promise_param: Value::default(),
            promise_tags: tags(&[(tag::TARGET, WORKERS)]),
        }),
        Request::DeleteSchedule { id: schedule.clone() },
        Request::RunSchedule { id: schedule, runs_left: 1 },
    ]
}

/// Feeds a hasher with what would be printed.
struct Print<'a>(&'a mut DefaultHasher);

impl Write for Print<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// A state at an instant as one number; what is printed of a snapshot is sorted, and so the same for equal ones.
fn fingerprint(state: &Snapshot, instant: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    write!(Print(&mut hasher), "{state:?} {instant}").expect("a hasher takes everything");
    hasher.finish()
}

struct Node {
    store: MemoryStore,
    instant: usize,
}

/// All histories that go on from the front by one request; new states become the next front.
fn go_on(front: &[Node], requests: &[Request], rules: &Rules, visited: &mut BTreeSet<u64>) -> (Vec<Node>, u64) {
    let mut next = Vec::new();
    let mut transitions = 0;
    for node in front {
        let before = node.store.snapshot();
        for (instant, now) in INSTANTS.into_iter().enumerate().skip(node.instant) {
            let violations = check_state(&Moment { state: &before, now, rules });
            assert!(violations.is_empty(), "{before:#?} at {now}: {violations:#?}");
            for request in requests {
                transitions += 1;
                let decision = resonate_core::decide(rules, request, now, node.store.records());
                let decision = decision.expect("a closed set misses nothing");
                if decision.writes.is_empty() {
                    continue;
                }
                let mut store = node.store.clone();
                store.apply(rules, request, now);
                let after = store.snapshot();
                // That a known state may be reached from here is not known.
                check(&before, &after, request, now, rules);
                if !visited.insert(fingerprint(&after, instant)) {
                    continue;
                }
                let violations = check_state(&Moment { state: &after, now, rules });
                assert!(violations.is_empty(), "{request:?} at {now}: {violations:#?}");
                next.push(Node { store, instant });
            }
        }
    }
    (next, transitions)
}

fn check(before: &Snapshot, after: &Snapshot, request: &Request, now: Timestamp, rules: &Rules) {
    let violations = check_step(&Step { before, after, request, now, rules });
    assert!(violations.is_empty(), "{before:#?}\n{request:?} at {now}: {violations:#?}");
}

#[test]
#[allow(clippy::disallowed_macros, reason = "a test has an output")]
fn every_property_holds_in_every_short_history() {
    let requests: Vec<Request> =
        [requests_about("a", "b"), requests_about("b", "a"), other_requests()].into_iter().flatten().collect();
    let kinds: BTreeSet<_> = requests.iter().map(Request::kind).collect();
    assert_eq!(kinds, Request::KINDS.into(), "every request takes part");
    let rules = Rules { retry_timeout: ms(1_000), unblock_retention: ms(2_000), strict: false };
    let mut visited = BTreeSet::new();
    let mut front = vec![Node { store: MemoryStore::new(), instant: 0 }];
    for depth in 1..=DEPTH {
        let (next, transitions) = go_on(&front, &requests, &rules, &mut visited);
        println!("depth {depth}: {transitions} transitions, {} new states", next.len());
        front = next;
    }
    assert!(visited.len() > 1_000, "{} states", visited.len());
}
