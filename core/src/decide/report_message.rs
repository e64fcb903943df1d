//! Reports of the host about deliveries. A report about an entry that has changed meanwhile is ignored, and so is one about an `execute` that has yet to
//! leave: it speaks of the one before, which an operator has overtaken.

use std::sync::Arc;

use super::claim_message::drop_entry;
use super::{Decided, Transition};
use crate::effect::Effect;
use crate::limits::{MESSAGE_BACKOFF_BASE, MESSAGE_BACKOFF_MAX, MESSAGE_JITTER_PERMILLE_MAX};
use crate::message::{MessageKey, OutboxEntry};
use crate::mutant::Mutant;
use crate::reply::Reply;
use crate::task::{Task, TaskState};
use crate::time::Millis;
use crate::write::Write;

/// The message reached its worker or listener: the entry leaves the outbox.
pub(super) fn delivered(t: &mut Transition<'_>, key: &MessageKey, version: u64) -> Decided {
    let Some(entry) = reported(t, key, version)? else { return Ok(Reply::Idle) };
    if let Some(task) = waiting_task(t, &entry)? {
        // The next execute is held back from the instant at which this one left.
        let execute_at = Some(t.now);
        t.move_task(&task, Task { execute_at, ..Task::clone(&task) });
    }
    Ok(drop_entry(t, &entry, Reply::Done))
}

/// The delivery failed: it is tried again after a delay that doubles, less the jitter.
pub(super) fn failed(t: &mut Transition<'_>, key: &MessageKey, version: u64, jitter_permille: u64) -> Decided {
    let Some(entry) = reported(t, key, version)? else { return Ok(Reply::Idle) };
    if !is_wanted(t, &entry)? || t.mutated(Mutant::FailureDropsMessage) {
        return Ok(drop_entry(t, &entry, Reply::Done));
    }
    let delay = MESSAGE_BACKOFF_BASE.doubled(entry.failures).min(MESSAGE_BACKOFF_MAX).as_millis();
    let sooner = delay * jitter_permille.min(MESSAGE_JITTER_PERMILLE_MAX) / 1000;
    let delay = Millis::saturating(delay - sooner);
    let due_at = t.now + delay;
    let failures = entry.failures.saturating_add(1);
    t.write(Write::PutMessage(Arc::new(OutboxEntry { due_at, parked: false, failures, ..OutboxEntry::clone(&entry) })));
    Ok(Reply::Done)
}

/// The pending task that an `execute` is for.
fn waiting_task(t: &mut Transition<'_>, entry: &OutboxEntry) -> Decided<Option<Arc<Task>>> {
    let MessageKey::Execute { task } = &entry.key else { return Ok(None) };
    let task = t.task(task)?.map(|(task, _)| task);
    Ok(task.filter(|task| task.state == TaskState::Pending && task.version == entry.version))
}

/// Whether somebody still waits for a message.
fn is_wanted(t: &mut Transition<'_>, entry: &OutboxEntry) -> Decided<bool> {
    match entry.key {
        MessageKey::Execute { .. } => Ok(waiting_task(t, entry)?.is_some()),
        MessageKey::Unblock { .. } => Ok(true),
    }
}

/// No connection can take the message: it stays until one appears, an `unblock` until the end of its retention at most.
pub(super) fn unclaimed(t: &mut Transition<'_>, key: &MessageKey, version: u64) -> Decided {
    let Some(entry) = reported(t, key, version)? else { return Ok(Reply::Idle) };
    if !is_wanted(t, &entry)? {
        return Ok(drop_entry(t, &entry, Reply::Done));
    }
    let due_at = entry.expires_at(t.rules);
    t.effect(Effect::Parked(entry.address.route().mailbox()));
    t.write(Write::PutMessage(Arc::new(OutboxEntry { due_at, parked: true, ..OutboxEntry::clone(&entry) })));
    Ok(Reply::Done)
}

fn reported(t: &mut Transition<'_>, key: &MessageKey, version: u64) -> Decided<Option<Arc<OutboxEntry>>> {
    let is_meant = |entry: &Arc<OutboxEntry>| entry.version == version || t.mutated(Mutant::ReportIgnoresVersion);
    let Some(entry) = t.message(key)?.filter(is_meant) else { return Ok(None) };
    let has_left = waiting_task(t, &entry)?.is_none_or(|task| !task.holds_back(&entry, t.now));
    Ok(Some(entry).filter(|_| has_left || t.mutated(Mutant::ReportOfTheHeldBack)))
}
