//! The rows of a store, whatever their table: which one a write changes, and how it looks as JSON. Tables are those of a snapshot, and rows look as
//! they do there.

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::memory::MemoryStore;
use resonate_core::message::{MessageKey, OutboxEntry};
use resonate_core::promise::Promise;
use resonate_core::schedule::Schedule;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::Task;
use resonate_core::write::Write;
use serde::Serialize;

/// A row, by its table and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    Promise(Id),
    Task(Id),
    Schedule(Id),
    Callback(Id, Id),
    Listener(Id, Address),
    Message(MessageKey),
}

/// What a row holds.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum RowOut<'a> {
    Promise(&'a Promise),
    Task(&'a Task),
    Schedule(&'a Schedule),
    Message(&'a OutboxEntry),
    Callback(&'a Id, &'a Id),
    Listener(&'a Id, &'a Address),
}

impl Row {
    /// The row that a write changes.
    pub(crate) fn of(write: &Write) -> Self {
        match write {
            Write::InsertPromise(promise) | Write::SettlePromise(promise) => Self::Promise(promise.id.clone()),
            Write::SetHasWaiters { id, .. } | Write::DeletePromise { id } => Self::Promise(id.clone()),
            Write::InsertTask(task) | Write::UpdateTask { task, .. } => Self::Task(task.id.clone()),
            Write::DeleteTask { id } => Self::Task(id.clone()),
            Write::InsertCallback { awaited, awaiter } | Write::DeleteCallback { awaited, awaiter } => {
                Self::Callback(awaited.clone(), awaiter.clone())
            }
            Write::InsertListener { awaited, address } | Write::DeleteListener { awaited, address } => {
                Self::Listener(awaited.clone(), address.clone())
            }
            Write::InsertSchedule(schedule) => Self::Schedule(schedule.id.clone()),
            Write::AdvanceSchedule { id, .. } | Write::DeleteSchedule { id } => Self::Schedule(id.clone()),
            Write::PutMessage(entry) => Self::Message(entry.key.clone()),
            Write::DeleteMessage { key } => Self::Message(key.clone()),
        }
    }

    /// Every row of a state.
    pub(crate) fn all_of(state: &Snapshot) -> impl Iterator<Item = Self> {
        let promises = state.promises.keys().cloned().map(Self::Promise);
        let tasks = state.tasks.keys().cloned().map(Self::Task);
        let schedules = state.schedules.keys().cloned().map(Self::Schedule);
        let callbacks = state.callbacks.iter().cloned().map(|(awaited, awaiter)| Self::Callback(awaited, awaiter));
        let listeners = state.listeners.iter().cloned().map(|(awaited, address)| Self::Listener(awaited, address));
        let messages = state.messages.keys().cloned().map(Self::Message);
        promises.chain(tasks).chain(schedules).chain(callbacks).chain(listeners).chain(messages)
    }

    /// Its table.
    pub(crate) fn table(&self) -> &'static str {
        match self {
            Self::Promise(_) => "promises",
            Self::Task(_) => "tasks",
            Self::Schedule(_) => "schedules",
            Self::Callback(..) => "callbacks",
            Self::Listener(..) => "listeners",
            Self::Message(_) => "messages",
        }
    }

    /// Its key as text: an id, or the JSON of a key that has parts.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Promise(id) | Self::Task(id) | Self::Schedule(id) => id.to_string(),
            Self::Callback(awaited, awaiter) => to_text(&(awaited, awaiter)),
            Self::Listener(awaited, address) => to_text(&(awaited, address)),
            Self::Message(key) => to_text(key),
        }
    }

    /// What it holds in a store; nothing when it is not there.
    pub(crate) fn in_store<'a>(&'a self, store: &'a MemoryStore) -> Option<RowOut<'a>> {
        match self {
            Self::Promise(id) => store.promise(id).map(|row| RowOut::Promise(row)),
            Self::Task(id) => store.task(id).map(|row| RowOut::Task(row)),
            Self::Schedule(id) => store.schedule(id).map(|row| RowOut::Schedule(row)),
            Self::Callback(awaited, awaiter) => {
                store.has_callback(awaited, awaiter).then_some(RowOut::Callback(awaited, awaiter))
            }
            Self::Listener(awaited, address) => {
                store.has_listener(awaited, address).then_some(RowOut::Listener(awaited, address))
            }
            Self::Message(key) => store.message(key).map(|row| RowOut::Message(row)),
        }
    }
}

fn to_text<T: Serialize>(parts: &T) -> String {
    serde_json::to_string(parts).expect("keys are JSON")
}
