//! Requests from JSON: an object with the `kind` beside the fields. Read by hand, since what serde makes of a tag inside an object reads every kind
//! through a general tree, at the cost of much code.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Claim, CreatePromise, FencedAction, Request, SettlePromise, TaskRef};
use crate::address::Address;
use crate::id::Id;
use crate::message::MessageKey;
use crate::time::{Millis, Timestamp};

#[derive(Deserialize)]
struct Tagged<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct OfId {
    id: Id,
}

#[derive(Deserialize)]
struct Callback {
    awaited: Id,
    awaiter: Id,
}

#[derive(Deserialize)]
struct Listener {
    awaited: Id,
    address: Address,
}

#[derive(Deserialize)]
struct Creation {
    pid: Arc<str>,
    ttl: Millis,
    promise: CreatePromise,
}

#[derive(Deserialize)]
struct Acquisition {
    task: TaskRef,
    pid: Arc<str>,
    ttl: Millis,
}

#[derive(Deserialize)]
struct Fence {
    task: TaskRef,
    action: FencedAction,
}

#[derive(Deserialize)]
struct Heartbeat {
    pid: Arc<str>,
    tasks: Vec<TaskRef>,
    prefix: Option<String>,
}

#[derive(Deserialize)]
struct Suspension {
    task: TaskRef,
    awaited: Vec<Id>,
}

#[derive(Deserialize)]
struct Fulfillment {
    task: TaskRef,
    settle: SettlePromise,
}

#[derive(Deserialize)]
struct OfTask {
    task: TaskRef,
}

#[derive(Deserialize)]
struct Run {
    id: Id,
    runs_left: u32,
}

#[derive(Deserialize)]
struct Purging {
    id: Id,
    settled_before: Timestamp,
    dry_run: bool,
}

#[derive(Deserialize)]
struct Claiming {
    key: MessageKey,
    claim: Claim,
}

#[derive(Deserialize)]
struct Report {
    key: MessageKey,
    version: u64,
}

#[derive(Deserialize)]
struct Failure {
    key: MessageKey,
    version: u64,
    jitter_permille: u64,
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Box::<RawValue>::deserialize(deserializer)?;
        parse(object.get()).map_err(D::Error::custom)
    }
}

type Parsed<T> = Result<T, serde_json::Error>;

fn fields<T: DeserializeOwned>(object: &str) -> Parsed<T> {
    serde_json::from_str(object)
}

fn parse(object: &str) -> Parsed<Request> {
    let Tagged { kind } = serde_json::from_str(object)?;
    let id = || fields(object).map(|OfId { id }| id);
    Ok(match &*kind {
        "get_promise" => Request::GetPromise { id: id()? },
        "create_promise" => Request::CreatePromise(fields(object)?),
        "settle_promise" => Request::SettlePromise(fields(object)?),
        "register_callback" => {
            let Callback { awaited, awaiter } = fields(object)?;
            Request::RegisterCallback { awaited, awaiter }
        }
        "register_listener" => {
            let Listener { awaited, address } = fields(object)?;
            Request::RegisterListener { awaited, address }
        }
        "search_promises" => Request::SearchPromises(fields(object)?),
        "get_schedule" => Request::GetSchedule { id: id()? },
        "create_schedule" => Request::CreateSchedule(fields(object)?),
        "delete_schedule" => Request::DeleteSchedule { id: id()? },
        "search_schedules" => Request::SearchSchedules(fields(object)?),
        kind => parse_of_task(kind, object)?,
    })
}

fn parse_of_task(kind: &str, object: &str) -> Parsed<Request> {
    let id = || fields(object).map(|OfId { id }| id);
    Ok(match kind {
        "get_task" => Request::GetTask { id: id()? },
        "create_task" => {
            let Creation { pid, ttl, promise } = fields(object)?;
            Request::CreateTask { pid, ttl, promise }
        }
        "acquire_task" => {
            let Acquisition { task, pid, ttl } = fields(object)?;
            Request::AcquireTask { task, pid, ttl }
        }
        "fence_task" => {
            let Fence { task, action } = fields(object)?;
            Request::FenceTask { task, action }
        }
        "heartbeat_tasks" => {
            let Heartbeat { pid, tasks, prefix } = fields(object)?;
            Request::HeartbeatTasks { pid, tasks, prefix }
        }
        "suspend_task" => {
            let Suspension { task, awaited } = fields(object)?;
            Request::SuspendTask { task, awaited }
        }
        "fulfill_task" => {
            let Fulfillment { task, settle } = fields(object)?;
            Request::FulfillTask { task, settle }
        }
        "release_task" => {
            let OfTask { task } = fields(object)?;
            Request::ReleaseTask { task }
        }
        "halt_task" => Request::HaltTask { id: id()? },
        "continue_task" => Request::ContinueTask { id: id()? },
        "search_tasks" => Request::SearchTasks(fields(object)?),
        kind => parse_of_background(kind, object)?,
    })
}

fn parse_of_background(kind: &str, object: &str) -> Parsed<Request> {
    let id = || fields(object).map(|OfId { id }| id);
    let report = || fields(object).map(|Report { key, version }| (key, version));
    Ok(match kind {
        "time_out_promise" => Request::TimeOutPromise { id: id()? },
        "discharge_promise" => Request::DischargePromise { id: id()? },
        "expire_lease" => Request::ExpireLease { id: id()? },
        "dispatch_task" => Request::DispatchTask { id: id()? },
        "run_schedule" => {
            let Run { id, runs_left } = fields(object)?;
            Request::RunSchedule { id, runs_left }
        }
        "purge_promise" => {
            let Purging { id, settled_before, dry_run } = fields(object)?;
            Request::PurgePromise { id, settled_before, dry_run }
        }
        "claim_message" => {
            let Claiming { key, claim } = fields(object)?;
            Request::ClaimMessage { key, claim }
        }
        "message_delivered" => report().map(|(key, version)| Request::MessageDelivered { key, version })?,
        "message_failed" => {
            let Failure { key, version, jitter_permille } = fields(object)?;
            Request::MessageFailed { key, version, jitter_permille }
        }
        "message_unclaimed" => report().map(|(key, version)| Request::MessageUnclaimed { key, version })?,
        kind => return Err(serde_json::Error::custom(format_args!("there is no kind of request '{kind}'"))),
    })
}
