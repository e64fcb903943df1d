//! Reports of the host about deliveries. A report about an entry that has changed meanwhile is ignored.

use std::sync::Arc;

use super::{Decided, Transition};
use crate::effect::Effect;
use crate::limits::{MESSAGE_BACKOFF_BASE, MESSAGE_BACKOFF_MAX, MESSAGE_JITTER_PERMILLE_MAX};
use crate::message::{MessageKey, OutboxEntry};
use crate::mutant::Mutant;
use crate::reply::Reply;
use crate::task::{Task, TaskState};
use crate::time::{Millis, Timestamp};
use crate::write::Write;

/// The message reached its worker or listener: the entry leaves the outbox.
pub(super) fn delivered(t: &mut Transition<'_>, key: &MessageKey, version: u64) -> Decided {
    let Some(entry) = reported(t, key, version)? else { return Ok(Reply::Idle) };
    if let Some(task) = waiting_task(t, &entry)? {
        // The next execute is held back from the instant at which this one left.
        let execute_at = Some(t.now);
        t.move_task(&task, Task { execute_at, ..Task::clone(&task) });
    }
    t.write(Write::DeleteMessage { key: entry.key.clone() });
    Ok(Reply::Done)
}

/// The delivery failed: it is tried again after a delay that doubles, less the jitter.
pub(super) fn failed(t: &mut Transition<'_>, key: &MessageKey, version: u64, jitter_permille: u64) -> Decided {
    let Some(entry) = reported(t, key, version)? else { return Ok(Reply::Idle) };
    if t.mutated(Mutant::FailureDropsMessage) {
        t.write(Write::DeleteMessage { key: entry.key.clone() });
        return Ok(Reply::Done);
    }
    let delay = MESSAGE_BACKOFF_BASE.doubled(entry.failures).min(MESSAGE_BACKOFF_MAX).as_millis();
    let sooner = delay * jitter_permille.min(MESSAGE_JITTER_PERMILLE_MAX) / 1000;
    let delay = Millis::saturating(delay - sooner);
    // A late report may meet the execute after the one that it speaks of, which is still held back.
    let held_back = match (key, waiting_task(t, &entry)?) {
        (MessageKey::Unblock { .. }, _) => Timestamp::ZERO,
        (MessageKey::Execute { .. }, Some(task)) => task.execute_at.unwrap_or(Timestamp::ZERO),
        (MessageKey::Execute { .. }, None) => {
            t.write(Write::DeleteMessage { key: entry.key.clone() });
            return Ok(Reply::Done);
        }
    };
    let due_at = (t.now + delay).max(held_back);
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

/// No connection can take the message: it stays until one appears, an `unblock` until the end of its retention at most.
pub(super) fn unclaimed(t: &mut Transition<'_>, key: &MessageKey, version: u64) -> Decided {
    let Some(entry) = reported(t, key, version)? else { return Ok(Reply::Idle) };
    let due_at = entry.expires_at(t.rules);
    t.effect(Effect::Parked(entry.address.route().mailbox()));
    t.write(Write::PutMessage(Arc::new(OutboxEntry { due_at, parked: true, ..OutboxEntry::clone(&entry) })));
    Ok(Reply::Done)
}

fn reported(t: &Transition<'_>, key: &MessageKey, version: u64) -> Decided<Option<Arc<OutboxEntry>>> {
    Ok(t.message(key)?.filter(|entry| entry.version == version || t.mutated(Mutant::ReportIgnoresVersion)))
}
