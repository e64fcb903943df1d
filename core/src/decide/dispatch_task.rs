//! Background: a pending task that is due is sent to its target (spec §4: the server by itself, 4; messages).

use std::sync::Arc;

use super::{Decided, Transition, claim_message};
use crate::effect::Effect;
use crate::id::Id;
use crate::limits::RETRY_INTERVAL_MAX;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::{Birth, check_tags};
use crate::read::Read;
use crate::reply::Reply;
use crate::task::{Task, TaskState};
use crate::time::Timestamp;
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, id: &Id) -> Decided {
    let key = MessageKey::Execute { task: id.clone() };
    t.prefetch([Read::Promise(id.clone()), Read::Task(id.clone()), Read::Message(key.clone())])?;
    let Some((task, promise)) = t.task(id)? else { return Ok(Reply::Idle) };
    let due = task.state == TaskState::Pending && task.retry_at.is_some_and(|retry_at| retry_at <= t.now);
    if !due {
        return Ok(t.background_reply());
    }
    let waiting = t.message(&key)?.filter(|entry| entry.version == task.version);
    match waiting {
        Some(entry) => wait_longer(t, &task, &entry),
        None => {
            // Tags are checked at birth; a row that has no target is left to its deadline.
            let Ok(Birth { target: Some(address), delay }) = check_tags(&promise.tags, promise.timeout_at) else {
                return Ok(t.background_reply());
            };
            // A task that an operator let go on is due at once, yet no worker hears of it before its delay.
            let delay = delay.filter(|_| task.version == 0).unwrap_or(Timestamp::ZERO);
            let not_before = task.execute_not_before(t.now).max(delay);
            send(t, &task, OutboxEntry::new(key, address, task.version, t.now, not_before));
        }
    }
    Ok(Reply::Done)
}

/// The `execute` before has not left yet: it stays, and the retry clock doubles.
fn wait_longer(t: &mut Transition<'_>, task: &Task, entry: &OutboxEntry) {
    let waits = entry.waits.saturating_add(1);
    let longest = RETRY_INTERVAL_MAX.max(t.rules.retry_timeout);
    let retry_at = t.now + t.rules.retry_timeout.doubled(waits).min(longest);
    t.write(Write::PutMessage(Arc::new(OutboxEntry { waits, ..entry.clone() })));
    if entry.parked {
        // Whoever was told before may have lost it.
        t.effect(Effect::Parked(entry.address.route().mailbox()));
    }
    t.move_task(task, Task { retry_at: Some(retry_at), ..task.clone() });
}

fn send(t: &mut Transition<'_>, task: &Task, entry: OutboxEntry) {
    let retry_at = t.now + t.rules.retry_timeout;
    let sent = Task {
        retry_at: Some(retry_at),
        executes: task.executes.saturating_add(1),
        execute_at: Some(entry.due_at),
        ..task.clone()
    };
    t.move_task(task, sent);
    claim_message::put(t, entry, None);
}
