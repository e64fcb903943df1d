//! The whole state as `debug.snap` shows it (spec §4, debug).

use serde::Serialize;

use super::message::MessageOut;
use super::print::to_json;
use super::record::{PromiseOut, TaskOut};
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::PromiseState;
use crate::snapshot::Snapshot;
use crate::task::Task;
use crate::time::Timestamp;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SnapshotOut<'a> {
    promises: Vec<PromiseOut<'a>>,
    promise_timeouts: Vec<PromiseTimeoutOut<'a>>,
    callbacks: Vec<CallbackOut<'a>>,
    listeners: Vec<ListenerOut<'a>>,
    tasks: Vec<TaskOut<'a>>,
    task_timeouts: Vec<TaskTimeoutOut<'a>>,
    messages: Vec<EntryOut<'a>>,
}

#[derive(Debug, Serialize)]
struct PromiseTimeoutOut<'a> {
    id: &'a str,
    timeout: Timestamp,
}

#[derive(Debug, Serialize)]
struct CallbackOut<'a> {
    awaiter: &'a str,
    awaited: &'a str,
}

#[derive(Debug, Serialize)]
struct ListenerOut<'a> {
    id: &'a str,
    address: &'a str,
}

#[derive(Debug, Serialize)]
struct TaskTimeoutOut<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    clock: u8,
    timeout: Timestamp,
}

#[derive(Debug, Serialize)]
struct EntryOut<'a> {
    address: &'a str,
    message: MessageOut<'a>,
}

/// The number of the clock that dispatches a pending task again.
const RETRY_CLOCK: u8 = 0;
/// The number of the clock that ends a lease.
const LEASE_CLOCK: u8 = 1;

impl<'a> SnapshotOut<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let pending = snapshot.promises.values().filter(|promise| promise.state == PromiseState::Pending);
        Self {
            promises: snapshot.promises.values().map(|promise| PromiseOut::of(promise)).collect(),
            promise_timeouts: pending
                .map(|promise| PromiseTimeoutOut { id: &promise.id, timeout: promise.timeout_at })
                .collect(),
            callbacks: snapshot.callbacks.iter().map(|(awaited, awaiter)| CallbackOut { awaiter, awaited }).collect(),
            listeners: snapshot
                .listeners
                .iter()
                .map(|(id, address)| ListenerOut { id, address: address.as_str() })
                .collect(),
            tasks: snapshot.tasks.values().map(|task| TaskOut::of(task)).collect(),
            task_timeouts: snapshot.tasks.values().filter_map(|task| task_timeout(task)).collect(),
            messages: snapshot.messages.values().filter_map(|entry| entry_out(snapshot, entry)).collect(),
        }
    }
}

fn task_timeout(task: &Task) -> Option<TaskTimeoutOut<'_>> {
    let lease = task.lease.as_ref().map(|lease| (LEASE_CLOCK, lease.expires_at));
    let (clock, timeout) = lease.or(task.retry_at.map(|at| (RETRY_CLOCK, at)))?;
    Some(TaskTimeoutOut { id: &task.id, clock, timeout })
}

fn entry_out<'a>(snapshot: &'a Snapshot, entry: &'a OutboxEntry) -> Option<EntryOut<'a>> {
    let message = match &entry.key {
        MessageKey::Execute { task } => MessageOut::execute(task, entry.version, None),
        MessageKey::Unblock { promise, address: _ } => {
            MessageOut::unblock(PromiseOut::of(snapshot.promises.get(promise)?))
        }
    };
    Some(EntryOut { address: entry.address.as_str(), message })
}

/// The data of `debug.snap` as JSON. It shows what is stored and projects nothing: a promise past its deadline that nobody has settled yet is
/// pending, with its task as it was left. Promises, tasks, callbacks, listeners and messages are all there, sorted; `promiseTimeouts` are the
/// deadlines of the pending promises, `taskTimeouts` the next dispatch of a pending task (0) or the end of the lease of an acquired one (1).
/// Schedules are not in it, nor is what only the machine needs: idempotency keys, counts of deliveries, the ids behind `resumes`.
#[must_use]
pub fn print_snapshot(snapshot: &Snapshot) -> Vec<u8> {
    to_json(&SnapshotOut::of(snapshot), 1024)
}
