//! A batch's writes as statements over sets of rows, one for each thing that can become of a kind of row. A guard that does not hold fails its
//! statement, so that the commit behind it on the same way commits nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use resonate_core::address::Mailbox;
use resonate_core::id::Id;
use resonate_core::message::{MessageKey, OutboxEntry};
use resonate_core::promise::Promise;
use resonate_core::schedule::Schedule;
use resonate_core::task::{Task, TaskState};
use resonate_core::write::Write;

use super::net::{Found, Net, PromiseChange, TaskChange};
use super::session::Call;
use super::text::stored;
use crate::store::rows::{json, key_columns, millis, resumes};

/// A statement that must change as many rows as it is given keys: anything else divides by zero, which fails it.
macro_rules! guarded {
    ($update:expr) => {
        concat!("WITH done AS (", $update, " RETURNING 1) SELECT 1 / (count(*) = $1)::int FROM done")
    };
}
pub(super) use guarded;

/// A statement that fails when one of the ids is there.
macro_rules! absent {
    ($table:literal, $ids:expr) => {
        Call::plain(concat!("SELECT 1 / (count(*) = 0)::int FROM ", $table, " WHERE id = ANY($1)")).with($ids)
    };
}

/// The statements that make a batch's changes, behind which it can be committed.
pub(super) fn calls(net: &Net) -> Vec<Call<'_>> {
    let mut calls = Vec::new();
    promises(net, &mut calls);
    tasks(net, &mut calls);
    waiters(net, &mut calls);
    // In the order of their ids, as every server locks them; what happens to one stays in its order.
    let mut schedules: Vec<&Write> = net.schedules.iter().collect();
    schedules.sort_by_key(|write| schedule_id(write));
    calls.extend(schedules.into_iter().map(schedule));
    outbox(net, &mut calls);
    calls
}

fn promises<'a>(net: &'a Net, calls: &mut Vec<Call<'a>>) {
    let (mut inserted, mut settled, mut noted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut deleted, mut passed) = (Vec::new(), Vec::new());
    for (id, change) in &net.promises {
        match change {
            PromiseChange::Inserted(promise) => inserted.push(&**promise),
            PromiseChange::Deleted { was_pending, then } => {
                deleted.push((id.as_str(), *was_pending));
                inserted.extend(then.as_deref());
            }
            PromiseChange::Passed => passed.push(id.as_str()),
            PromiseChange::Changed { settled: Some(promise), has_waiters } => settled.push((&**promise, *has_waiters)),
            PromiseChange::Changed { settled: None, has_waiters } => noted.push((id, has_waiters.unwrap_or_default())),
        }
    }
    if !deleted.is_empty() {
        const SQL: &str = guarded!(
            "DELETE FROM promises p USING unnest($2::text[], $3::bool[]) AS u(id, was_pending) \
             WHERE p.id = u.id AND (p.state = 0) = u.was_pending"
        );
        let call = Call::plain(SQL).with(deleted.len() as i64);
        let call = call.with(deleted.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        calls.push(call.with(deleted.iter().map(|(_, was_pending)| *was_pending).collect::<Vec<_>>()));
    }
    calls.extend((!passed.is_empty()).then(|| absent!("promises", passed)));
    if !inserted.is_empty() {
        calls.push(insert_promises(&inserted));
    }
    if !settled.is_empty() {
        calls.push(settle_promises(&settled));
    }
    if !noted.is_empty() {
        const SQL: &str = guarded!(
            "UPDATE promises p SET has_waiters = u.has_waiters FROM unnest($2::text[], $3::bool[]) AS u(id, has_waiters) \
             WHERE p.id = u.id"
        );
        let ids: Vec<&str> = noted.iter().map(|(id, _)| id.as_str()).collect();
        let notes: Vec<bool> = noted.iter().map(|(_, note)| *note).collect();
        calls.push(Call::plain(SQL).with(noted.len() as i64).with(ids).with(notes));
    }
}

