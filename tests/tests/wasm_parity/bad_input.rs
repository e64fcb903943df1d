//! Input that does not fit: a fault that says so, never a trap, and nothing has changed.

use fastrand::Rng;
use resonate_core::request::Request;
use resonate_core::time::MILLIS_MAX;
use resonate_tests::table::envelope_of;
use resonate_wasm_driver::{Failure, Instance, Module};
use serde_json::{Value, json};

use super::rows;
use crate::mutations::requests::SETTING;
use crate::mutations::wounds::{wound_bytes, wound_json};
use crate::support::generator::Generator;
use crate::support::seed;

const NOW: u64 = 1_000;
/// Wounded arguments of each function.
const WOUNDED: usize = 3_000;
/// Loads of one batch after which it is given up.
const LOADS_MAX: usize = 50;

/// A server with something of everything.
struct Subject {
    instance: Instance,
    server: u32,
    held: Vec<u8>,
}

impl Subject {
    fn new() -> Self {
        let mut instance = Module::built().instantiate().expect("an instance");
        let server = instance.open(b"").expect("a server");
        for (kind, data) in SETTING {
            instance.process(server, envelope_of(kind, "c", data).as_bytes(), NOW).expect("an answer");
            assert_eq!(instance.status(server), Ok(200), "{kind} {data}");
        }
        let held = instance.snapshot(server).expect("a snapshot");
        Self { instance, server, held }
    }

    fn check_unchanged(&mut self, after: &str) {
        let holds = self.instance.snapshot(self.server).unwrap_or_else(|why| panic!("{after}: {why}"));
        assert!(holds == self.held, "{after}: something has changed");
    }

    /// What a call came to must be a fault.
    fn check_fault<T: std::fmt::Debug>(&mut self, call: &str, argument: &str, came: Result<T, Failure>) {
        match came {
            Err(Failure::Fault { kind, error }) => {
                assert_eq!(kind, "bad_input", "{call}: {error}");
                assert!(error.starts_with(argument), "{call} must speak of {argument}: {error}");
            }
            other => panic!("{call} must be a fault: {other:?}"),
        }
        self.check_unchanged(call);
    }
}

/// Calls a method with an argument at an instant, and forgets what an answer says.
type Call = fn(&mut Instance, u32, &[u8], u64) -> Result<(), Failure>;

/// Every call that takes bytes, with what its faults speak of.
const CALLS: [(&str, &str, Call); 5] = [
    ("report", "report", |on, server, bytes, now| on.report(server, bytes, now)),
    ("connected", "connected", |on, server, bytes, now| on.connected(server, bytes, now)),
    ("restore", "snapshot", |on, server, bytes, now| on.restore(server, bytes, now)),
    ("submit", "requests", |on, server, bytes, now| on.submit(server, bytes, now).map(drop)),
    ("open", "options", |on, _, bytes, _| on.open(bytes).map(drop)),
];

