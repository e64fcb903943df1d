//! Hiding what clients store: equal texts become equal tokens, so that a recording replays as before and says nothing of its values.
//!
//! Hidden are the data and the header texts of values, idempotency keys, and the texts of tags whose names do not begin with `resonate:`, in
//! requests, answers and snapshots alike. What the machine reads stays: ids and id patterns, workers, addresses, names of headers and tags, tags
//! that begin with `resonate:`, cron expressions, instants, versions and states. Whoever writes secrets there has them in a redacted recording.

use std::fmt;
use std::sync::Arc;

use super::Header;
use crate::promise::{Promise, Tags};
use crate::reply::Reply;
use crate::request::{CreatePromise, CreateSchedule, FencedAction, Request, SettlePromise};
use crate::schedule::Schedule;
use crate::search::{SearchPromises, SearchSchedules};
use crate::snapshot::Snapshot;
use crate::value::Value;

/// Shortest token, in bytes. A longer text becomes a token of its own length, so that bounds in bytes behave alike; an empty one stays empty.
pub const REDACTED_BYTES_MIN: usize = 16;

/// What fills a token up to the length of its text.
const FILLING: &str = ".";

/// Replaces texts by tokens that begin with the first [`REDACTED_BYTES_MIN`] characters of what `hash` makes of them. `hash` must answer equal
/// texts alike and different texts differently, and should be keyed: short texts are guessed otherwise.
pub struct Redaction<'a> {
    hash: &'a mut dyn FnMut(&str) -> String,
}

impl fmt::Debug for Redaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction").finish_non_exhaustive()
    }
}

impl<'a> Redaction<'a> {
    /// Redacts with this hash.
    pub fn new(hash: &'a mut dyn FnMut(&str) -> String) -> Self {
        Self { hash }
    }

    /// The token of a text.
    pub fn token(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let mut token: String = (self.hash)(text).chars().take(REDACTED_BYTES_MIN).collect();
        let missing = text.len().max(REDACTED_BYTES_MIN).saturating_sub(token.len());
        token.push_str(&FILLING.repeat(missing));
        token
    }

    /// A header with its snapshot redacted, and saying so.
    pub fn header(&mut self, header: &Header) -> Header {
        let Snapshot { promises, tasks, schedules, callbacks, listeners, messages } = &header.snapshot;
        let snapshot = Snapshot {
            promises: promises.iter().map(|(id, promise)| (id.clone(), self.promise(promise))).collect(),
            tasks: tasks.clone(),
            schedules: schedules.iter().map(|(id, schedule)| (id.clone(), self.schedule(schedule))).collect(),
            callbacks: callbacks.clone(),
            listeners: listeners.clone(),
            messages: messages.clone(),
        };
        Header { server: header.server.clone(), rules: header.rules.clone(), redacted: true, snapshot, ..*header }
    }

    /// A request, redacted.
    pub fn request(&mut self, request: &Request) -> Request {
        match request {
            Request::CreatePromise(create) => Request::CreatePromise(self.creation(create)),
            Request::SettlePromise(settle) => Request::SettlePromise(self.settlement(settle)),
            Request::SearchPromises(search) => {
                Request::SearchPromises(SearchPromises { tags: self.tags(&search.tags), ..search.clone() })
            }
            Request::CreateTask { pid, ttl, promise } => {
                Request::CreateTask { pid: Arc::clone(pid), ttl: *ttl, promise: self.creation(promise) }
            }
            Request::FenceTask { task, action } => {
                let action = match action {
                    FencedAction::Create(create) => FencedAction::Create(self.creation(create)),
                    FencedAction::Settle(settle) => FencedAction::Settle(self.settlement(settle)),
                };
                Request::FenceTask { task: task.clone(), action }
            }
            Request::FulfillTask { task, settle } => {
                Request::FulfillTask { task: task.clone(), settle: self.settlement(settle) }
            }
            Request::CreateSchedule(create) => Request::CreateSchedule(CreateSchedule {
                promise_param: self.value(&create.promise_param),
                promise_tags: self.tags(&create.promise_tags),
                ..create.clone()
            }),
            Request::SearchSchedules(search) => {
                Request::SearchSchedules(SearchSchedules { tags: self.tags(&search.tags), ..search.clone() })
            }
            Request::GetPromise { .. }
            | Request::RegisterCallback { .. }
            | Request::RegisterListener { .. }
            | Request::GetTask { .. }
            | Request::AcquireTask { .. }
            | Request::HeartbeatTasks { .. }
            | Request::SuspendTask { .. }
            | Request::ReleaseTask { .. }
            | Request::HaltTask { .. }
            | Request::ContinueTask { .. }
            | Request::SearchTasks(_)
            | Request::GetSchedule { .. }
            | Request::DeleteSchedule { .. }
            | Request::TimeOutPromise { .. }
            | Request::DischargePromise { .. }
            | Request::ExpireLease { .. }
            | Request::DispatchTask { .. }
            | Request::RunSchedule { .. }
            | Request::PurgePromise { .. }
            | Request::ClaimMessage { .. }
            | Request::MessageDelivered { .. }
            | Request::MessageFailed { .. }
            | Request::MessageUnclaimed { .. } => request.clone(),
        }
    }

