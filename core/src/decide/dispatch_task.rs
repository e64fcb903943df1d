//! Background: a pending task that is due is sent to its target (spec §4: the server by itself, 4; messages).

use std::sync::Arc;

use super::{Decided, Transition, claim_message};
use crate::effect::Effect;
use crate::id::Id;
use crate::limits::RETRY_INTERVAL_MAX;
use crate::message::{MessageKey, OutboxEntry};
use crate::mutant::Mutant;
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
    let is_due = task.retry_at.is_some_and(|retry_at| retry_at <= t.now || t.mutated(Mutant::DispatchNotDue));
    if task.state != TaskState::Pending || !is_due {
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
            let is_delayed = task.version == 0 && !t.mutated(Mutant::DispatchIgnoresDelay);
            let delay = delay.filter(|_| is_delayed).unwrap_or(Timestamp::ZERO);
            let turn = if t.mutated(Mutant::DispatchAtOnce) { t.now } else { task.execute_not_before(t.now) };
            let not_before = turn.max(delay);
            send(t, &task, OutboxEntry::new(key, address, task.version, t.now, not_before));
        }
    }
    Ok(Reply::Done)
}

/// The `execute` before is still there: it stays. The retry clock begins when it may leave, and doubles while it can not.
fn wait_longer(t: &mut Transition<'_>, task: &Task, entry: &OutboxEntry) {
    if task.holds_back(entry, t.now) {
        t.move_task(task, Task { retry_at: Some(entry.due_at + t.rules.retry_timeout), ..task.clone() });
        return;
    }
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

/// A task before it ceases to be pending, which withdraws its `execute`: one that is still held back does not hold back the next one.
pub(super) fn withdraw(t: &Transition<'_>, task: Arc<Task>) -> Decided<Arc<Task>> {
    if task.state != TaskState::Pending || task.execute_at.is_none_or(|turn| turn <= t.now) {
        return Ok(task);
    }
    let entry = t.message(&MessageKey::Execute { task: task.id.clone() })?;
    let is_withdrawn = entry.is_some_and(|entry| task.holds_back(&entry, t.now));
    let counts = t.mutated(Mutant::WithdrawnExecuteCounts);
    Ok(if is_withdrawn && !counts { Arc::new(task.execute_withdrawn()) } else { task })
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
    if !t.mutated(Mutant::DispatchForgetsMessage) {
        claim_message::put(t, entry, None);
    }
}