fn insert_promises<'a>(inserted: &[&'a Promise]) -> Call<'a> {
    const SQL: &str = "INSERT INTO promises (id, state, timeout_at, created_at, settled_at, has_waiters, create_key, \
         complete_key, branch, tags, param_headers, param_data, value_headers, value_data) \
         SELECT * FROM unnest($1::text[], $2::int2[], $3::int8[], $4::int8[], $5::int8[], $6::bool[], $7::text[], \
         $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])";
    let texts = |value: fn(&'a Promise) -> Option<&'a str>| -> Vec<Option<Cow<'a, str>>> {
        inserted.iter().map(|promise| value(promise).map(stored)).collect()
    };
    let maps = |value: fn(&'a Promise) -> Option<&'a BTreeMap<String, String>>| -> Vec<Option<String>> {
        inserted.iter().map(|promise| value(promise).map(json)).collect()
    };
    Call::plain(SQL)
        .with(column_of(inserted, |promise| promise.id.as_str()))
        .with(column_of(inserted, |promise| promise.state as i16))
        .with(column_of(inserted, |promise| millis(promise.timeout_at)))
        .with(column_of(inserted, |promise| millis(promise.created_at)))
        .with(column_of(inserted, |promise| promise.settled_at.map(millis)))
        .with(column_of(inserted, |promise| promise.has_waiters))
        .with(texts(|promise| promise.create_key.as_deref()))
        .with(texts(|promise| promise.complete_key.as_deref()))
        .with(texts(Promise::branch))
        .with(maps(|promise| Some(&promise.tags).filter(|tags| !tags.is_empty())))
        .with(maps(|promise| promise.param.headers.as_ref()))
        .with(texts(|promise| promise.param.data.as_deref()))
        .with(maps(|promise| promise.value.headers.as_ref()))
        .with(texts(|promise| promise.value.data.as_deref()))
}

// The guard names the state in a way that no partial index answers: read whole, it would be joined row by row.
fn settle_promises<'a>(settled: &[(&'a Promise, Option<bool>)]) -> Call<'a> {
    const SQL: &str = guarded!(
        "UPDATE promises p SET state = u.state, settled_at = u.settled_at, complete_key = u.complete_key, \
         value_headers = u.value_headers, value_data = u.value_data, has_waiters = coalesce(u.has_waiters, p.has_waiters) \
         FROM unnest($2::text[], $3::int2[], $4::int8[], $5::text[], $6::text[], $7::text[], $8::bool[]) \
         AS u(id, state, settled_at, complete_key, value_headers, value_data, has_waiters) \
         WHERE p.id = u.id AND p.state + 0 = 0"
    );
    let text = |value: Option<&'a String>| value.map(|text| stored(text));
    Call::plain(SQL)
        .with(settled.len() as i64)
        .with(settled.iter().map(|(promise, _)| promise.id.as_str()).collect::<Vec<_>>())
        .with(settled.iter().map(|(promise, _)| promise.state as i16).collect::<Vec<_>>())
        .with(settled.iter().map(|(promise, _)| promise.settled_at.map(millis)).collect::<Vec<_>>())
        .with(settled.iter().map(|(promise, _)| text(promise.complete_key.as_ref())).collect::<Vec<_>>())
        .with(settled.iter().map(|(promise, _)| promise.value.headers.as_ref().map(json)).collect::<Vec<_>>())
        .with(settled.iter().map(|(promise, _)| text(promise.value.data.as_ref())).collect::<Vec<_>>())
        .with(settled.iter().map(|(_, has_waiters)| *has_waiters).collect::<Vec<_>>())
}

