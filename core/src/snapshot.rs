//! The whole state of a store at one moment, as plain sorted collections: what debugging shows, what recordings start from, what tests compare.
//! As JSON each collection is a sorted list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::Address;
use crate::id::Id;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::Promise;
use crate::property::Violation;
use crate::records::Records;
use crate::schedule::Schedule;
use crate::task::Task;

/// The whole state of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Snapshot {
    /// Promises by id, as stored: not projected.
    #[serde(with = "rows")]
    pub promises: BTreeMap<Id, Arc<Promise>>,
    /// Tasks by id, as stored.
    #[serde(with = "rows")]
    pub tasks: BTreeMap<Id, Arc<Task>>,
    /// Schedules by id.
    #[serde(with = "rows")]
    pub schedules: BTreeMap<Id, Arc<Schedule>>,
    /// Callbacks as (awaited promise, awaiting task).
    pub callbacks: BTreeSet<(Id, Id)>,
    /// Listeners as (awaited promise, address).
    pub listeners: BTreeSet<(Id, Address)>,
    /// The outbox.
    #[serde(with = "rows")]
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

/// A record that knows its own key.
trait Row {
    type Key: Ord;
    fn key(&self) -> Self::Key;
}

macro_rules! rows {
    ($($record:ty, $key:ident: $of:ty);*) => {
        $(impl Row for $record {
            type Key = $of;
            fn key(&self) -> $of {
                self.$key.clone()
            }
        })*
    };
}

rows!(Promise, id: Id; Task, id: Id; Schedule, id: Id; OutboxEntry, key: MessageKey);

/// A table as the list of its records.
mod rows {
    use super::*;

    pub(super) fn serialize<R: Row + Serialize, S: Serializer>(
        table: &BTreeMap<R::Key, Arc<R>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(table.values())
    }

    pub(super) fn deserialize<'de, R: Row + Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<R::Key, Arc<R>>, D::Error> {
        let rows = Vec::<Arc<R>>::deserialize(deserializer)?;
        let count = rows.len();
        let mut table = BTreeMap::new();
        table.extend(rows.into_iter().map(|row| (row.key(), row)));
        if table.len() == count { Ok(table) } else { Err(serde::de::Error::custom("two records have the same key")) }
    }
}

/// Why a snapshot cannot be a store's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSnapshot(pub(crate) Violation);

impl fmt::Display for InvalidSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the snapshot contradicts {}: {}", self.0.property, self.0.detail)
    }
}

impl std::error::Error for InvalidSnapshot {}

// Collections are extended, not collected: that would sort what is sorted already.

fn present<K: Clone + Ord, R>(table: &BTreeMap<K, Option<Arc<R>>>) -> BTreeMap<K, Arc<R>> {
    let mut rows = BTreeMap::new();
    rows.extend(table.iter().filter_map(|(key, row)| Some((key.clone(), Arc::clone(row.as_ref()?)))));
    rows
}

fn pairs<'a, K: Clone + Ord + 'a>(rows: impl Iterator<Item = (&'a Arc<str>, &'a K)>) -> BTreeSet<(Id, K)> {
    let mut pairs = BTreeSet::new();
    pairs.extend(rows.map(|(owner, key)| (Id::of_shared(owner), key.clone())));
    pairs
}
