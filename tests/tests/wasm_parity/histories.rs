//! Random histories of whole servers: what clients, workers and clocks do, in every order.

use std::collections::{BTreeMap, BTreeSet};

use resonate_core::address::Mailbox;
use resonate_core::local::Went;
use resonate_core::request::Request;
use resonate_core::time::Timestamp;
use resonate_core::wire::envelope::VERSION;
use resonate_tests::table::envelope_of;
use serde_json::{Value, json};

use super::calls::{self, OwnedCall};
use super::envelopes::{self, Cursors};
use super::twins::{Settings, Twins};
use crate::mutations::wounds::{wound_bytes, wound_json};
use crate::support::generator::Generator;
use crate::support::seed;

// Many short ones: what schedules leave behind makes long ones slow.
const HISTORIES: usize = 75;
const STEPS: usize = 200;
/// Steps after which the whole states are compared.
const STEPS_UNSEEN: usize = 20;
const ENVELOPES_MIN: usize = 10_000;

const TICK: &str = "debug.tick";

/// What a call of the 2023 API is counted as.
const REST: &str = "2023 API";

/// How often each thing happened.
type Counts = BTreeMap<String, usize>;

/// What happens to the servers, and what has happened.
struct History {
    generator: Generator,
    twins: Twins,
    cursors: Cursors,
    corr_id: u64,
    counts: Counts,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut generator = Generator::new(seed);
        let settings = Settings {
            rules: generator.rules(),
            debug: generator.chance(85),
            server_url: generator.chance(50).then(|| "https://server.test/é".to_owned()),
        };
        Self { generator, twins: Twins::open(settings), cursors: Cursors::new(), corr_id: 0, counts: Counts::new() }
    }

    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    fn step(&mut self) {
        let now = self.generator.tick();
        // A clock that goes back is held.
        let now = if self.generator.chance(3) { Timestamp::saturating(now.as_millis() - 500) } else { now };
        match self.generator.rng.u32(..1000) {
            0..700 => {
                let state = self.twins.state();
                let request = self.generator.client_request(&state);
                let strict = self.generator.chance(30);
                let cursor = self.cursors.get(REST).filter(|_| self.generator.rng.bool()).map(String::as_str);
                if let Some(call) = calls::print(&request, strict, cursor).filter(|_| self.generator.rng.bool()) {
                    return self.call(call, now);
                }
                let (kind, data) =
                    envelopes::print(&request, &self.cursors).expect("what clients send has an envelope");
                self.send(kind, &data, now);
            }
            700..740 => self.debug(now),
            740..760 => self.report_anything(now),
            760..900 => {
                self.count("tick");
                self.twins.tick(now);
            }
            900..990 => self.connect(now),
            990..995 => self.twins.next_wakeup(),
            _ => {
                self.count("start again");
                self.twins.start_again(now);
            }
        }
        if self.generator.chance(50) {
            let (messages, parked) = self.twins.events();
            *self.counts.entry("messages".to_owned()).or_default() += messages;
            *self.counts.entry("parked".to_owned()).or_default() += parked;
        }
    }

    fn send(&mut self, kind: &str, data: &Value, now: Timestamp) {
        self.corr_id += 1;
        let mut body = envelope_of(kind, &format!("c{}", self.corr_id), &data.to_string()).into_bytes();
        match self.generator.rng.u32(..100) {
            // A schedule would go on until an instant that is wounded: ten million times, in both.
            3..14 if kind == TICK => {}
            0..3 => {
                let head = json!({"corrId": "d", "version": VERSION, "resonate:debug_time": now.as_millis() + 250});
                body = json!({"kind": kind, "head": head, "data": data}).to_string().into_bytes();
                self.count("debug time");
            }
            3..10 => {
                wound_json(&mut self.generator.rng, &mut body);
                self.count("wounded");
            }
            10..14 => {
                wound_bytes(&mut self.generator.rng, &mut body);
                self.count("wounded");
            }
            _ => {}
        }
        let (status, answer) = self.twins.process(&body, now);
        self.count(kind);
        self.count(&status.to_string());
        let answer: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
        if let Some(cursor) = answer["data"]["cursor"].as_str() {
            self.cursors.insert(kind.to_owned(), cursor.to_owned());
        }
    }

    fn call(&mut self, mut call: OwnedCall, now: Timestamp) {
        match self.generator.rng.u32(..100) {
            0..8 => wound_json(&mut self.generator.rng, &mut call.body),
            8..12 => wound_bytes(&mut self.generator.rng, &mut call.body),
            12 => call.path += "/more",
            13 => call.method = "PUT",
            14 => call.query += "&limit=x",
            15 => call.strict = Some("perhaps".to_owned()),
            _ => {}
        }
        let (status, answer) = self.twins.rest(&call, now);
        self.count(REST);
        self.count(&format!("{REST} {status}"));
        let answer: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
        if let Some(cursor) = answer["cursor"].as_str() {
            self.cursors.insert(REST.to_owned(), cursor.to_owned());
        }
    }

    fn debug(&mut self, now: Timestamp) {
        let kind = match self.generator.rng.u32(..20) {
            0..3 => "debug.start",
            3..9 => "debug.stop",
            9 => "debug.reset",
            10..14 => "debug.snap",
            _ => TICK,
        };
        let later = now.as_millis() + self.generator.rng.u64(..2_000);
        let data = if kind == TICK { json!({"time": later}) } else { json!({}) };
        self.send(kind, &data, now);
    }

    /// A report, mostly of a message that there is, or a tick in place of what the background does.
    fn report_anything(&mut self, now: Timestamp) {
        let state = self.twins.state();
        let (key, version, went) = match self.generator.background_request(&state) {
            Request::MessageDelivered { key, version } => (key, version, Went::Delivered),
            Request::MessageFailed { key, version, .. } => (key, version, Went::Failed { jitter_permille: 0 }),
            Request::MessageUnclaimed { key, version } => (key, version, Went::Unclaimed),
            _ => return self.twins.tick(now),
        };
        self.count(&format!("{went:?}"));
        self.twins.report(&key, version, went, now);
    }

    fn connect(&mut self, now: Timestamp) {
        let mailbox = self.generator.one_of(&[
            Mailbox::any("g"),
            Mailbox::uni("g", "w1"),
            Mailbox::uni("g", "w2"),
            Mailbox::any("nobody"),
        ]);
        let prefix = self.generator.chance(20).then_some("p");
        let room = self.generator.rng.usize(..4);
        self.count("connected");
        self.twins.connected(&mailbox, prefix, room, now);
    }
}

