//! A server and the judge beside it: the same requests go to the machine with the whole catalogue of properties.

use std::fmt;

use resonate_core::local::Local;
use resonate_core::memory::MemoryStore;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::wire::envelope::{self, Envelope, VERSION};
use resonate_core::wire::rest;
use resonate_sim::Reference;

/// The instant of everything: nothing falls due by itself.
pub(crate) const NOW: Timestamp = Timestamp::saturating(1_000);

const IN_MEMORY: &str = "a store in memory does not fail";

/// A server that holds something of everything.
#[derive(Debug)]
pub(crate) struct Machine {
    local: Local<MemoryStore>,
    judge: Reference,
    held: Snapshot,
}

/// What every machine holds before it meets an input.
const SETTING: [(&str, &str); 9] = [
    ("promise.create", r#"{"id":"a","timeoutAt":90000,"param":{"data":"e30="},"tags":{"t":"u"}}"#),
    (
        "promise.create",
        r#"{"id":"b","timeoutAt":90000,"tags":{"resonate:target":"poll://any@g","resonate:branch":"b"}}"#,
    ),
    ("promise.create", r#"{"id":"c","timeoutAt":90000,"tags":{"resonate:branch":"b"}}"#),
    ("promise.settle", r#"{"id":"c","state":"rejected","value":{"headers":{"h":"1"},"data":"e30="}}"#),
    ("promise.create", r#"{"id":"d","timeoutAt":90000,"tags":{"resonate:timer":"true"}}"#),
    (
        "task.create",
        r#"{"pid":"w","ttl":5000,"action":{"data":{"id":"t","timeoutAt":90000,"tags":{"resonate:target":"http://h"}}}}"#,
    ),
    (
        "task.create",
        r#"{"pid":"w","ttl":5000,"action":{"data":{"id":"s","timeoutAt":90000,"tags":{"resonate:target":"http://h"}}}}"#,
    ),
    ("task.suspend", r#"{"id":"s","version":1,"actions":[{"data":{"awaited":"a","awaiter":"s"}}]}"#),
    ("schedule.create", r#"{"id":"s","cron":"*/5 * * * *","promiseId":"{{.id}}.{{.timestamp}}","promiseTimeout":5}"#),
];

impl Machine {
    pub(crate) fn new() -> Self {
        let rules = Rules::default();
        let local = Local::new(MemoryStore::new(), rules.clone(), false);
        let mut machine = Self { local, judge: Reference::new(rules, false), held: Snapshot::default() };
        for (kind, data) in SETTING {
            assert_eq!(machine.ask(kind, data), 200, "{kind} {data}");
        }
        machine
    }

    /// Sends an envelope around data.
    pub(crate) fn ask(&mut self, kind: &str, data: impl fmt::Display) -> u16 {
        let body = format!(r#"{{"kind":"{kind}","head":{{"corrId":"c","version":"{VERSION}"}},"data":{data}}}"#);
        self.envelope(body.as_bytes())
    }

    /// Sends an envelope and judges the answer. Returns its status.
    pub(crate) fn envelope(&mut self, body: &[u8]) -> u16 {
        let answer = self.local.envelope(body, NOW).expect(IN_MEMORY);
        if let Ok(envelope) = Envelope::parse(body)
            && let Ok(envelope::Call::Request(request)) = envelope.request()
        {
            self.judge(&request);
        }
        self.look_at(answer.status, &answer.body);
        answer.status
    }

    /// Makes a call of the API of 2023 and judges the answer. Returns its status.
    pub(crate) fn rest(&mut self, call: &rest::Call<'_>) -> u16 {
        let answer = self.local.rest(call, NOW).expect(IN_MEMORY);
        let asked = rest::Route::of(call.method, call.path).ok().and_then(|route| route.parse(&call.input()).ok());
        if let Some(asked) = asked {
            self.judge(&asked.request);
        }
        self.look_at(answer.status, &answer.body);
        answer.status
    }

    /// Lets the machine do a request, and judges what it came to.
    pub(crate) fn judge(&mut self, request: &Request) {
        self.judge.take(request, NOW);
        assert!(self.judge.violation().is_none(), "{:?} after {request:?}", self.judge.violation());
    }

    /// Lets time pass for the server alone.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.local.tick(now).expect(IN_MEMORY);
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.local.snapshot().expect(IN_MEMORY)
    }

    fn look_at(&mut self, status: u16, body: &[u8]) {
        assert!((200..500).contains(&status) || status == 501, "status {status}");
        let json: Result<serde_json::Value, _> = serde_json::from_slice(body);
        assert!(json.is_ok(), "status {status} with {}", String::from_utf8_lossy(body));
        let holds = self.snapshot();
        assert!(status < 400 || holds == self.held, "refused with {status}, and something has changed");
        self.held = holds;
    }
}
