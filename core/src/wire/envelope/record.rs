//! How records look in today's protocol (spec §2). Optional fields are left out when absent. The idempotency keys of the 2023 API and what only
//! the machine needs are not shown.

use serde::Serialize;

use crate::promise::{Promise, Tags};
use crate::schedule::Schedule;
use crate::task::Task;
use crate::time::{Millis, Timestamp};
use crate::value::Value;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromiseOut<'a> {
    id: &'a str,
    state: &'static str,
    param: &'a Value,
    value: &'a Value,
    tags: &'a Tags,
    timeout_at: Timestamp,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Timestamp>,
}

impl<'a> PromiseOut<'a> {
    pub(super) fn of(promise: &'a Promise) -> Self {
        Self {
            id: &promise.id,
            state: promise.state.name(),
            param: &promise.param,
            value: &promise.value,
            tags: &promise.tags,
            timeout_at: promise.timeout_at,
            created_at: promise.created_at,
            settled_at: promise.settled_at,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct TaskOut<'a> {
    id: &'a str,
    state: &'static str,
    version: u64,
    resumes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<&'a str>,
}

impl<'a> TaskOut<'a> {
    pub(super) fn of(task: &'a Task) -> Self {
        Self {
            id: &task.id,
            state: task.state.name(),
            version: task.version,
            resumes: task.resumes.len(),
            ttl: task.lease.as_ref().map(|lease| lease.ttl),
            pid: task.lease.as_ref().map(|lease| &*lease.pid),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleOut<'a> {
    id: &'a str,
    cron: &'a str,
    promise_id: &'a str,
    promise_timeout: Millis,
    promise_param: &'a Value,
    promise_tags: &'a Tags,
    created_at: Timestamp,
    next_run_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run_at: Option<Timestamp>,
}

impl<'a> ScheduleOut<'a> {
    pub(super) fn of(schedule: &'a Schedule) -> Self {
        Self {
            id: &schedule.id,
            cron: &schedule.cron,
            promise_id: &schedule.promise_id,
            promise_timeout: schedule.promise_timeout,
            promise_param: &schedule.promise_param,
            promise_tags: &schedule.promise_tags,
            created_at: schedule.created_at,
            next_run_at: schedule.next_run_at,
            last_run_at: schedule.last_run_at,
        }
    }
}