fn history(seed: u64, counts: &mut Counts) {
    let mut history = History::new(seed);
    for step in 1..=STEPS {
        history.step();
        if step % STEPS_UNSEEN == 0 {
            history.twins.snapshot();
            history.twins.next_wakeup();
        }
    }
    for (what, count) in history.counts {
        *counts.entry(what).or_default() += count;
    }
}

#[test]
fn the_same_histories_in_the_module_and_beside_it_come_to_the_same_bytes() {
    let seed = seed("the_same_histories_in_the_module_and_beside_it");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut counts = Counts::new();
    for number in 0..HISTORIES {
        println!("history {number}");
        history(rng.u64(..), &mut counts);
    }
    println!("{counts:?}");
    let envelopes: usize =
        counts.iter().filter(|(what, _)| what.contains('.') || what.as_str() == REST).map(|(_, count)| count).sum();
    assert!(envelopes >= ENVELOPES_MIN, "SEED={seed}: only {envelopes} envelopes");
    let reached: BTreeSet<&str> = counts.keys().map(String::as_str).collect();
    let missing: Vec<&&str> = EXPECTED.iter().filter(|what| !reached.contains(**what)).collect();
    assert!(missing.is_empty(), "SEED={seed}: {missing:?} did not happen: {counts:?}");
}

/// What must happen in every run: each kind of the protocol, each status, each call of the module.
const EXPECTED: [&str; 49] = [
    "promise.get",
    "promise.create",
    "promise.settle",
    "promise.register_callback",
    "promise.register_listener",
    "promise.search",
    "task.get",
    "task.create",
    "task.acquire",
    "task.fence",
    "task.heartbeat",
    "task.suspend",
    "task.fulfill",
    "task.release",
    "task.halt",
    "task.continue",
    "task.search",
    "schedule.get",
    "schedule.create",
    "schedule.delete",
    "schedule.search",
    "debug.start",
    "debug.stop",
    "debug.reset",
    "debug.tick",
    "debug.snap",
    "debug time",
    "wounded",
    "200",
    "300",
    "400",
    "403",
    "404",
    "409",
    "422",
    "tick",
    "connected",
    "Delivered",
    "Failed { jitter_permille: 0 }",
    "Unclaimed",
    "messages",
    "parked",
    "start again",
    "2023 API 200",
    "2023 API 201",
    "2023 API 400",
    "2023 API 403",
    "2023 API 404",
    "2023 API 405",
];