fn tasks<'a>(net: &'a Net, calls: &mut Vec<Call<'a>>) {
    let (mut inserted, mut moved, mut deleted, mut passed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (id, TaskChange { found, left }) in &net.tasks {
        let from = match found {
            Found::Absent => None,
            Found::At(state, version) => Some((*state, Some(*version as i64))),
            Found::Fulfilled => Some((TaskState::Fulfilled, None)),
        };
        match (from, left) {
            (None, Some(task)) => inserted.push(&**task),
            (None, None) => passed.push(id.as_str()),
            (Some((state, version)), Some(task)) => moved.push((&**task, state, version)),
            (Some((state, version)), None) => deleted.push((id.as_str(), state, version)),
        }
    }
    if !inserted.is_empty() {
        const SQL: &str = "INSERT INTO tasks (id, state, version, resumes, pid, ttl, expires_at, retry_at, executes, \
             execute_at) SELECT * FROM unnest($1::text[], $2::int2[], $3::int8[], $4::text[], $5::text[], $6::int8[], \
             $7::int8[], $8::int8[], $9::int8[], $10::int8[])";
        calls.push(with_tasks(Call::plain(SQL), &inserted));
    }
    if !moved.is_empty() {
        const SQL: &str = guarded!(
            "UPDATE tasks t SET state = u.state, version = u.version, resumes = u.resumes, pid = u.pid, ttl = u.ttl, \
             expires_at = u.expires_at, retry_at = u.retry_at, executes = u.executes, execute_at = u.execute_at \
             FROM unnest($2::text[], $3::int2[], $4::int8[], $5::text[], $6::text[], $7::int8[], $8::int8[], $9::int8[], \
             $10::int8[], $11::int8[], $12::int2[], $13::int8[]) AS u(id, state, version, resumes, pid, ttl, expires_at, \
             retry_at, executes, execute_at, from_state, from_version) \
             WHERE t.id = u.id AND t.state = u.from_state AND t.version = coalesce(u.from_version, t.version)"
        );
        let lefts: Vec<&Task> = moved.iter().map(|(task, ..)| *task).collect();
        let call = with_tasks(Call::plain(SQL).with(moved.len() as i64), &lefts);
        let states: Vec<i16> = moved.iter().map(|(_, state, _)| *state as i16).collect();
        calls.push(call.with(states).with(moved.iter().map(|(.., version)| *version).collect::<Vec<_>>()));
    }
    if !deleted.is_empty() {
        const SQL: &str = guarded!(
            "DELETE FROM tasks t USING unnest($2::text[], $3::int2[], $4::int8[]) AS u(id, from_state, from_version) \
             WHERE t.id = u.id AND t.state = u.from_state AND t.version = coalesce(u.from_version, t.version)"
        );
        let call = Call::plain(SQL).with(deleted.len() as i64);
        let call = call.with(deleted.iter().map(|(id, ..)| *id).collect::<Vec<_>>());
        let call = call.with(deleted.iter().map(|(_, state, _)| *state as i16).collect::<Vec<_>>());
        calls.push(call.with(deleted.iter().map(|(.., version)| *version).collect::<Vec<_>>()));
    }
    calls.extend((!passed.is_empty()).then(|| absent!("tasks", passed)));
}

/// The columns of tasks, ten arrays.
fn with_tasks<'a>(call: Call<'a>, tasks: &[&'a Task]) -> Call<'a> {
    call.with(column_of(tasks, |task| task.id.as_str()))
        .with(column_of(tasks, |task| task.state as i16))
        .with(column_of(tasks, |task| task.version as i64))
        .with(column_of(tasks, resumes))
        .with(column_of(tasks, |task| task.lease.as_ref().map(|lease| stored(&lease.pid))))
        .with(column_of(tasks, |task| task.lease.as_ref().map(|lease| lease.ttl.as_millis() as i64)))
        .with(column_of(tasks, |task| task.lease.as_ref().map(|lease| millis(lease.expires_at))))
        .with(column_of(tasks, |task| task.retry_at.map(millis)))
        .with(column_of(tasks, |task| i64::from(task.executes)))
        .with(column_of(tasks, |task| task.execute_at.map(millis)))
}

fn waiters<'a>(net: &'a Net, calls: &mut Vec<Call<'a>>) {
    let callbacks = net.callbacks.iter().map(|((awaited, other), there)| (awaited.as_str(), other.as_str(), *there));
    let listeners = net.listeners.iter().map(|((awaited, other), there)| (awaited.as_str(), other.as_str(), *there));
    let pairs = |call: Call<'a>, rows: &[(&'a str, &'a str, bool)]| {
        call.with(rows.iter().map(|row| row.0).collect::<Vec<_>>())
            .with(rows.iter().map(|row| row.1).collect::<Vec<_>>())
    };
    let mut change = |rows: Vec<(&'a str, &'a str, bool)>, insert: &'static str, delete: &'static str| {
        let (there, gone): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.2);
        calls.extend((!there.is_empty()).then(|| pairs(Call::plain(insert), &there)));
        calls.extend((!gone.is_empty()).then(|| pairs(Call::plain(delete), &gone)));
    };
    change(
        callbacks.collect(),
        "INSERT INTO callbacks (awaited, awaiter) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
        "DELETE FROM callbacks c USING unnest($1::text[], $2::text[]) AS u(awaited, awaiter) \
         WHERE c.awaited = u.awaited AND c.awaiter = u.awaiter",
    );
    change(
        listeners.collect(),
        "INSERT INTO listeners (awaited, address) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
        "DELETE FROM listeners l USING unnest($1::text[], $2::text[]) AS u(awaited, address) \
         WHERE l.awaited = u.awaited AND l.address = u.address",
    );
}

