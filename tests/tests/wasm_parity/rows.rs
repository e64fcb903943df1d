//! A store on the caller's side: reads that came as JSON are answered as JSON, from plain sorted collections.

use std::collections::BTreeSet;
use std::sync::Arc;

use resonate_core::drive::{Store, Tx};
use resonate_core::id::Id;
use resonate_core::memory::MemoryStore;
use resonate_core::message::MessageKey;
use resonate_core::promise::Promise;
use resonate_core::read::{Read, Reference};
use resonate_core::search::{PageRoom, PromiseOrder, has_all};
use resonate_core::snapshot::Snapshot;
use resonate_core::write::Write;
use serde_json::{Value, json};

/// Answers a JSON list of reads.
pub(super) fn answer(state: &Snapshot, reads: &Value) -> Vec<Value> {
    let reads: Vec<Read> = serde_json::from_value(reads.clone()).expect("reads");
    reads.iter().map(|read| answer_one(state, read)).collect()
}

fn answer_one(state: &Snapshot, read: &Read) -> Value {
    match read {
        Read::Promise(id) => json!(state.promises.get(id)),
        Read::Task(id) => json!(state.tasks.get(id)),
        Read::Schedule(id) => json!(state.schedules.get(id)),
        Read::Message(key) => json!(state.messages.get(key)),
        Read::CallbacksOf { awaited, after, limit } => {
            let rows = state.callbacks.iter().filter(|(of, _)| of == awaited).map(|(_, awaiter)| awaiter);
            json!(rows.filter(|awaiter| Some(*awaiter) > after.as_ref()).take(*limit).collect::<Vec<_>>())
        }
        Read::ListenersOf { awaited, after, limit } => {
            let rows = state.listeners.iter().filter(|(of, _)| of == awaited).map(|(_, address)| address);
            json!(rows.filter(|address| Some(*address) > after.as_ref()).take(*limit).collect::<Vec<_>>())
        }
        Read::UnblocksOf { promise, after, limit } => {
            let rows = state.messages.keys().filter_map(|key| match key {
                MessageKey::Unblock { promise: of, address } if of == promise => Some(address),
                MessageKey::Unblock { .. } | MessageKey::Execute { .. } => None,
            });
            json!(rows.filter(|address| Some(*address) > after.as_ref()).take(*limit).collect::<Vec<_>>())
        }
        Read::ReferringTo { id, by, after, limit } => {
            let promises = state.promises.values().filter(|promise| promise.callers().contains(id));
            let tasks = state.tasks.values().filter(|task| task.resumes.contains(id));
            let callbacks = state.callbacks.iter().filter(|(_, awaiter)| awaiter == id);
            let rows: BTreeSet<&Id> = match by {
                Reference::Lineage => promises.map(|promise| &promise.id).collect(),
                Reference::Resume => tasks.map(|task| &task.id).collect(),
                Reference::Callback => callbacks.map(|(awaited, _)| awaited).collect(),
            };
            json!(rows.into_iter().filter(|id| Some(*id) > after.as_ref()).take(*limit).collect::<Vec<_>>())
        }
        Read::HeldBy { pid, after, limit } => {
            let held = state.tasks.values().filter(|task| task.lease.as_ref().is_some_and(|lease| lease.pid == *pid));
            json!(held.filter(|task| Some(&task.id) > after.as_ref()).take(*limit).collect::<Vec<_>>())
        }
        Read::Branch { branch, promises_max, bytes_max } => {
            let (mut rows, mut bytes) = (Vec::new(), 0);
            for promise in state.promises.values().filter(|promise| promise.branch() == Some(&**branch)) {
                bytes += promise.weight();
                rows.push(promise);
                if rows.len() == *promises_max || bytes > *bytes_max {
                    break;
                }
            }
            json!(rows)
        }
        Read::Promises { .. } | Read::Tasks { .. } | Read::Schedules { .. } => page_of(state, read),
    }
}

fn page_of(state: &Snapshot, read: &Read) -> Value {
    let is_wanted = |id: &str, prefix: Option<&str>| prefix.is_none_or(|prefix| id.starts_with(prefix));
    match read {
        Read::Promises { search, now } => {
            let mut rows: Vec<&Arc<Promise>> = state.promises.values().collect();
            if matches!(search.order, PromiseOrder::Newest { .. }) {
                rows.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
            }
            rows.retain(|row| search.is_after_cursor(row) && search.matches(row, *now));
            json!(room(rows, search.limit, |row| row.weight()))
        }
        Read::Tasks { search, now } => {
            let rows = state.tasks.values().filter(|task| is_wanted(&task.id, search.prefix.as_deref()));
            let rows = rows.filter(|task| Some(&task.id) > search.after.as_ref());
            let pairs = rows.map(|task| (task, &state.promises[&task.id]));
            let pairs = pairs
                .filter(|(task, promise)| search.state.is_none_or(|state| task.state_as_of(promise, *now) == state));
            json!(room(pairs.collect(), search.limit, |(_, promise)| promise.weight()))
        }
        Read::Schedules { search } => {
            let rows = state.schedules.values().filter(|row| is_wanted(&row.id, search.prefix.as_deref()));
            let rows = rows.filter(|row| Some(&row.id) > search.after.as_ref());
            let rows = rows.filter(|row| has_all(&row.promise_tags, &search.tags));
            json!(room(rows.collect(), search.limit, |row| row.weight()))
        }
        other => panic!("no search: {other:?}"),
    }
}

/// The rows that find room on a page.
fn room<T>(rows: Vec<T>, limit: usize, weight: impl Fn(&T) -> usize) -> Vec<T> {
    let (mut room, mut more) = (PageRoom::of(limit), true);
    rows.into_iter().take_while(|row| std::mem::replace(&mut more, room.take(weight(row)))).collect()
}

/// Makes a JSON list of writes.
pub(super) fn write(store: &mut MemoryStore, writes: &Value) {
    let writes: Vec<Write> = serde_json::from_value(writes.clone()).expect("writes");
    let Ok(mut tx) = store.begin();
    tx.write(&writes).expect("writes whose guards hold");
    tx.commit().expect("writes whose guards hold");
}
