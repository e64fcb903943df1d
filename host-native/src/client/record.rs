//! The records as they travel (protocol, §2), read from answers.

use resonate_core::promise::{PromiseState, Tags, tag};
use resonate_core::task::TaskState;
use resonate_core::time::{Millis, Timestamp};
use resonate_core::value::Value;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{Answer, Error, payload};

/// A promise.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Promise {
    /// Its address.
    pub id: String,
    /// As of the instant of the answer.
    pub state: PromiseState,
    /// What it was created with.
    #[serde(default)]
    pub param: Value,
    /// What it was settled with.
    #[serde(default)]
    pub value: Value,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
    /// Its deadline.
    pub timeout_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was settled.
    pub settled_at: Option<Timestamp>,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// The id of its promise.
    pub id: String,
    /// As of the instant of the answer.
    pub state: TaskState,
    /// How often it was acquired.
    pub version: u64,
    /// How many awaited promises settled since it last ran.
    #[serde(default)]
    pub resumes: u64,
    /// The length of its lease.
    pub ttl: Option<Millis>,
    /// The worker that holds it.
    pub pid: Option<String>,
}

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Its name.
    pub id: String,
    /// When it fires.
    pub cron: String,
    /// The template of the ids of its promises.
    pub promise_id: String,
    /// How long its promises live.
    pub promise_timeout: Millis,
    /// What its promises are created with.
    #[serde(default)]
    pub promise_param: Value,
    /// The tags of its promises.
    #[serde(default)]
    pub promise_tags: Tags,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it fires next.
    pub next_run_at: Timestamp,
    /// When it fired last.
    pub last_run_at: Option<Timestamp>,
}

/// What a promise stands for, as its tags and its param tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A function that any worker may run.
    Rpc(String),
    /// A step of the function that created it; not every SDK names it.
    Run(String),
    /// A timer.
    Sleep,
    /// Anything else, which somebody settles from outside.
    Plain,
}

impl Promise {
    /// What it stands for.
    #[must_use]
    pub fn role(&self) -> Role {
        let is = |name: &str, text: &str| self.tags.get(name).is_some_and(|found| found == text);
        if is(tag::TIMER, "true") {
            return Role::Sleep;
        }
        let local = is(tag::SCOPE, "local");
        match (payload::Call::of(&self.param), local) {
            (Some(call), false) => Role::Rpc(call.func),
            (Some(call), true) => Role::Run(call.func),
            (None, true) => Role::Run(String::new()),
            (None, false) => Role::Plain,
        }
    }
}

impl Answer {
    /// Reads the record under a name of the answer to `kind`.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it is missing or of another shape.
    pub fn record<T: DeserializeOwned>(&self, kind: &str, name: &str) -> Result<T, Error> {
        let found = self.data.get(name).unwrap_or(&Json::Null);
        T::deserialize(found).map_err(|why| Error::Unreadable { kind: kind.to_owned(), why: format!("{name}: {why}") })
    }

    /// Where the next page starts, if there is one.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.data.get("cursor")?.as_str()
    }
}