fn schedule_id(write: &Write) -> Option<&Id> {
    match write {
        Write::InsertSchedule(schedule) => Some(&schedule.id),
        Write::AdvanceSchedule { id, .. } | Write::DeleteSchedule { id } => Some(id),
        Write::InsertPromise(_)
        | Write::SettlePromise(_)
        | Write::SetHasWaiters { .. }
        | Write::DeletePromise { .. }
        | Write::DeleteTask { .. }
        | Write::InsertTask(_)
        | Write::UpdateTask { .. }
        | Write::InsertCallback { .. }
        | Write::DeleteCallback { .. }
        | Write::InsertListener { .. }
        | Write::DeleteListener { .. }
        | Write::PutMessage(_)
        | Write::DeleteMessage { .. } => None,
    }
}

fn schedule(write: &Write) -> Call<'_> {
    match write {
        Write::InsertSchedule(schedule) => insert_schedule(schedule),
        Write::AdvanceSchedule { id, from, last_run_at, next_run_at } => {
            const SQL: &str =
                guarded!("UPDATE schedules SET last_run_at = $4, next_run_at = $5 WHERE id = $2 AND next_run_at = $3");
            let call = Call::plain(SQL).with(1_i64).with(id.as_str()).with(millis(*from));
            call.with(last_run_at.map(millis)).with(millis(*next_run_at))
        }
        Write::DeleteSchedule { id } => {
            const SQL: &str = guarded!("DELETE FROM schedules WHERE id = $2");
            Call::plain(SQL).with(1_i64).with(id.as_str())
        }
        Write::InsertPromise(_)
        | Write::SettlePromise(_)
        | Write::SetHasWaiters { .. }
        | Write::DeletePromise { .. }
        | Write::InsertTask(_)
        | Write::UpdateTask { .. }
        | Write::DeleteTask { .. }
        | Write::InsertCallback { .. }
        | Write::DeleteCallback { .. }
        | Write::InsertListener { .. }
        | Write::DeleteListener { .. }
        | Write::PutMessage(_)
        | Write::DeleteMessage { .. } => unreachable!("folded by row"),
    }
}

fn insert_schedule(schedule: &Schedule) -> Call<'_> {
    const SQL: &str = "INSERT INTO schedules (id, cron, promise_id, promise_timeout, promise_param_headers, \
         promise_param_data, promise_tags, created_at, next_run_at, last_run_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let tags = Some(&schedule.promise_tags).filter(|tags| !tags.is_empty());
    Call::plain(SQL)
        .with(schedule.id.as_str())
        .with(schedule.cron.as_str())
        .with(stored(&schedule.promise_id))
        .with(schedule.promise_timeout.as_millis() as i64)
        .with(schedule.promise_param.headers.as_ref().map(json))
        .with(schedule.promise_param.data.as_deref().map(stored))
        .with(tags.map(json))
        .with(millis(schedule.created_at))
        .with(millis(schedule.next_run_at))
        .with(schedule.last_run_at.map(millis))
}

