//! What is known of a store: records by key, what is known to be absent, and parts of scans. A closed set knows everything and is the memory
//! store's state; an open one is what a batch has loaded, with its own writes on top. Decides nothing.

mod put;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::Address;
use crate::due::DueIndex;
use crate::id::Id;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::{Promise, PromiseState};
use crate::read::{Read, Reference};
use crate::scan::Scan;
use crate::schedule::Schedule;
use crate::snapshot::Snapshot;
use crate::task::{Task, TaskState};

/// Records by key, present or known to be absent.
pub(crate) type Table<K, R> = BTreeMap<K, Option<Arc<R>>>;

/// The answer to a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Promises in the order of the search.
    Promises(Vec<Arc<Promise>>),
    /// Tasks by id, each with its promise.
    Tasks(Vec<(Arc<Task>, Arc<Promise>)>),
    /// Schedules by id.
    Schedules(Vec<Arc<Schedule>>),
}

/// What is known of a store.
#[derive(Clone, Debug)]
pub struct Records {
    pub(crate) promises: Table<Id, Promise>,
    pub(crate) tasks: Table<Id, Task>,
    pub(crate) schedules: Table<Id, Schedule>,
    pub(crate) messages: Table<MessageKey, OutboxEntry>,
    pub(crate) callbacks: Scan<Id>,
    pub(crate) listeners: Scan<Address>,
    pub(crate) unblocks: Scan<Address>,
    /// In the order of [`Reference::ALL`].
    referring: [Scan<Id>; Reference::ALL.len()],
    pub(crate) held: Scan<Id>,
    pub(crate) branches: Scan<Id>,
    /// Rows of branches, to be shown only: nobody keeps them from changing, so that nothing may be decided by them.
    pub(crate) seen: BTreeMap<Id, Arc<Promise>>,
    pub(crate) pages: BTreeMap<Read, Page>,
    /// There exactly in a closed set.
    pub(crate) due: Option<DueIndex>,
}

/// What a table knows of a key: nothing, or whether and how the record exists.
pub(crate) type Known<'a, R> = Option<Option<&'a Arc<R>>>;

impl Default for Records {
    fn default() -> Self {
        Self::open()
    }
}

impl Records {
    /// Nothing is known.
    #[must_use]
    pub fn open() -> Self {
        Self::new(None)
    }

