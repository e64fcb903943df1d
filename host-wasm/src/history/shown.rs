//! How steps and states look as JSON.

use std::collections::{BTreeMap, BTreeSet};

use resonate_core::effect::Effect;
use resonate_core::id::Id;
use resonate_core::message::{Delivery, MessageKey};
use resonate_core::promise::PromiseState;
use resonate_core::recording::Header;
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{History, Step, What};
use crate::fault::{Fault, instant};
use crate::rows::Row;

/// A step at a glance.
#[derive(Serialize)]
struct GlanceOut<'a> {
    kind: &'static str,
    now: Timestamp,
    /// Who caused it: `client`, `worker` or `server`.
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    req: Option<&'a Request>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sent: Vec<SentOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<&'a str>,
}

/// A message that left.
#[derive(Serialize)]
struct SentOut<'a> {
    key: &'a MessageKey,
    version: u64,
    address: &'a str,
}

/// A step, and all that came of it.
#[derive(Serialize)]
struct StepOut<'a> {
    #[serde(flatten)]
    glance: GlanceOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    res: Option<&'a Reply>,
    /// What was recorded instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<&'a serde_json::Value>,
    /// Whether all rows were replaced: what changed is not listed then.
    replaced: bool,
    writes: Vec<ChangeOut>,
    effects: &'a [Effect],
}

/// A row before and after a step; null where it was not there.
#[derive(Serialize)]
struct ChangeOut {
    table: &'static str,
    key: String,
    before: Box<RawValue>,
    after: Box<RawValue>,
}

/// A state as it is at an instant.
#[derive(Serialize)]
struct StateOut<'a> {
    now: Timestamp,
    /// As it is stored.
    #[serde(flatten)]
    snapshot: &'a Snapshot,
    /// The states of promises whose deadline has passed and is not written down yet.
    projected: BTreeMap<&'a Id, PromiseState>,
}

/// What a history began with.
#[derive(Serialize)]
struct StartOut<'a> {
    server: &'a str,
    now: Timestamp,
    redacted: bool,
    rules: &'a Rules,
}

/// What an answer says, in a word, and why it refuses.
pub(super) fn outcome(reply: &Reply) -> (&'static str, Option<String>) {
    let word = match reply {
        Reply::Promise(_) => "promise",
        Reply::Created { fresh: true, .. } => "created",
        Reply::Created { fresh: false, .. } => "existed",
        Reply::Settled { fresh: true, .. } => "settled",
        Reply::Settled { fresh: false, .. } => "unchanged",
        Reply::Promises { .. } => "promises",
        Reply::Task(_) => "task",
        Reply::Acquired { .. } => "acquired",
        Reply::Fenced(inner) => return outcome(inner),
        Reply::Suspended => "suspended",
        Reply::Redirected { .. } => "redirected",
        Reply::Fulfilled(_) => "fulfilled",
        Reply::Tasks { .. } => "tasks",
        Reply::Schedule(_) => "schedule",
        Reply::Schedules { .. } => "schedules",
        Reply::Done => "done",
        Reply::Expired => "expired",
        Reply::Idle => "idle",
        Reply::Refused(refusal) => return ("refused", Some(refusal.to_string())),
    };
    (word, None)
}

impl Step {
    fn glance(&self) -> GlanceOut<'_> {
        let (kind, by, req) = match &self.what {
            What::Did(request) if request.is_background() => (request.kind(), "server", Some(&**request)),
            What::Did(request) => {
                let by = if self.worker.is_some() { "worker" } else { "client" };
                (request.kind(), by, Some(&**request))
            }
            What::Emptied => ("debug.reset", "client", None),
            What::Began(_) => ("recording", "server", None),
        };
        GlanceOut {
            kind,
            now: self.now,
            by,
            worker: self.worker.as_deref(),
            req,
            outcome: self.outcome,
            refusal: self.refusal.as_deref(),
            sent: self.sent.iter().map(sent).collect(),
            difference: self.recorded.as_ref().map(|recorded| recorded.difference.as_str()),
        }
    }
}

fn sent(delivery: &Delivery) -> SentOut<'_> {
    SentOut { key: &delivery.key, version: delivery.version, address: delivery.address.as_str() }
}

impl History {
    /// What the history began with.
    pub(crate) fn start(&self) -> Vec<u8> {
        let Header { server, now, redacted, rules, .. } = &self.header;
        to_json(&StartOut { server, now: *now, redacted: *redacted, rules })
    }

    /// The steps from the first to before the last one, at a glance.
    pub(crate) fn glances(&self, first: usize, end: usize) -> Vec<u8> {
        let steps = self.steps.get(first..end.min(self.steps.len())).unwrap_or_default();
        to_json(&steps.iter().map(Step::glance).collect::<Vec<_>>())
    }

    /// A step, with its answer and with what it changed.
    pub(crate) fn step(&mut self, number: usize) -> Result<Vec<u8>, Fault> {
        if number >= self.steps.len() {
            let why = format_args!("must be below {}, the number of steps, not {number}", self.steps.len());
            return Err(Fault::bad("step", why));
        }
        let mut world = self.world_at(number)?.clone();
        let step = &self.steps[number];
        let before = world.clone();
        let decision = world.apply(step.now, &step.what);
        let writes = decision.as_ref().map(|decision| decision.writes.as_slice()).unwrap_or_default();
        let mut rows = BTreeSet::new();
        rows.extend(writes.iter().map(Row::of));
        let change = |row: &Row| ChangeOut {
            table: row.table(),
            key: row.key(),
            before: raw(&row.in_store(before.store())),
            after: raw(&row.in_store(world.store())),
        };
        Ok(to_json(&StepOut {
            glance: step.glance(),
            res: decision.as_ref().map(|decision| &decision.reply),
            recorded: step.recorded.as_ref().map(|recorded| &recorded.entry.reply),
            replaced: decision.is_none(),
            // A write may find what it makes: a message to remove that is not there.
            writes: rows.iter().map(change).filter(|change| change.before.get() != change.after.get()).collect(),
            effects: decision.as_ref().map(|decision| decision.effects.as_slice()).unwrap_or_default(),
        }))
    }

    /// The state after the first `length` steps, as it is at an instant.
    pub(crate) fn state(&mut self, length: usize, now: u64) -> Result<Vec<u8>, Fault> {
        let now = instant(now)?;
        let snapshot = self.world_at(length)?.store().snapshot();
        let mut projected = BTreeMap::new();
        for promise in snapshot.promises.values().filter(|promise| promise.is_overdue(now)) {
            projected.insert(&promise.id, promise.state_as_of(now));
        }
        Ok(to_json(&StateOut { now, snapshot: &snapshot, projected }))
    }
}

fn raw<T: Serialize>(row: &T) -> Box<RawValue> {
    to_raw_value(row).expect("rows are JSON")
}

fn to_json<T: Serialize>(json: &T) -> Vec<u8> {
    serde_json::to_vec(json).expect("what is printed is plain JSON")
}
