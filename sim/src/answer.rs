//! What answers and messages may show: rows as they are stored, as of their instant (spec §4, projection). Knows no request: whatever shows a row is held
//! to it.

use std::borrow::Cow;

use resonate_core::message::{Delivery, Message, OutboxEntry};
use resonate_core::promise::{Promise, check_tags};
use resonate_core::reply::Reply;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::{Task, TaskState};
use resonate_core::time::Timestamp;

/// What an answer shows that is not so; `state` is the one after its request.
#[must_use]
pub fn wrong_in_reply(reply: &Reply, state: &Snapshot, now: Timestamp) -> Option<String> {
    match reply {
        Reply::Promise(promise)
        | Reply::Created { promise, fresh: _ }
        | Reply::Settled { promise, fresh: _ }
        | Reply::Fulfilled(promise) => wrong_promise(promise, state, now),
        Reply::Promises { promises, more: _ } | Reply::Redirected { preload: promises } => {
            promises.iter().find_map(|promise| wrong_promise(promise, state, now))
        }
        Reply::Acquired { task, promise, preload } => {
            let is_of_branch = preload.iter().all(|row| row.branch() == promise.branch() && row.id != promise.id);
            let is_in_order = preload.is_sorted_by(|a, b| a.id < b.id);
            let strangers = (!is_of_branch || !is_in_order).then(|| format!("preload of {promise:?}: {preload:?}"));
            let shown = [promise].into_iter().chain(preload);
            let wrong = shown.into_iter().find_map(|promise| wrong_promise(promise, state, now));
            strangers.or(wrong).or_else(|| wrong_task(task, state, now))
        }
        Reply::Task(task) => wrong_task(task, state, now),
        Reply::Tasks { tasks, more: _ } => tasks.iter().find_map(|task| wrong_task(task, state, now)),
        Reply::Fenced(inner) => wrong_in_reply(inner, state, now),
        Reply::Suspended
        | Reply::Schedule(_)
        | Reply::Schedules { .. }
        | Reply::Done
        | Reply::Expired
        | Reply::Idle
        | Reply::Refused(_) => None,
    }
}

/// What is wrong with a delivery: it is backed by an entry that is claimed, and comes neither before its delay nor too late; `state` is the one after the
/// request that has asked for it.
#[must_use]
pub fn wrong_in_delivery(delivery: &Delivery, state: &Snapshot, now: Timestamp) -> Option<String> {
    let Delivery { key, version, address, message } = delivery;
    let entry = state.messages.get(key);
    let is_claimed = |entry: &OutboxEntry| entry.version == *version && entry.address == *address && entry.due_at > now;
    if !entry.is_some_and(|entry| is_claimed(entry)) {
        return Some(format!("{delivery:?} without a claim: {entry:?}"));
    }
    match message {
        Message::Unblock { promise } => wrong_promise(promise, state, now),
        Message::Execute { task: id, version } => {
            let task = state.tasks.get(id).filter(|task| task.state == TaskState::Pending && task.version == *version);
            let promise = state.promises.get(id);
            let birth = promise.and_then(|promise| check_tags(&promise.tags, promise.timeout_at).ok());
            let delay = birth.and_then(|birth| birth.delay).filter(|_| *version == 0);
            let is_due = task.is_some() && delay.is_none_or(|delay| delay <= now);
            (!is_due).then(|| format!("{delivery:?} for {task:?} of {promise:?}"))
        }
    }
}

/// What a message says that has never been so; `state` is one that is not older than the message.
#[must_use]
pub(crate) fn wrong_in_message(message: &Message, state: &Snapshot) -> Option<String> {
    let holds = match message {
        Message::Unblock { promise } => state.promises.get(&promise.id).is_some_and(|row| is_same(row, promise)),
        Message::Execute { task, version } => state.tasks.get(task).is_some_and(|task| task.version >= *version),
    };
    (!holds).then(|| format!("{message:?}"))
}

/// Whether both are the same but for the note about waiters, which is no part of answers.
fn is_same(row: &Promise, shown: &Promise) -> bool {
    row == shown || *row == Promise { has_waiters: row.has_waiters, ..shown.clone() }
}

fn wrong_promise(shown: &Promise, state: &Snapshot, now: Timestamp) -> Option<String> {
    let row = state.promises.get(&shown.id).map(|row| row.as_of(now));
    let holds = row.as_ref().is_some_and(|row| is_same(row, shown));
    (!holds).then(|| format!("{shown:?} is shown, {row:?} is stored"))
}

/// What it was told of meanwhile is no part of an answer.
fn wrong_task(shown: &Task, state: &Snapshot, now: Timestamp) -> Option<String> {
    let row = state.tasks.get(&shown.id).zip(state.promises.get(&shown.id));
    let row = row.map(|(task, promise)| if promise.is_overdue(now) { task.fulfilled() } else { Task::clone(task) });
    let holds = row.as_ref().is_some_and(|row| *row == Task { resumes: row.resumes.clone(), ..shown.clone() });
    (!holds).then(|| format!("{shown:?} is shown, {row:?} is stored"))
}

/// A reply without what only shows, where another transaction may have changed that between the look and the commit.
pub(crate) fn comparable(reply: &Reply, overlapped: bool) -> Cow<'_, Reply> {
    if !overlapped {
        return Cow::Borrowed(reply);
    }
    let mut reply = reply.clone();
    strip(&mut reply);
    Cow::Owned(reply)
}

fn strip(reply: &mut Reply) {
    match reply {
        Reply::Acquired { preload, .. } | Reply::Redirected { preload } => preload.clear(),
        Reply::Promises { promises, more } => (*more, *promises) = (false, Vec::new()),
        Reply::Tasks { tasks, more } => (*more, *tasks) = (false, Vec::new()),
        Reply::Schedules { schedules, more } => (*more, *schedules) = (false, Vec::new()),
        Reply::Promise(_)
        | Reply::Created { .. }
        | Reply::Settled { .. }
        | Reply::Task(_)
        | Reply::Fenced(_)
        | Reply::Suspended
        | Reply::Fulfilled(_)
        | Reply::Schedule(_)
        | Reply::Done
        | Reply::Expired
        | Reply::Idle
        | Reply::Refused(_) => {}
    }
}
