//! Everything that can happen to the machine: requests of clients, work of the background, reports of the host. Both protocols are
//! spellings of these; what differs between the spellings is not here.

mod json;
mod kind;

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::address::Address;
use crate::id::Id;
use crate::message::MessageKey;
use crate::promise::Tags;
use crate::search::{SearchPromises, SearchSchedules, SearchTasks};
use crate::time::{Millis, Timestamp};
use crate::value::Value;

/// One thing that happens to the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Request {
    /// `promise.get`
    GetPromise {
        /// The promise.
        id: Id,
    },
    /// `promise.create`
    CreatePromise(CreatePromise),
    /// `promise.settle`
    SettlePromise(SettlePromise),
    /// `promise.register_callback`
    RegisterCallback {
        /// The promise that is waited for.
        awaited: Id,
        /// The task that waits.
        awaiter: Id,
    },
    /// `promise.register_listener`
    RegisterListener {
        /// The promise that is waited for.
        awaited: Id,
        /// Who is told.
        address: Address,
    },
    /// `promise.search`, and the search of 2023
    SearchPromises(SearchPromises),
    /// `task.get`
    GetTask {
        /// The task.
        id: Id,
    },
    /// `task.create`
    CreateTask {
        /// The worker.
        pid: Arc<str>,
        /// How long its lease lasts.
        ttl: Millis,
        /// The promise that is born with the task.
        promise: CreatePromise,
    },
    /// `task.acquire`
    AcquireTask {
        /// The task, at the version that the worker was told.
        task: TaskRef,
        /// The worker.
        pid: Arc<str>,
        /// How long its lease lasts.
        ttl: Millis,
    },
    /// `task.fence`
    FenceTask {
        /// The task, at the version that the worker holds.
        task: TaskRef,
        /// What runs only if it does.
        action: FencedAction,
    },
    /// `task.heartbeat`; no tasks means every task that the worker holds
    HeartbeatTasks {
        /// The worker.
        pid: Arc<str>,
        /// The tasks whose leases are extended.
        tasks: Vec<TaskRef>,
        /// Only tasks with this prefix, when no tasks are named.
        prefix: Option<String>,
    },
    /// `task.suspend`
    SuspendTask {
        /// The task, at the version that the worker holds.
        task: TaskRef,
        /// The promises that it waits for.
        awaited: Vec<Id>,
    },
    /// `task.fulfill`
    FulfillTask {
        /// The task, at the version that the worker holds.
        task: TaskRef,
        /// The settlement of its promise.
        settle: SettlePromise,
    },
    /// `task.release`
    ReleaseTask {
        /// The task, at the version that the worker holds.
        task: TaskRef,
    },
    /// `task.halt`
    HaltTask {
        /// The task.
        id: Id,
    },
    /// `task.continue`
    ContinueTask {
        /// The task.
        id: Id,
    },
    /// `task.search`
    SearchTasks(SearchTasks),
    /// `schedule.get`
    GetSchedule {
        /// The schedule.
        id: Id,
    },
    /// `schedule.create`
    CreateSchedule(CreateSchedule),
    /// `schedule.delete`
    DeleteSchedule {
        /// The schedule.
        id: Id,
    },
    /// `schedule.search`
    SearchSchedules(SearchSchedules),
    /// Background: settle a promise past its deadline.
    TimeOutPromise {
        /// The promise.
        id: Id,
    },
    /// Background: discharge waiters of a settled promise.
    DischargePromise {
        /// The promise.
        id: Id,
    },
    /// Background: take a task from a worker whose lease has ended.
    ExpireLease {
        /// The task.
        id: Id,
    },
    /// Background: send the `execute` of a pending task that is due.
    DispatchTask {
        /// The task.
        id: Id,
    },
    /// Background: fire one due occurrence of a schedule.
    RunSchedule {
        /// The schedule.
        id: Id,
        /// Occurrences that may be fired in this batch, this one included; at least 1.
        runs_left: u32,
    },
    /// Background, and what `promise.purge` is made of: remove a promise, its task and its obligations, when nothing needs it any more.
    PurgePromise {
        /// The promise.
        id: Id,
        /// Only if it was settled before this instant.
        settled_before: Timestamp,
        /// Say only whether it would be removed, as far as one can tell without removing others.
        dry_run: bool,
    },
    /// Background: take a message for delivery.
    ClaimMessage {
        /// The message.
        key: MessageKey,
        /// Why it may be taken.
        claim: Claim,
    },
    /// Report: a message reached its worker or listener.
    MessageDelivered {
        /// The message.
        key: MessageKey,
        /// The version that was delivered; 0 for an `unblock`.
        version: u64,
    },
    /// Report: a delivery failed and may be tried again.
    MessageFailed {
        /// The message.
        key: MessageKey,
        /// The version that was tried; 0 for an `unblock`.
        version: u64,
        /// By how many thousandths of the delay it is tried again sooner, so that what failed together does not come again together. The host
        /// draws it, [`crate::limits::MESSAGE_JITTER_PERMILLE_MAX`] at most.
        jitter_permille: u64,
    },
    /// Report: no connection can take a message now.
    MessageUnclaimed {
        /// The message.
        key: MessageKey,
        /// The version that was tried; 0 for an `unblock`.
        version: u64,
    },
}

/// Why a message may be taken for delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// It is due.
    Due,
    /// It is parked, and there is a connection now.
    Connected,
    /// Whoever had claimed it is gone: its claim ends early.
    Orphaned,
}

/// A task at a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRef {
    /// The task.
    pub id: Id,
    /// Its version.
    pub version: u64,
}

/// The creation of a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatePromise {
    /// Its id.
    pub id: Id,
    /// Its deadline.
    pub timeout_at: Timestamp,
    /// What it is created with.
    #[serde(default)]
    pub param: Value,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
    /// The idempotency key (2023 only).
    #[serde(default)]
    pub key: Option<String>,
}

/// The settlement of a promise by a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlePromise {
    /// The promise.
    pub id: Id,
    /// The requested state.
    pub verdict: Verdict,
    /// What it is settled with.
    #[serde(default)]
    pub value: Value,
    /// The idempotency key (2023 only).
    #[serde(default)]
    pub key: Option<String>,
}

/// A state that a client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Success.
    Resolved,
    /// Failure.
    Rejected,
    /// Cancelled.
    RejectedCanceled,
}

/// What a fence guards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FencedAction {
    /// `promise.create`
    Create(CreatePromise),
    /// `promise.settle`
    Settle(SettlePromise),
}

impl FencedAction {
    /// The promise that it creates or settles.
    #[must_use]
    pub fn id(&self) -> &Id {
        match self {
            Self::Create(create) => &create.id,
            Self::Settle(settle) => &settle.id,
        }
    }
}

/// The creation of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateSchedule {
    /// Its id.
    pub id: Id,
    /// When it fires.
    pub cron: String,
    /// Template of the ids of its promises.
    pub promise_id: String,
    /// Time from an occurrence to the deadline of its promise.
    pub promise_timeout: Millis,
    /// What its promises are created with.
    #[serde(default)]
    pub promise_param: Value,
    /// Tags of its promises.
    #[serde(default)]
    pub promise_tags: Tags,
}