    /// An answer, redacted.
    pub fn reply(&mut self, reply: &Reply) -> Reply {
        match reply {
            Reply::Promise(promise) => Reply::Promise(self.promise(promise)),
            Reply::Created { promise, fresh } => Reply::Created { promise: self.promise(promise), fresh: *fresh },
            Reply::Settled { promise, fresh } => Reply::Settled { promise: self.promise(promise), fresh: *fresh },
            Reply::Promises { promises, more } => Reply::Promises { promises: self.promises(promises), more: *more },
            Reply::Acquired { task, promise, preload } => Reply::Acquired {
                task: Arc::clone(task),
                promise: self.promise(promise),
                preload: self.promises(preload),
            },
            Reply::Fenced(inner) => Reply::Fenced(Box::new(self.reply(inner))),
            Reply::Redirected { preload } => Reply::Redirected { preload: self.promises(preload) },
            Reply::Fulfilled(promise) => Reply::Fulfilled(self.promise(promise)),
            Reply::Schedule(schedule) => Reply::Schedule(self.schedule(schedule)),
            Reply::Schedules { schedules, more } => {
                let schedules = schedules.iter().map(|schedule| self.schedule(schedule)).collect();
                Reply::Schedules { schedules, more: *more }
            }
            // What a refusal says is made of names and of what stays.
            Reply::Task(_)
            | Reply::Suspended
            | Reply::Tasks { .. }
            | Reply::Done
            | Reply::Expired
            | Reply::Idle
            | Reply::Refused(_) => reply.clone(),
        }
    }

    fn promises(&mut self, promises: &[Arc<Promise>]) -> Vec<Arc<Promise>> {
        promises.iter().map(|promise| self.promise(promise)).collect()
    }

    fn promise(&mut self, promise: &Promise) -> Arc<Promise> {
        Arc::new(Promise {
            param: self.value(&promise.param),
            value: self.value(&promise.value),
            tags: self.tags(&promise.tags),
            create_key: self.key(promise.create_key.as_ref()),
            complete_key: self.key(promise.complete_key.as_ref()),
            ..promise.clone()
        })
    }

    fn schedule(&mut self, schedule: &Schedule) -> Arc<Schedule> {
        Arc::new(Schedule {
            promise_param: self.value(&schedule.promise_param),
            promise_tags: self.tags(&schedule.promise_tags),
            ..schedule.clone()
        })
    }

    fn creation(&mut self, create: &CreatePromise) -> CreatePromise {
        CreatePromise {
            param: self.value(&create.param),
            tags: self.tags(&create.tags),
            key: self.key(create.key.as_ref()),
            ..create.clone()
        }
    }

    fn settlement(&mut self, settle: &SettlePromise) -> SettlePromise {
        SettlePromise { value: self.value(&settle.value), key: self.key(settle.key.as_ref()), ..settle.clone() }
    }

    fn value(&mut self, value: &Value) -> Value {
        let headers = value.headers.as_ref();
        Value {
            headers: headers.map(|texts| texts.iter().map(|(name, text)| (name.clone(), self.token(text))).collect()),
            data: value.data.as_ref().map(|data| self.token(data)),
        }
    }

    fn tags(&mut self, tags: &Tags) -> Tags {
        let shown = |name: &str| name.starts_with("resonate:");
        tags.iter()
            .map(|(name, text)| (name.clone(), if shown(name) { text.clone() } else { self.token(text) }))
            .collect()
    }

    fn key(&mut self, key: Option<&String>) -> Option<String> {
        key.map(|key| self.token(key))
    }
}
