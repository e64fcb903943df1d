//! Background: a message is taken for delivery. A claim postpones the entry, so that nobody else takes it meanwhile and somebody does if the
//! claimer dies; delivery itself is the host's, which reports how it went.

use std::sync::Arc;

use super::{Decided, Transition};
use crate::effect::Effect;
use crate::id::Id;
use crate::limits::MESSAGE_CLAIM;
use crate::message::{Delivery, Message, MessageKey, OutboxEntry};
use crate::mutant::Mutant;
use crate::promise::Promise;
use crate::read::Read;
use crate::reply::Reply;
use crate::request::Claim;
use crate::task::{Task, TaskState};
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, key: &MessageKey, why: Claim) -> Decided {
    t.prefetch([Read::Message(key.clone()), Read::Promise(key.id().clone())])?;
    let Some(entry) = t.message(key)? else { return Ok(Reply::Idle) };
    match key {
        MessageKey::Execute { task } => claim_execute(t, &entry, task, why),
        MessageKey::Unblock { promise, .. } => claim_unblock(t, &entry, promise, why),
    }
}

fn claim_execute(t: &mut Transition<'_>, entry: &OutboxEntry, task: &Id, why: Claim) -> Decided {
    let task = t.task(task)?.map(|(task, _)| task);
    let waits = |task: &Arc<Task>| task.state == TaskState::Pending && task.version == entry.version;
    match task.filter(|task| waits(task) || t.mutated(Mutant::ExecuteOfTheGone)) {
        Some(task) => {
            let is_held_back = task.holds_back(entry, t.now);
            if claim(t, entry, why, is_held_back, None) {
                // The next execute is held back from the instant at which this one left, however long it waited.
                t.move_task(&task, Task { execute_at: Some(t.now), ..Task::clone(&task) });
            }
            Ok(t.background_reply())
        }
        // Nobody waits for it any more.
        None => Ok(drop_entry(t, entry, Reply::Done)),
    }
}

fn claim_unblock(t: &mut Transition<'_>, entry: &OutboxEntry, promise: &Id, why: Claim) -> Decided {
    let expired = entry.expires_at(t.rules) <= t.now && !t.mutated(Mutant::UnblockNeverExpires);
    let expired = expired || t.mutated(Mutant::UnblockExpiresAtOnce);
    match t.promise(promise)?.filter(|promise| Transition::is_settled(promise) && !expired) {
        Some(promise) => {
            claim(t, entry, why, false, Some(promise));
            Ok(t.background_reply())
        }
        None => Ok(drop_entry(t, entry, if expired { Reply::Expired } else { Reply::Done })),
    }
}

/// Claims an entry; whether it leaves now. A parked one is due as soon as there is a connection, an orphaned one at once, yet not before its
/// hold-back.
fn claim(
    t: &mut Transition<'_>,
    entry: &OutboxEntry,
    why: Claim,
    is_held_back: bool,
    promise: Option<Arc<Promise>>,
) -> bool {
    let is_claimed = entry.due_at < t.now + MESSAGE_CLAIM && !entry.parked && !is_held_back;
    let leaves = match why {
        Claim::Connected if entry.parked => true,
        Claim::Orphaned if is_claimed => true,
        Claim::Due | Claim::Connected | Claim::Orphaned => entry.due_at <= t.now,
    };
    let leaves = leaves || t.mutated(Mutant::ClaimOfTheClaimed);
    if leaves {
        put(t, OutboxEntry { due_at: t.now, parked: false, ..entry.clone() }, promise);
    }
    leaves
}

/// Nobody is to have it any more.
pub(super) fn drop_entry(t: &mut Transition<'_>, entry: &OutboxEntry, reply: Reply) -> Reply {
    t.write(Write::DeleteMessage { key: entry.key.clone() });
    reply
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
    t.effect(Effect::Deliver(Delivery {
        key: entry.key.clone(),
        version: entry.version,
        address: entry.address.clone(),
        message,
    }));
    t.write(Write::PutMessage(Arc::new(OutboxEntry { due_at: t.now + MESSAGE_CLAIM, ..entry })));
}
