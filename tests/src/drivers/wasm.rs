//! The module without imports in a WebAssembly runtime: the core as any host gets it, over its built-in store. Everything crosses as bytes.

use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_wasm_driver::{Instance, Module};
use serde_json::{Value, json};

use crate::driver::{Answer, Call, Delivery, Dials, Driver, RestCall};

/// More messages than any table has.
const ROOM: usize = 1_000_000;

/// Ticks at one instant after which its work is taken to be endless.
const TICKS_MAX: usize = 1_000;

/// A message that was handed out: what a report names it by, and how a table shows it.
struct Handed {
    key: Value,
    version: Value,
    shown: String,
}

impl Handed {
    fn of(delivery: &Value) -> Self {
        let (address, data) = (text(&delivery["address"]), &delivery["message"]["data"]);
        let shown = match text(&delivery["message"]["kind"]) {
            "execute" => format!("execute {} {} to {address}", text(&data["task"]["id"]), data["task"]["version"]),
            "unblock" => {
                format!("unblock {} {} to {address}", text(&data["promise"]["id"]), text(&data["promise"]["state"]))
            }
            other => panic!("a message of kind {other}"),
        };
        Self { key: delivery["key"].clone(), version: delivery["version"].clone(), shown }
    }
}

fn text(json: &Value) -> &str {
    json.as_str().unwrap_or_else(|| panic!("no text: {json}"))
}

/// A server in an instance of its own.
pub(super) struct Wasm {
    instance: Instance,
    server: u32,
    /// The messages that were shown last.
    shown: Vec<Handed>,
}

impl Wasm {
    pub(super) fn open(dials: Dials) -> Self {
        let mut instance = Module::built().instantiate().expect("an instance");
        let options = json!({"strict": dials.strict}).to_string();
        let server = instance.open(options.as_bytes()).expect("a server");
        Self { instance, server, shown: Vec::new() }
    }

    fn rest(&mut self, now: u64, call: &RestCall) -> Answer {
        let (head, body): (Value, &[u8]) = match call {
            RestCall::Get { id } => (json!({"method": "GET", "path": format!("/promises/{id}")}), b""),
            RestCall::Search { query } => (json!({"method": "GET", "path": "/promises", "query": query}), b""),
            RestCall::Write { verb, id, key, strict, body } => {
                let path = format!("/promises/{id}/{}", verb.name());
                (json!({"method": "POST", "path": path, "key": key, "strict": strict}), body)
            }
        };
        let answer = self.instance.rest(self.server, head.to_string().as_bytes(), body, now).expect("an answer");
        self.answer(&answer)
    }

    fn envelope(&mut self, now: u64, body: &[u8]) -> Answer {
        let answer = self.instance.process(self.server, body, now).expect("an answer");
        self.answer(&answer)
    }

    fn answer(&mut self, answer: &[u8]) -> Answer {
        let status = self.instance.status(self.server).expect("a status");
        Answer::of_json(u16::try_from(status).expect("a status of HTTP"), answer)
    }

    fn tick(&mut self, now: u64) -> Answer {
        for _ in 0..TICKS_MAX {
            self.instance.tick(self.server, now).expect("a tick");
            if self.instance.is_due(self.server, now) == Ok(false) {
                return done();
            }
        }
        panic!("the background work of one instant never ends");
    }

    fn show_sent(&mut self) -> Answer {
        let events = self.instance.events(self.server).expect("events");
        let events: Value = serde_json::from_slice(&events).expect("events are JSON");
        self.shown = events["deliveries"].as_array().expect("a list").iter().map(Handed::of).collect();
        // Which of two rows that are due at the same instant comes first is the store's.
        self.shown.sort_by(|a, b| a.shown.cmp(&b.shown));
        Answer { status: 200, body: self.shown.iter().map(|handed| Value::from(handed.shown.as_str())).collect() }
    }

    fn report(&mut self, now: u64, delivery: Delivery) -> Answer {
        let went = match delivery {
            Delivery::Delivered => "delivered",
            Delivery::Failed => "failed",
            Delivery::Unclaimed => "unclaimed",
        };
        for Handed { key, version, shown: _ } in std::mem::take(&mut self.shown) {
            let report = json!({"key": key, "version": version, "went": went}).to_string();
            self.instance.report(self.server, report.as_bytes(), now).expect("a report that fits");
        }
        done()
    }

    fn connect(&mut self, now: u64) -> Answer {
        for entry in self.look().messages.into_values() {
            let mailbox = entry.address.route().mailbox();
            let connected = json!({"mailbox": mailbox.as_str(), "room": ROOM}).to_string();
            self.instance.connected(self.server, connected.as_bytes(), now).expect("a mailbox");
        }
        done()
    }

    fn look(&mut self) -> Snapshot {
        let snapshot = self.instance.snapshot(self.server).expect("a snapshot");
        serde_json::from_slice(&snapshot).expect("a snapshot is JSON")
    }
}

impl Driver for Wasm {
    fn call(&mut self, now: Timestamp, call: &Call) -> Option<Answer> {
        let now = now.as_millis();
        match call {
            Call::Rest(call) => Some(self.rest(now, call)),
            Call::Envelope(body) => Some(self.envelope(now, body)),
            Call::Tick => Some(self.tick(now)),
            Call::Sent => Some(self.show_sent()),
            Call::Report(delivery) => Some(self.report(now, *delivery)),
            Call::Connect => Some(self.connect(now)),
            Call::Http(_) => None,
        }
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        Some(self.look())
    }
}

fn done() -> Answer {
    Answer { status: 200, body: Value::Null }
}