fn outbox<'a>(net: &'a Net, calls: &mut Vec<Call<'a>>) {
    let put: Vec<&OutboxEntry> = net.outbox.values().filter_map(|entry| entry.as_deref()).collect();
    if !put.is_empty() {
        calls.push(put_messages(&put));
    }
    let gone: Vec<&MessageKey> = net.outbox.iter().filter(|(_, entry)| entry.is_none()).map(|(key, _)| key).collect();
    calls.extend(by_keys(
        &gone,
        "DELETE FROM outbox WHERE kind = 0 AND listener = '' AND id = ANY($1)",
        "DELETE FROM outbox WHERE kind = 1 AND id = ANY($1) AND listener = ANY($2) \
         AND (length(id) || ':' || id || listener) = ANY($3)",
    ));
}

/// Entries of the outbox by key, those of tasks and those of listeners each by a statement of their own. Both are answered by the primary key
/// whatever the planner takes the table for: a join with a set of keys it may turn around.
fn by_keys<'a>(keys: &[&'a MessageKey], executes: &'static str, unblocks: &'static str) -> Vec<Call<'a>> {
    let (mut tasks, mut promises, mut listeners, mut pairs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        match key {
            MessageKey::Execute { task } => tasks.push(task.as_str()),
            MessageKey::Unblock { promise, address } => {
                promises.push(promise.as_str());
                listeners.push(address.as_str());
                pairs.push(format!("{}:{}{}", promise.chars().count(), promise.as_str(), address.as_str()));
            }
        }
    }
    let mut calls = Vec::new();
    if !tasks.is_empty() {
        calls.push(Call::plain(executes).with(tasks));
    }
    if !promises.is_empty() {
        calls.push(Call::plain(unblocks).with(promises).with(listeners).with(pairs));
    }
    calls
}

fn put_messages<'a>(put: &[&'a OutboxEntry]) -> Call<'a> {
    const SQL: &str = "INSERT INTO outbox (kind, id, listener, address, version, created_at, due_at, failures, waits, \
         mailbox) SELECT * FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int8[], $7::int8[], \
         $8::int8[], $9::int8[], $10::text[]) ON CONFLICT (kind, id, listener) DO UPDATE SET address = excluded.address, \
         version = excluded.version, created_at = excluded.created_at, due_at = excluded.due_at, \
         failures = excluded.failures, waits = excluded.waits, mailbox = excluded.mailbox";
    let keys: Vec<&MessageKey> = put.iter().map(|entry| &entry.key).collect();
    let mailboxes: Vec<Option<String>> = put
        .iter()
        .map(|entry| entry.parked.then(|| Mailbox::as_str(&entry.address.route().mailbox()).to_owned()))
        .collect();
    with_keys(Call::plain(SQL), &keys)
        .with(column_of(put, |entry| entry.address.as_str()))
        .with(column_of(put, |entry| entry.version as i64))
        .with(column_of(put, |entry| millis(entry.created_at)))
        .with(column_of(put, |entry| millis(entry.due_at)))
        .with(column_of(put, |entry| i64::from(entry.failures)))
        .with(column_of(put, |entry| i64::from(entry.waits)))
        .with(mailboxes)
}

/// Keys of the outbox, three arrays.
pub(super) fn with_keys<'a>(call: Call<'a>, keys: &[&'a MessageKey]) -> Call<'a> {
    let keys: Vec<(i64, &str, &str)> = keys.iter().map(|key| key_columns(key)).collect();
    call.with(keys.iter().map(|key| key.0 as i16).collect::<Vec<_>>())
        .with(keys.iter().map(|key| key.1).collect::<Vec<_>>())
        .with(keys.iter().map(|key| key.2).collect::<Vec<_>>())
}

/// A column of rows, as an array.
fn column_of<'a, R, T>(rows: &[&'a R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}
