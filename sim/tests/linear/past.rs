//! Histories made by hand: a machine answers, and tests say who asked when, and what they were told instead.

use std::collections::BTreeMap;

use resonate_core::id::Id;
use resonate_core::memory::MemoryStore;
use resonate_core::promise::{Tags, tag};
use resonate_core::reply::Reply;
use resonate_core::request::{CreatePromise, Request, SettlePromise, TaskRef, Verdict};
use resonate_core::rules::Rules;
use resonate_core::time::{Millis, Timestamp};
use resonate_core::value::Value;
use resonate_core::wire::envelope::{self, Shape};
use resonate_core::wire::rest::{self, Terms};
use resonate_sim::linear::{Answer, Checked, History, Moment, Operation, check};

/// Deadlines that no test reaches.
pub(crate) const FAR: u64 = 1_000_000;

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::saturating(millis)
}

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

pub(crate) fn task(name: &str, version: u64) -> TaskRef {
    TaskRef { id: id(name), version }
}

pub(crate) fn get(name: &str) -> Request {
    Request::GetPromise { id: id(name) }
}

pub(crate) fn creation(name: &str, timeout_at: u64, tags: &[(&str, &str)], key: Option<&str>) -> CreatePromise {
    let tags: Tags = tags.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    CreatePromise {
        id: id(name),
        timeout_at: at(timeout_at),
        param: Value::default(),
        tags,
        key: key.map(str::to_owned),
    }
}

pub(crate) fn create(name: &str) -> Request {
    Request::CreatePromise(creation(name, FAR, &[], None))
}

pub(crate) fn create_until(name: &str, timeout_at: u64) -> Request {
    Request::CreatePromise(creation(name, timeout_at, &[], None))
}

pub(crate) fn create_task(name: &str) -> Request {
    Request::CreatePromise(creation(name, FAR, &[(tag::TARGET, "poll://any@g")], None))
}

pub(crate) fn settlement(name: &str, verdict: Verdict, data: &str, key: Option<&str>) -> SettlePromise {
    let value = Value { headers: None, data: Some(data.to_owned()) };
    SettlePromise { id: id(name), verdict, value, key: key.map(str::to_owned) }
}

pub(crate) fn resolve(name: &str, data: &str) -> Request {
    Request::SettlePromise(settlement(name, Verdict::Resolved, data, None))
}

pub(crate) fn acquire(name: &str, version: u64, pid: &str, ttl: u64) -> Request {
    Request::AcquireTask { task: task(name, version), pid: pid.into(), ttl: Millis::saturating(ttl) }
}

/// A machine, and what was seen of it.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) store: MemoryStore,
    pub(crate) history: History,
}

impl Past {
    pub(crate) fn new() -> Self {
        Self::with(Rules::default())
    }

    pub(crate) fn with(rules: Rules) -> Self {
        let history = History { operations: Vec::new(), rules, tolerance: Some(Millis::saturating(0)), purges: false };
        Self { store: MemoryStore::new(), history }
    }

    /// The machine does something that nobody sees.
    pub(crate) fn unseen(&mut self, now: u64, request: &Request) -> Reply {
        self.store.apply(&self.history.rules, request, at(now)).reply
    }

    /// A client asks from one instant to another, and the machine answers at `now`.
    pub(crate) fn ask(&mut self, client: u64, call: (u64, u64), now: u64, request: Request) -> usize {
        let reply = self.unseen(now, &request);
        self.told(client, call, now, request, Answer::Machine(reply))
    }

    /// The same by the API of 2023.
    pub(crate) fn ask_2023(&mut self, client: u64, now: u64, request: Request, strict: bool) -> usize {
        let reply = self.unseen(now, &request);
        let status = Terms::of(&request, strict).status(&reply);
        let body = serde_json::from_slice(&rest::print(status, &reply, None)).expect("JSON");
        let answer = Answer::Rest { strict, status: status as u16, body };
        self.told(client, (now, now), now, request, answer)
    }

    /// The same by today's protocol.
    pub(crate) fn ask_today(&mut self, client: u64, now: u64, request: Request) -> usize {
        let reply = self.unseen(now, &request);
        let body = envelope::print(request.kind(), "c", Shape::of(&request), &reply).body;
        let answer = Answer::Envelope(serde_json::from_slice(&body).expect("JSON"));
        self.told(client, (now, now), now, request, answer)
    }

    /// The same in one instant.
    pub(crate) fn at_once(&mut self, client: u64, now: u64, request: Request) -> usize {
        self.ask(client, (now, now), now, request)
    }

    /// A client is told this, whatever the machine would say.
    pub(crate) fn told(&mut self, client: u64, call: (u64, u64), now: u64, request: Request, answer: Answer) -> usize {
        let number = self.history.operations.len();
        // Each instant has room for many moments: those of one instant follow each other as they are told.
        let order = |millis: u64, end: u64| millis * 10_000 + 2 * number as u64 + end;
        self.history.operations.push(Operation {
            client,
            request,
            invoked: Moment { order: order(call.0, 0), at: at(call.0) },
            returned: Some(Moment { order: order(call.1, 1), at: at(call.1) }),
            answer: Some(answer),
            now: Some(at(now)),
            latest: at(call.1),
            rank: now,
        });
        number
    }

    /// A client asks, and nobody knows what came of it.
    pub(crate) fn lost(&mut self, client: u64, from: u64, request: Request) -> usize {
        let number = self.told(client, (from, from), from, request, Answer::Machine(Reply::Done));
        let operation = &mut self.history.operations[number];
        (operation.returned, operation.answer, operation.now) = (None, None, None);
        operation.latest = Timestamp::MAX;
        number
    }

    pub(crate) fn answer(&self, number: usize) -> Answer {
        self.history.operations[number].answer.clone().expect("an answer")
    }

    pub(crate) fn check(&self) -> Checked {
        check(&self.history)
    }

    #[track_caller]
    pub(crate) fn passes(&self) {
        let checked = self.check();
        if let Some(contradiction) = checked.contradiction {
            panic!("{contradiction}");
        }
        assert_eq!(checked.gave_up, 0, "{checked:?}");
    }

    /// No order explains it: what is left, as client and kind, and what cannot be next.
    #[track_caller]
    pub(crate) fn fails(&self) -> (Vec<String>, Vec<String>) {
        let contradiction = self.check().contradiction.expect("a contradiction").shrunk();
        let name = |operation: &Operation| format!("{} {}", operation.client, operation.request.kind());
        let left = contradiction.history.operations.iter().map(name).collect();
        let stuck = contradiction.stuck.iter().map(|stuck| name(&contradiction.history.operations[stuck.operation]));
        let text = contradiction.to_string();
        let page = contradiction.page("what no order explains");
        for part in ["no order explains", "client"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(page.starts_with("<!doctype html>") && page.contains("class=\"bar wrong\""), "{page}");
        (left, stuck.collect())
    }
}

/// How often each kind of request came up.
pub(crate) fn count(history: &History) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for operation in &history.operations {
        *kinds.entry(operation.request.kind()).or_default() += 1;
    }
    kinds
}