    /// Everything is known, and there is nothing.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(Some(DueIndex::default()))
    }

    /// Everything is known, and it is this.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let mut records = Self::closed();
        snapshot.promises.values().for_each(|promise| records.put_promise(Arc::clone(promise)));
        snapshot.tasks.values().for_each(|task| records.put_task(Arc::clone(task)));
        snapshot.schedules.iter().for_each(|(id, schedule)| records.put_schedule(id, Some(schedule)));
        snapshot.messages.iter().for_each(|(key, entry)| records.put_message(key, Some(entry)));
        for (awaited, awaiter) in &snapshot.callbacks {
            records.put_callback(awaited, awaiter);
        }
        for (awaited, address) in &snapshot.listeners {
            records.listeners.insert(awaited.shared(), address.clone());
        }
        records
    }

    fn new(due: Option<DueIndex>) -> Self {
        let closed = due.is_some();
        Self {
            promises: BTreeMap::new(),
            tasks: BTreeMap::new(),
            schedules: BTreeMap::new(),
            messages: BTreeMap::new(),
            callbacks: Scan::new(closed),
            listeners: Scan::new(closed),
            unblocks: Scan::new(closed),
            referring: Reference::ALL.map(|_| Scan::new(closed)),
            held: Scan::new(closed),
            branches: Scan::new(closed),
            seen: BTreeMap::new(),
            pages: BTreeMap::new(),
            due,
        }
    }

    /// Whether everything is known.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.due.is_some()
    }

    fn known<'a, K: Ord, R>(&self, table: &'a Table<K, R>, key: &K) -> Known<'a, R> {
        match table.get(key) {
            Some(row) => Some(row.as_ref()),
            None if self.is_closed() => Some(None),
            None => None,
        }
    }

    pub(crate) fn promise(&self, id: &Id) -> Known<'_, Promise> {
        self.known(&self.promises, id)
    }

    pub(crate) fn task(&self, id: &Id) -> Known<'_, Task> {
        self.known(&self.tasks, id)
    }

    pub(crate) fn schedule(&self, id: &Id) -> Known<'_, Schedule> {
        self.known(&self.schedules, id)
    }

    pub(crate) fn message(&self, key: &MessageKey) -> Known<'_, OutboxEntry> {
        self.known(&self.messages, key)
    }

    /// Whether a read by key would tell nothing new. Scans are asked for only when they would.
    #[must_use]
    pub fn knows(&self, read: &Read) -> bool {
        match read {
            Read::Promise(id) => self.promise(id).is_some(),
            Read::Task(id) => self.task(id).is_some(),
            Read::Schedule(id) => self.schedule(id).is_some(),
            Read::Message(key) => self.message(key).is_some(),
            Read::Promises { .. } | Read::Tasks { .. } | Read::Schedules { .. } => self.pages.contains_key(read),
            Read::CallbacksOf { .. }
            | Read::ListenersOf { .. }
            | Read::UnblocksOf { .. }
            | Read::ReferringTo { .. }
            | Read::HeldBy { .. }
            | Read::Branch { .. } => false,
        }
    }

    /// Whether a record that is read by key is known to be there.
    #[must_use]
    pub fn has(&self, read: &Read) -> bool {
        match read {
            Read::Promise(id) => self.promise(id).flatten().is_some(),
            Read::Task(id) => self.task(id).flatten().is_some(),
            Read::Schedule(id) => self.schedule(id).flatten().is_some(),
            Read::Message(key) => self.message(key).flatten().is_some(),
            Read::CallbacksOf { .. }
            | Read::ListenersOf { .. }
            | Read::UnblocksOf { .. }
            | Read::ReferringTo { .. }
            | Read::HeldBy { .. }
            | Read::Branch { .. }
            | Read::Promises { .. }
            | Read::Tasks { .. }
            | Read::Schedules { .. } => false,
        }
    }

    /// A promise and the task of the same id, both known, that no store of this machine holds together: a task is there exactly when its promise has
    /// a target, and fulfilled exactly when it is settled. A decision over them panics, so that a host whose rows come from somebody else asks first.
    #[must_use]
    pub fn contradiction(&self) -> Option<&Id> {
        let mut known = self.tasks.iter().filter_map(|(id, task)| Some((id, task, self.promises.get(id)?)));
        let fits = |task: &Option<Arc<Task>>, promise: &Option<Arc<Promise>>| match (task, promise) {
            (Some(task), Some(promise)) => {
                let settled = promise.state != PromiseState::Pending;
                promise.target().is_some() && settled == (task.state == TaskState::Fulfilled)
            }
            (Some(_), None) => false,
            (None, promise) => promise.as_ref().is_none_or(|promise| promise.target().is_none()),
        };
        known.find(|(_, task, promise)| !fits(task, promise)).map(|(id, ..)| id)
    }

    /// Takes the loaded answer to [`Read::Promise`]. What is known already stays: it is as fresh or fresher.
    pub fn learn_promise(&mut self, id: &Id, row: Option<Promise>) {
        if !self.promises.contains_key(id) {
            match row {
                Some(promise) => self.put_promise(Arc::new(promise)),
                None => {
                    self.promises.insert(id.clone(), None);
                }
            }
        }
    }

    /// Takes the loaded answer to [`Read::Task`].
    pub fn learn_task(&mut self, id: &Id, row: Option<Task>) {
        if !self.tasks.contains_key(id) {
            match row {
                Some(task) => self.put_task(Arc::new(task)),
                None => {
                    self.tasks.insert(id.clone(), None);
                }
            }
        }
    }

    /// Takes the loaded answer to [`Read::Schedule`].
    pub fn learn_schedule(&mut self, id: &Id, row: Option<Schedule>) {
        self.schedules.entry(id.clone()).or_insert_with(|| row.map(Arc::new));
    }

    /// Takes the loaded answer to [`Read::Message`].
    pub fn learn_message(&mut self, key: &MessageKey, row: Option<OutboxEntry>) {
        self.messages.entry(key.clone()).or_insert_with(|| row.map(Arc::new));
    }

    /// Takes the loaded answer to [`Read::CallbacksOf`]: awaiters by id; fewer than the limit mean that no more follow.
    pub fn learn_callbacks(&mut self, awaited: &Id, awaiters: Vec<Id>, limit: usize) {
        let complete = awaiters.len() < limit;
        self.callbacks.learn(awaited.shared(), awaiters, complete);
    }

    /// Takes the loaded answer to [`Read::ListenersOf`].
    pub fn learn_listeners(&mut self, awaited: &Id, addresses: Vec<Address>, limit: usize) {
        let complete = addresses.len() < limit;
        self.listeners.learn(awaited.shared(), addresses, complete);
    }

    /// Takes the loaded answer to [`Read::UnblocksOf`].
    pub fn learn_unblocks(&mut self, promise: &Id, addresses: Vec<Address>, limit: usize) {
        let complete = addresses.len() < limit;
        self.unblocks.learn(promise.shared(), addresses, complete);
    }

    /// Takes the loaded answer to [`Read::ReferringTo`].
    pub fn learn_referring(&mut self, id: &Id, by: Reference, ids: Vec<Id>, limit: usize) {
        let complete = ids.len() < limit;
        self.referring[by as usize].learn(id.shared(), ids, complete);
    }

    /// Takes the loaded answer to [`Read::HeldBy`].
    pub fn learn_held(&mut self, pid: &Arc<str>, tasks: Vec<Task>, limit: usize) {
        let complete = tasks.len() < limit;
        // A task that this batch has written may no longer be held: what is known of it already decides.
        let rows: Vec<Id> = tasks.iter().map(|task| task.id.clone()).collect();
        self.held.learn(pid, rows, complete);
        for task in tasks {
            let id = task.id.clone();
            match self.tasks.get(&id) {
                Some(known) if !known.as_ref().is_some_and(|known| known.is_held_by(pid)) => self.held.remove(pid, &id),
                Some(_) => {}
                None => self.put_task(Arc::new(task)),
            }
        }
    }

    /// The same by ids alone, of a store that lets a task be known only when it is read by its key.
    pub fn learn_held_ids(&mut self, pid: &Arc<str>, ids: &[Id], limit: usize) {
        let complete = ids.len() < limit;
        self.held.learn(pid, ids.to_vec(), complete);
        for id in ids {
            if self.tasks.get(id).is_some_and(|known| !known.as_ref().is_some_and(|known| known.is_held_by(pid))) {
                self.held.remove(pid, id);
            }
        }
    }

    /// Takes the loaded answer to [`Read::Branch`].
    pub fn learn_branch(&mut self, branch: &Arc<str>, promises: Vec<Promise>) {
        let rows: Vec<Id> = promises.iter().map(|promise| promise.id.clone()).collect();
        self.branches.learn(branch, rows, true);
        self.seen.extend(promises.into_iter().map(|promise| (promise.id.clone(), Arc::new(promise))));
    }

    /// A promise of a branch: as it is known, or as it was last seen.
    pub(crate) fn promise_of_branch(&self, id: &Id) -> Option<&Arc<Promise>> {
        self.promise(id).unwrap_or_else(|| self.seen.get(id))
    }

    /// Takes the loaded answer to a search.
    pub fn learn_page(&mut self, read: Read, page: Page) {
        self.pages.insert(read, page);
    }

    /// Forgets the answers to searches: a write may have changed them.
    pub(crate) fn forget_pages(&mut self) {
        self.pages.clear();
    }

    /// What refers to a promise in one way.
    pub(crate) fn referring(&self, by: Reference) -> &Scan<Id> {
        &self.referring[by as usize]
    }
}
