//! What clients ask for, as far as it shows in a store, and what answers say about it.

use std::collections::BTreeMap;

use resonate::client::record;
use resonate_core::id::Id;
use resonate_core::promise::{Promise, PromiseState, Tags};
use resonate_core::schedule::Schedule;
use resonate_core::time::Timestamp;
use resonate_core::value::Value;
use resonate_process::wire::Answer;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// A promise that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its id.
    pub id: String,
    /// What it is created with.
    pub param: Value,
    /// Its tags.
    pub tags: Tags,
    /// Its deadline, in milliseconds.
    pub timeout_at: u64,
    /// The idempotency key of its creation.
    pub key: Option<String>,
}

/// A worker's hold on a task, from its version on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The version that the acquisition leads to.
    pub version: u64,
    /// The worker.
    pub pid: String,
    /// No lease ends before this instant, in milliseconds.
    pub until: u64,
}

/// A settlement that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The promise.
    pub id: String,
    /// The verdict.
    pub state: PromiseState,
    /// The value.
    pub value: Value,
    /// The idempotency key of the settlement.
    pub key: Option<String>,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A promise, and its task where it has a target; held at once where somebody is named.
    Create(Asked, Option<Hold>),
    /// A settlement.
    Settle(Settlement),
    /// How a promise looks.
    Read(String),
    /// To be told when a promise is settled.
    Listen {
        /// The promise.
        id: String,
        /// Where to tell.
        address: String,
    },
    /// A task.
    Acquire(String, Hold),
    /// To be woken by any of some promises.
    Suspend {
        /// The task.
        id: String,
        /// Its version.
        version: u64,
        /// The promises.
        awaited: Vec<String>,
    },
    /// To give a task back.
    Release {
        /// The task.
        id: String,
        /// Its version.
        version: u64,
    },
    /// That nobody runs a task for now.
    Halt(String),
    /// That it goes on.
    Continue(String),
    /// The settlement of a task's own promise.
    Fulfill(Settlement, u64),
    /// A longer lease, which does not show.
    Heartbeat,
    /// A schedule.
    Schedule(String),
    /// The end of a schedule.
    Unschedule(String),
}

/// What an answer says.
#[derive(Clone, Debug)]
pub enum Said {
    /// It is done, and this is how the promise looks, where the answer shows one.
    Done(Option<Box<Promise>>),
    /// It is done, and this is how the schedule looks.
    Scheduled(Box<Schedule>),
    /// It is not done, and has not changed anything.
    Refused(u16),
    /// Nobody knows whether it is done.
    Unknown,
    /// The answer is none that this request may get.
    Absurd(String),
}

impl Said {
    /// What an answer says to a request.
    #[must_use]
    pub fn of(op: &Op, answer: &Answer) -> Self {
        let absurd = |why: &str| Self::Absurd(format!("{op:?}: {why}: {} {}", answer.status, answer.text()));
        let parsed = match (answer.status, op) {
            (200, Op::Schedule(_)) => {
                of_call(answer, "schedule").map(|found: record::Schedule| Self::scheduled(&found))
            }
            (200, Op::Acquire(_, hold)) if answer.json()["data"]["task"]["version"] != hold.version => {
                Err("another version".to_owned())
            }
            (
                200 | 201,
                Op::Create(..) | Op::Settle(_) | Op::Read(_) | Op::Listen { .. } | Op::Acquire(..) | Op::Fulfill(..),
            ) => promise_of(answer).map(|promise| Self::Done(Some(Box::new(promise)))),
            (
                200,
                Op::Suspend { .. }
                | Op::Release { .. }
                | Op::Halt(_)
                | Op::Continue(_)
                | Op::Heartbeat
                | Op::Unschedule(_),
            ) => Ok(Self::Done(None)),
            // Something awaited is settled already: the task goes on.
            (300, Op::Suspend { .. }) => Ok(Self::Refused(300)),
            (403 | 404 | 409 | 422, _) => Ok(Self::Refused(answer.status)),
            (503, _) => Ok(Self::Unknown),
            (_, _) => Err("no answer to this".to_owned()),
        };
        parsed.unwrap_or_else(|why| absurd(&why))
    }

    fn scheduled(found: &record::Schedule) -> Self {
        let record::Schedule {
            id,
            cron,
            promise_id,
            promise_timeout,
            promise_param,
            promise_tags,
            created_at,
            next_run_at,
            last_run_at,
        } = found.clone();
        let Ok(id) = Id::parse(&id) else { return Self::Absurd(format!("{id:?} is no id")) };
        Self::Scheduled(Box::new(Schedule {
            id,
            cron,
            promise_id,
            promise_timeout,
            promise_param,
            promise_tags,
            created_at,
            next_run_at,
            last_run_at,
        }))
    }
}

fn of_call<T: DeserializeOwned>(answer: &Answer, name: &str) -> Result<T, String> {
    serde_json::from_value(answer.json()["data"][name].clone()).map_err(|why| why.to_string())
}

/// The promise that an answer of either API shows, or the answer to the action of a fence.
///
/// # Errors
/// What does not fit.
pub fn promise_of(answer: &Answer) -> Result<Promise, String> {
    let json = answer.json();
    if json["data"].is_null() {
        return serde_json::from_value::<Old>(json).map_err(|why| why.to_string())?.promise();
    }
    let action = &json["data"]["action"];
    promise_of_call(if action.is_null() { &json["data"]["promise"] } else { &action["data"]["promise"] })
}

/// A promise in the words of today's protocol.
///
/// # Errors
/// What does not fit.
pub fn promise_of_call(json: &Json) -> Result<Promise, String> {
    let found: record::Promise = serde_json::from_value(json.clone()).map_err(|why| format!("{why} in {json}"))?;
    let record::Promise { id, state, param, value, tags, timeout_at, created_at, settled_at } = found;
    Ok(Promise {
        id: Id::parse(&id).map_err(|why| why.to_string())?,
        state,
        param,
        value,
        tags,
        timeout_at,
        created_at,
        settled_at,
        create_key: None,
        complete_key: None,
        has_waiters: false,
    })
}

/// A promise in the words of the API of 2023.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Old {
    id: String,
    state: String,
    param: Value,
    value: Value,
    timeout: Timestamp,
    idempotency_key_for_create: Option<String>,
    idempotency_key_for_complete: Option<String>,
    created_on: Timestamp,
    completed_on: Option<Timestamp>,
    tags: BTreeMap<String, String>,
}

impl Old {
    fn promise(self) -> Result<Promise, String> {
        let state = PromiseState::ALL.into_iter().find(|state| state.name() == self.state.to_lowercase());
        Ok(Promise {
            id: Id::parse(&self.id).map_err(|why| why.to_string())?,
            state: state.ok_or_else(|| format!("{} is no state", self.state))?,
            param: self.param,
            value: self.value,
            tags: self.tags,
            timeout_at: self.timeout,
            created_at: self.created_on,
            settled_at: self.completed_on,
            create_key: self.idempotency_key_for_create,
            complete_key: self.idempotency_key_for_complete,
            has_waiters: false,
        })
    }
}
