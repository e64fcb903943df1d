//! Background: a message is taken for delivery. A claim postpones the entry, so that nobody else takes it meanwhile and somebody does if the
//! claimer dies; delivery itself is the host's, which reports how it went.

use std::sync::Arc;

use super::{Decided, Transition};
use crate::effect::Effect;
use crate::id::Id;
use crate::limits::MESSAGE_CLAIM;
use crate::message::{Message, MessageKey, OutboxEntry};
use crate::promise::Promise;
use crate::read::Read;
use crate::reply::Reply;
use crate::task::{Task, TaskState};
use crate::time::Timestamp;
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, key: &MessageKey, connected: bool) -> Decided {
    let (MessageKey::Execute { task: id } | MessageKey::Unblock { promise: id, .. }) = key;
    t.prefetch([Read::Message(key.clone()), Read::Promise(id.clone())])?;
    let Some(entry) = t.message(key)? else { return Ok(Reply::Idle) };
    match key {
        MessageKey::Execute { task } => claim_execute(t, &entry, task, connected),
        MessageKey::Unblock { promise, .. } => claim_unblock(t, &entry, promise, connected),
    }
}

fn claim_execute(t: &mut Transition<'_>, entry: &OutboxEntry, task: &Id, connected: bool) -> Decided {
    let task = t.task(task)?.map(|(task, _)| task);
    match task.filter(|task| task.state == TaskState::Pending && task.version == entry.version) {
        Some(task) => {
            let leaves = claim(t, entry, connected, task.execute_at.unwrap_or(Timestamp::ZERO), None);
            if leaves {
                // The next execute is held back from the instant at which this one left, however long it waited.
                t.move_task(&task, Task { execute_at: Some(t.now), ..Task::clone(&task) });
            }
            Ok(t.background_reply())
        }
        // Nobody waits for it any more.
        None => drop_entry(t, entry),
    }
}

fn claim_unblock(t: &mut Transition<'_>, entry: &OutboxEntry, promise: &Id, connected: bool) -> Decided {
    let expired = entry.expires_at(t.rules) <= t.now;
    match t.promise(promise)?.filter(|promise| Transition::is_settled(promise) && !expired) {
        Some(promise) => {
            claim(t, entry, connected, Timestamp::ZERO, Some(promise));
            Ok(t.background_reply())
        }
        None => drop_entry(t, entry),
    }
}

/// Claims an entry that is due; whether it leaves now. One that waits for a connection is due as soon as there is one, yet never before its
/// hold-back.
fn claim(
    t: &mut Transition<'_>,
    entry: &OutboxEntry,
    connected: bool,
    held_back: Timestamp,
    promise: Option<Arc<Promise>>,
) -> bool {
    let parked = entry.is_parked(t.rules, t.now);
    let due_at = if parked && connected { held_back } else { entry.due_at };
    if due_at <= t.now || due_at != entry.due_at {
        put(t, OutboxEntry { due_at, ..entry.clone() }, promise);
    }
    due_at <= t.now
}

fn drop_entry(t: &mut Transition<'_>, entry: &OutboxEntry) -> Decided {
    t.write(Write::DeleteMessage { key: entry.key.clone() });
    Ok(Reply::Done)
}

/// Puts an entry into the outbox. What may leave now is claimed for this host at once. An `unblock` comes with its settled promise.
pub(super) fn put(t: &mut Transition<'_>, entry: OutboxEntry, promise: Option<Arc<Promise>>) {
    if entry.due_at > t.now {
        t.write(Write::PutMessage(Arc::new(entry)));
        return;
    }
    let message = match (&entry.key, promise) {
        (MessageKey::Execute { task }, _) => Message::Execute { task: task.clone(), version: entry.version },
        (MessageKey::Unblock { .. }, Some(promise)) => Message::Unblock { promise },
        (MessageKey::Unblock { promise, .. }, None) => unreachable!("an unblock of {promise} without the promise"),
    };
    t.effect(Effect::Deliver {
        key: entry.key.clone(),
        version: entry.version,
        address: entry.address.clone(),
        message,
    });
    t.write(Write::PutMessage(Arc::new(OutboxEntry { due_at: t.now + MESSAGE_CLAIM, ..entry })));
}
