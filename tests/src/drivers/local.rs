//! The core over a store, without a server around it: [`resonate_core::local::Local`] in the words of the tables.

use std::fmt::Debug;

use resonate_core::drive::Reset;
use resonate_core::local::{self, Went};
use resonate_core::message::{Delivery as Claimed, Message, MessageKey};
use resonate_core::request::{Claim, Request};
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::wire::rest;
use serde_json::Value;

use crate::driver::{Answer, Call, Delivery, Dials, Driver, RestCall};

/// Ticks at one instant after which it is taken never to end.
const TICKS_MAX: usize = 1_000;

/// A message that was handed out.
struct Handed {
    key: MessageKey,
    version: u64,
    shown: String,
}

impl Handed {
    fn of(Claimed { key, version, address, message }: Claimed) -> Self {
        let shown = match &message {
            Message::Execute { task, version } => format!("execute {task} {version} to {address}"),
            Message::Unblock { promise } => format!("unblock {} {} to {address}", promise.id, promise.state.name()),
        };
        Self { key, version, shown }
    }
}

/// The core over a store.
pub(super) struct Local<S> {
    local: local::Local<S>,
    /// The messages that were shown last.
    shown: Vec<Handed>,
}

impl<S> Local<S>
where
    S: Reset<Error: Debug>,
{
    pub(super) fn new(store: S, dials: Dials) -> Self {
        // The tables look at the whole state by `debug.snap`.
        Self { local: local::Local::new(store, dials.rules(), true), shown: Vec::new() }
    }

    fn rest(&mut self, now: Timestamp, call: &RestCall) -> Answer {
        let path;
        let call = match call {
            RestCall::Get { id } => {
                path = format!("/promises/{id}");
                rest::Call { method: "GET", path: &path, ..rest::Call::default() }
            }
            RestCall::Search { query } => {
                rest::Call { method: "GET", path: "/promises", query, ..rest::Call::default() }
            }
            RestCall::Write { verb, id, key, strict, body } => {
                path = format!("/promises/{id}/{}", verb.name());
                let (key, strict) = (key.as_deref(), strict.as_deref());
                rest::Call { method: "POST", path: &path, query: "", key, strict, body }
            }
        };
        let answer = self.local.rest(&call, now).expect("a store that nobody else uses");
        Answer::of_json(answer.status, &answer.body)
    }

    fn envelope(&mut self, now: Timestamp, body: &[u8]) -> Answer {
        let answer = self.local.envelope(body, now).expect("a store that nobody else uses");
        Answer::of_json(answer.status, &answer.body)
    }

    fn tick(&mut self, now: Timestamp) -> Answer {
        for _ in 0..TICKS_MAX {
            self.local.tick(now).expect("a store that nobody else uses");
            if !self.local.is_due(now) {
                return done();
            }
        }
        panic!("the background work of one instant never ends");
    }

    fn show_sent(&mut self) -> Answer {
        self.shown = self.local.take_events().deliveries.into_iter().map(Handed::of).collect();
        // Which of two rows that are due at the same instant comes first is the store's.
        self.shown.sort_by(|a, b| a.shown.cmp(&b.shown));
        Answer { status: 200, body: self.shown.iter().map(|handed| Value::from(handed.shown.as_str())).collect() }
    }

    fn report(&mut self, now: Timestamp, delivery: Delivery) -> Answer {
        let went = match delivery {
            Delivery::Delivered => Went::Delivered,
            Delivery::Failed => Went::Failed { jitter_permille: 0 },
            Delivery::Unclaimed => Went::Unclaimed,
        };
        for Handed { key, version, shown: _ } in std::mem::take(&mut self.shown) {
            self.local.report(key, version, went, now).expect("a store that nobody else uses");
        }
        done()
    }

    /// Claims the whole outbox, not only what is parked: a connection may appear at any moment.
    fn connect(&mut self, now: Timestamp) -> Answer {
        let keys = self.look().messages.into_keys();
        let claims: Vec<Request> = keys.map(|key| Request::ClaimMessage { key, claim: Claim::Connected }).collect();
        self.local.run(&claims, now).expect("a store that nobody else uses");
        done()
    }

    fn look(&mut self) -> Snapshot {
        self.local.snapshot().expect("a store that nobody else uses")
    }
}

impl<S> Driver for Local<S>
where
    S: Reset<Error: Debug>,
{
    fn call(&mut self, now: Timestamp, call: &Call) -> Option<Answer> {
        match call {
            Call::Rest(call) => Some(self.rest(now, call)),
            Call::Http(_) => None,
            Call::Envelope(body) => Some(self.envelope(now, body)),
            Call::Tick => Some(self.tick(now)),
            Call::Sent => Some(self.show_sent()),
            Call::Report(delivery) => Some(self.report(now, *delivery)),
            Call::Connect => Some(self.connect(now)),
        }
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        Some(self.look())
    }
}

fn done() -> Answer {
    Answer { status: 200, body: Value::Null }
}
