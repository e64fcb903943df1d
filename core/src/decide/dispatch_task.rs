//! Background: a pending task that is due is sent to its target (spec §4: the server by itself, 4; messages).

use std::sync::Arc;

use super::{Decided, Transition, claim_message};
use crate::address::Address;
use crate::id::Id;
use crate::limits::RETRY_INTERVAL_MAX;
use crate::message::{MessageKey, OutboxEntry};
use crate::read::Read;
use crate::reply::Reply;
use crate::task::{Task, TaskState};
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
            // A target is checked at birth; a row that has none is left to its deadline.
            let Some(address) = promise.target().and_then(|text| Address::parse(text).ok()) else {
                return Ok(t.background_reply());
            };
            send(t, &task, key, address);
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
    t.move_task(task, Task { retry_at: Some(retry_at), ..task.clone() });
}

fn send(t: &mut Transition<'_>, task: &Task, key: MessageKey, address: Address) {
    let not_before = task.execute_not_before(t.now);
    let retry_at = t.now + t.rules.retry_timeout;
    let sent = Task {
        retry_at: Some(retry_at),
        executes: task.executes.saturating_add(1),
        execute_at: Some(not_before),
        ..task.clone()
    };
    t.move_task(task, sent);
    let entry = OutboxEntry {
        key,
        address,
        version: task.version,
        created_at: t.now,
        due_at: not_before,
        failures: 0,
        waits: 0,
    };
    claim_message::put(t, entry, None);
}
