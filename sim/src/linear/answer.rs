//! Answers as they were seen, and what the machine's reply would have looked like in the same spelling. Owns what of an answer is compared.

use resonate_core::promise::Promise;
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::task::{Lease, Task};
use resonate_core::time::Timestamp;
use resonate_core::wire::envelope::{self, Shape};
use resonate_core::wire::rest::{self, Status, Terms};
use serde_json::Value as Json;
use std::sync::Arc;

/// An answer as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The machine's reply, of the simulation.
    Machine(Reply),
    /// The envelope of today's protocol.
    Envelope(Json),
    /// The answer of the API of 2023.
    Rest {
        /// The header of the request.
        strict: bool,
        /// The status.
        status: u16,
        /// The body.
        body: Json,
    },
}

impl Answer {
    /// This answer without what is not compared.
    #[must_use]
    pub(super) fn compared(&self) -> Self {
        match self {
            Self::Machine(reply) => Self::Machine(bare(reply)),
            Self::Envelope(envelope) => Self::Envelope(without_preload(envelope.clone())),
            Self::Rest { .. } => self.clone(),
        }
    }

    /// What a reply would have looked like in the place of this answer, without what is not compared.
    pub(super) fn instead(&self, request: &Request, reply: &Reply) -> Self {
        match self {
            Self::Machine(_) => Self::Machine(bare(reply)),
            Self::Envelope(seen) => {
                let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
                let (kind, corr_id) = (text(&seen["kind"]), text(&seen["head"]["corrId"]));
                let printed = envelope::print(&kind, &corr_id, Shape::of(request), reply);
                Self::Envelope(without_preload(json(&printed.body)))
            }
            Self::Rest { strict, status: _, body: _ } => {
                let status = Terms::of(request, *strict).status(reply);
                Self::Rest { strict: *strict, status: status as u16, body: json(&rest::print(status, reply, None)) }
            }
        }
    }

    /// Whether it says that its request has changed nothing.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Machine(Reply::Refused(_)) => true,
            Self::Machine(Reply::Created { promise: _, fresh } | Reply::Settled { promise: _, fresh }) => !fresh,
            Self::Machine(_) => false,
            Self::Envelope(envelope) => envelope["head"]["status"].as_u64().is_some_and(|status| status >= 400),
            Self::Rest { status, .. } => *status != Status::Created as u16,
        }
    }

    /// The answer as a text on one line: its status, where it has one, and its data.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Machine(reply) => serde_json::to_string(&bare(reply)).unwrap_or_default(),
            Self::Envelope(envelope) => format!("{} {}", envelope["head"]["status"], envelope["data"]),
            Self::Rest { strict: _, status, body } => format!("{status} {body}"),
        }
    }

    /// Every instant that it shows, of whatever it shows.
    pub(super) fn instants(&self) -> Vec<Timestamp> {
        let mut found = Vec::new();
        match self {
            Self::Machine(reply) => collect(&serde_json::to_value(reply).unwrap_or_default(), &mut found),
            Self::Envelope(body) | Self::Rest { body, .. } => collect(body, &mut found),
        }
        found
    }
}

fn json(bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn without_preload(mut envelope: Json) -> Json {
    if let Some(data) = envelope.get_mut("data").and_then(Json::as_object_mut) {
        data.remove("preload");
    }
    envelope
}

/// Fields that show when something happened, in all spellings.
const INSTANTS: [&str; 6] = ["created_at", "settled_at", "createdAt", "settledAt", "createdOn", "completedOn"];

fn collect(json: &Json, found: &mut Vec<Timestamp>) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                match value.as_u64().filter(|_| INSTANTS.contains(&name.as_str())) {
                    Some(at) => found.push(Timestamp::saturating(at)),
                    None => collect(value, found),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// A reply without what its client does not see, and without preloads.
fn bare(reply: &Reply) -> Reply {
    match reply {
        Reply::Promise(promise) => Reply::Promise(plain(promise)),
        Reply::Created { promise, fresh } => Reply::Created { promise: plain(promise), fresh: *fresh },
        Reply::Settled { promise, fresh } => Reply::Settled { promise: plain(promise), fresh: *fresh },
        Reply::Fulfilled(promise) => Reply::Fulfilled(plain(promise)),
        Reply::Task(task) => Reply::Task(seen(task)),
        Reply::Acquired { task, promise, preload: _ } => {
            Reply::Acquired { task: seen(task), promise: plain(promise), preload: Vec::new() }
        }
        Reply::Redirected { preload: _ } => Reply::Redirected { preload: Vec::new() },
        Reply::Fenced(inner) => Reply::Fenced(Box::new(bare(inner))),
        Reply::Promises { .. }
        | Reply::Tasks { .. }
        | Reply::Schedules { .. }
        | Reply::Schedule(_)
        | Reply::Suspended
        | Reply::Done
        | Reply::Expired
        | Reply::Idle
        | Reply::Refused(_) => reply.clone(),
    }
}

/// Whether somebody waits for it is the machine's to know.
fn plain(promise: &Arc<Promise>) -> Arc<Promise> {
    if promise.has_waiters {
        Arc::new(Promise { has_waiters: false, ..Promise::clone(promise) })
    } else {
        promise.clone()
    }
}

/// Nobody sees when a lease ends, nor what the retry clock goes by.
fn seen(task: &Task) -> Arc<Task> {
    let lease = task.lease.as_ref().map(|lease| Lease { expires_at: Timestamp::ZERO, ..lease.clone() });
    Arc::new(Task { lease, retry_at: None, executes: 0, execute_at: None, ..task.clone() })
}