/// Every call that takes an instant.
const TIMED: [(&str, Call); 6] = [
    ("process", |on, server, _, now| on.process(server, b"{}", now).map(drop)),
    ("is_due", |on, server, _, now| on.is_due(server, now).map(drop)),
    ("tick", |on, server, _, now| on.tick(server, now)),
    ("report", |on, server, _, now| {
        on.report(server, br#"{"key":{"execute":{"task":"t"}},"version":1,"went":"delivered"}"#, now)
    }),
    ("connected", |on, server, _, now| on.connected(server, br#"{"mailbox":"any@g","room":1}"#, now)),
    ("submit", |on, server, _, now| on.submit(server, b"[]", now).map(drop)),
];

#[test]
fn what_is_no_json_is_a_fault() {
    let mut subject = Subject::new();
    let garbage: [&[u8]; 7] = [b"{", b"\xff\xfe", b"nul", b"[[[[", b"\"\\ud800\"", b"{}{}", b"\0"];
    for (name, argument, call) in CALLS {
        for bytes in garbage {
            let came = call(&mut subject.instance, subject.server, bytes, NOW);
            subject.check_fault(&format!("{name} {}", bytes.escape_ascii()), argument, came);
        }
    }
    for bytes in garbage {
        let answer = subject.instance.process(subject.server, bytes, NOW).expect("an answer");
        assert_eq!(subject.instance.status(subject.server), Ok(400), "{}", answer.escape_ascii());
        subject.check_unchanged("an envelope that is none");
    }
}

#[test]
fn an_instant_beyond_what_json_clients_hold_is_a_fault() {
    let mut subject = Subject::new();
    for now in [MILLIS_MAX + 1, MILLIS_MAX + 2, i64::MAX as u64, u64::MAX] {
        for (name, call) in TIMED {
            let came = call(&mut subject.instance, subject.server, b"", now);
            subject.check_fault(&format!("{name} at {now}"), "now: ", came);
        }
        let held = subject.held.clone();
        let came = subject.instance.restore(subject.server, &held, now);
        subject.check_fault(&format!("restore at {now}"), "now: ", came);
    }
    assert_eq!(subject.instance.is_due(subject.server, MILLIS_MAX), Ok(true));
}

#[test]
fn a_server_that_there_is_not_is_a_fault() {
    let mut subject = Subject::new();
    for server in [0, 2, 3, u32::MAX] {
        let on = &mut subject.instance;
        let came = [
            on.process(server, b"{}", NOW).map(drop),
            on.is_due(server, NOW).map(drop),
            on.tick(server, NOW),
            on.next_wakeup(server).map(drop),
            on.has_events(server).map(drop),
            on.events(server).map(drop),
            on.report(server, b"{}", NOW),
            on.connected(server, b"{}", NOW),
            on.snapshot(server).map(drop),
            on.restore(server, b"{}", NOW),
            on.note_changes(server),
            on.changes(server).map(drop),
            on.submit(server, b"[]", NOW).map(drop),
            on.supply(server, b"[]").map(drop),
            on.close(server),
        ];
        for (number, came) in came.into_iter().enumerate() {
            subject.check_fault(&format!("call {number} to server {server}"), "server: ", came);
        }
        assert_eq!(subject.instance.status(server), Ok(0));
    }
}

#[test]
fn answers_that_nobody_asked_for_are_a_fault() {
    let mut subject = Subject::new();
    let came = subject.instance.supply(subject.server, b"[]");
    subject.check_fault("supply without submit", "supply: no batch waits", came);
    let asked = subject.instance.submit(subject.server, br#"[{"kind":"get_promise","id":"a"}]"#, NOW).expect("reads");
    assert_eq!(asked, br#"{"load":[{"promise":"a"}]}"#);
    let came = subject.instance.supply(subject.server, b"[null,null]");
    subject.check_fault("more answers than reads", "answers: must be as many as the reads, 1, not 2", came);
    let came = subject.instance.supply(subject.server, b"[null]");
    subject.check_fault("answers after a fault", "supply: no batch waits", came);
}

#[test]
fn rows_that_are_not_what_was_asked_for_are_a_fault() {
    let mut subject = Subject::new();
    let state: Value = serde_json::from_slice(&subject.held).expect("a snapshot");
    let row = |table: &str, at: usize| state[table][at].clone();
    let get_promise = r#"{"kind":"get_promise","id":"z"}"#;
    let get_task = r#"{"kind":"get_task","id":"z"}"#;
    let get_schedule = r#"{"kind":"get_schedule","id":"z"}"#;
    let heartbeat = r#"{"kind":"heartbeat_tasks","pid":"z","tasks":[],"prefix":null}"#;
    for (request, answers) in [
        (get_promise, json!([row("promises", 0)])),
        (get_promise, json!([[row("promises", 0)]])),
        (get_promise, json!([7])),
        (get_task, json!([null, row("tasks", 0)])),
        (get_schedule, json!([row("schedules", 0)])),
        (heartbeat, json!([[row("tasks", 0)]])),
    ] {
        let requests = format!("[{request}]");
        let asked = subject.instance.submit(subject.server, requests.as_bytes(), NOW).expect("reads");
        let came = subject.instance.supply(subject.server, answers.to_string().as_bytes());
        let call = format!("{request}: {} answered by {answers}", asked.escape_ascii());
        subject.check_fault(&call, "answers[", came);
    }
}

#[test]
fn wounded_arguments_never_trap_and_the_refused_ones_change_nothing() {
    let seed = seed("wounded_arguments_never_trap");
    let mut rng = Rng::with_seed(seed);
    let mut subject = Subject::new();
    let valid: [(&str, Vec<u8>); 3] = [
        ("report", br#"{"key":{"execute":{"task":"b"}},"version":0,"went":"failed"}"#.to_vec()),
        ("connected", br#"{"mailbox":"any@g","prefix":"b","room":3}"#.to_vec()),
        ("restore", subject.held.clone()),
    ];
    let (mut faults, mut accepted) = (0, 0);
    for number in 0..WOUNDED {
        let (name, valid) = &valid[number % valid.len()];
        let (_, _, call) = CALLS.iter().find(|(call, ..)| call == name).expect("a call");
        let mut bytes = valid.clone();
        wound(&mut rng, &mut bytes);
        let shown = format!("SEED={seed}: {name} {}", bytes.escape_ascii());
        match call(&mut subject.instance, subject.server, &bytes, NOW) {
            Err(Failure::Fault { .. }) => {
                faults += 1;
                subject.check_unchanged(&shown);
            }
            Err(Failure::Trap { said }) => panic!("{shown}: {said}"),
            Ok(()) => {
                accepted += 1;
                // Whatever was taken can be lived with.
                live(&mut subject, &shown);
                subject = Subject::new();
            }
        }
    }
    assert!(faults > WOUNDED / 10 && accepted > WOUNDED / 100, "SEED={seed}: {faults} faults, {accepted} accepted");
}

/// Uses a server in every way, for what is wrong with it to show.
fn live(subject: &mut Subject, shown: &str) {
    let mut ask = |kind: &str, data: &str| {
        let came = subject.instance.process(subject.server, envelope_of(kind, "c", data).as_bytes(), NOW + 10_000);
        came.unwrap_or_else(|why| panic!("{shown}: then {kind} {data}: {why}"));
    };
    ask("promise.settle", r#"{"id":"a","state":"resolved"}"#);
    ask("promise.search", "{}");
    ask("task.search", "{}");
    ask("schedule.search", "{}");
    ask("task.acquire", r#"{"id":"b","version":0,"pid":"v","ttl":100}"#);
    ask("task.heartbeat", r#"{"pid":"w","tasks":[]}"#);
    ask("task.suspend", r#"{"id":"t","version":1,"actions":[{"data":{"awaited":"d","awaiter":"t"}}]}"#);
    ask("debug.snap", "{}");
    for at in [NOW, 90_000, 100_000_000] {
        subject.instance.tick(subject.server, at).unwrap_or_else(|why| panic!("{shown}: then a tick: {why}"));
    }
    let snapshot = subject.instance.snapshot(subject.server).unwrap_or_else(|why| panic!("{shown}: {why}"));
    // What a restored server comes to can be restored.
    let came = subject.instance.restore(subject.server, &snapshot, 100_000_000);
    came.unwrap_or_else(|why| panic!("{shown}: then its snapshot: {why}\n{}", snapshot.escape_ascii()));
}

#[test]
fn wounded_batches_never_trap_and_change_nothing() {
    let seed = seed("wounded_batches_never_trap");
    let mut generator = Generator::new(seed);
    let mut subject = Subject::new();
    let state = serde_json::from_slice(&subject.held).expect("a snapshot");
    let (mut faults, mut commits) = (0, 0);
    for _ in 0..WOUNDED {
        let now = generator.tick().as_millis();
        let requests: Vec<Request> = (0..generator.rng.usize(1..4)).map(|_| generator.request(&state)).collect();
        let mut bytes = serde_json::to_vec(&requests).expect("requests are JSON");
        if generator.chance(30) {
            wound(&mut generator.rng, &mut bytes);
        }
        let mut shown = format!("SEED={seed}: at {now} {}", bytes.escape_ascii());
        let mut next = subject.instance.submit(subject.server, &bytes, now);
        for _ in 0..LOADS_MAX {
            match next {
                Ok(step) => {
                    let step: Value = serde_json::from_slice(&step).expect("a step is JSON");
                    let Some(reads) = step.get("load") else {
                        commits += 1;
                        break;
                    };
                    let mut bytes = serde_json::to_vec(&rows::answer(&state, reads)).expect("rows are JSON");
                    if generator.chance(60) {
                        wound(&mut generator.rng, &mut bytes);
                    }
                    shown += &format!("\n{reads} answered by {}", bytes.escape_ascii());
                    next = subject.instance.supply(subject.server, &bytes);
                }
                Err(Failure::Fault { .. }) => {
                    faults += 1;
                    break;
                }
                Err(Failure::Trap { said }) => panic!("{shown}: {said}"),
            }
        }
        subject.check_unchanged(&shown);
    }
    assert!(faults > WOUNDED / 10 && commits > WOUNDED / 10, "SEED={seed}: {faults} faults, {commits} commits");
}

fn wound(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if rng.u8(0..8) > 0 { wound_json(rng, bytes) } else { wound_bytes(rng, bytes) }
}
