//! The whole state of a store at one moment, as plain sorted collections: what debugging shows, what recordings start from, what tests compare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::Address;
use crate::id::Id;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::Promise;
use crate::records::Records;
use crate::schedule::Schedule;
use crate::task::Task;

/// The whole state of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Promises by id, as stored: not projected.
    pub promises: BTreeMap<Id, Arc<Promise>>,
    /// Tasks by id, as stored.
    pub tasks: BTreeMap<Id, Arc<Task>>,
    /// Schedules by id.
    pub schedules: BTreeMap<Id, Arc<Schedule>>,
    /// Callbacks as (awaited promise, awaiting task).
    pub callbacks: BTreeSet<(Id, Id)>,
    /// Listeners as (awaited promise, address).
    pub listeners: BTreeSet<(Id, Address)>,
    /// The outbox.
    pub messages: BTreeMap<MessageKey, Arc<OutboxEntry>>,
}

impl Snapshot {
    /// The state of a closed set of records.
    #[must_use]
    pub(crate) fn of(records: &Records) -> Self {
        Self {
            promises: present(&records.promises),
            tasks: present(&records.tasks),
            schedules: present(&records.schedules),
            callbacks: pairs(records.callbacks.iter()),
            listeners: pairs(records.listeners.iter()),
            messages: present(&records.messages),
        }
    }
}

fn present<K: Clone + Ord, R>(table: &BTreeMap<K, Option<Arc<R>>>) -> BTreeMap<K, Arc<R>> {
    table.iter().filter_map(|(key, row)| Some((key.clone(), Arc::clone(row.as_ref()?)))).collect()
}

fn pairs<'a, K: Clone + Ord + 'a>(rows: impl Iterator<Item = (&'a Arc<str>, &'a K)>) -> BTreeSet<(Id, K)> {
    rows.map(|(owner, key)| (Id::of_shared(owner), key.clone())).collect()
}
