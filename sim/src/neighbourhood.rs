//! What a transition can have broken: the rows that it has written, the rows that are bound to those, and what properties say of these together.
//! Owns the cut and the indices that it goes by; knows no property.
//!
//! A property of several records speaks of a promise with its task, of a waiter with both of its ends, or of a message with its task or promise.
//! Rows at the other end of a waiter come along, so that nothing that is named is missing. A suspended task among them is there with one promise
//! that it waits for, and that one's task with one of its own, and so on: each row of a cut then stands in it as it stands in the whole state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::memory::MemoryStore;
use resonate_core::message::MessageKey;
use resonate_core::request::Request;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::TaskState;
use resonate_core::write::Write;

/// The keys of what a transition has written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    /// Promises, tasks of the same ids, both ends of callbacks, promises of listeners and what messages are about.
    pub(crate) ids: BTreeSet<Id>,
    schedules: BTreeSet<Id>,
    /// Promises and tasks that a request relies on without a write.
    pub(crate) relied_on: BTreeSet<Id>,
    /// A promise was removed: anything may have referred to it, so that nothing is cut.
    pub(crate) everything: bool,
    /// Waiters and messages, to be looked up again.
    callbacks: Vec<(Id, Id)>,
    listeners: Vec<(Id, Address)>,
    messages: Vec<MessageKey>,
}

impl Touched {
    pub(crate) fn by(writes: &[Write]) -> Self {
        let mut touched = Self::default();
        writes.iter().for_each(|write| touched.add(write));
        touched
    }

    /// What a request relies on in a state without touching it: the task behind a fence, the promise of an occurrence.
    pub(crate) fn relied_on(request: &Request, state: &Snapshot) -> BTreeSet<Id> {
        let id = if let Request::FenceTask { task, action: _ } = request {
            Some(task.id.clone())
        } else if let Request::RunSchedule { id, runs_left: _ } = request {
            state.schedules.get(id).and_then(|schedule| schedule.promise_id_at(schedule.next_run_at).ok())
        } else {
            None
        };
        id.into_iter().collect()
    }

    /// Whether what was touched is the same in a store as in a state.
    pub(crate) fn agrees(&self, store: &MemoryStore, state: &Snapshot) -> bool {
        let promises = self.ids.iter().all(|id| store.promise(id) == state.promises.get(id));
        let tasks = self.ids.iter().all(|id| store.task(id) == state.tasks.get(id));
        let schedules = self.schedules.iter().all(|id| store.schedule(id) == state.schedules.get(id));
        let messages = self.messages.iter().all(|key| store.message(key) == state.messages.get(key));
        let is_callback = |pair: &(Id, Id)| store.has_callback(&pair.0, &pair.1) == state.callbacks.contains(pair);
        let is_listener = |pair: &(Id, Address)| store.has_listener(&pair.0, &pair.1) == state.listeners.contains(pair);
        let waiters = self.callbacks.iter().all(is_callback) && self.listeners.iter().all(is_listener);
        promises && tasks && schedules && messages && waiters
    }

    fn add(&mut self, write: &Write) {
        match write {
            Write::InsertPromise(promise) | Write::SettlePromise(promise) => self.id(&promise.id),
            Write::SetHasWaiters { id, has_waiters: _ } | Write::DeleteTask { id } => self.id(id),
            Write::DeletePromise { id } => {
                self.id(id);
                self.everything = true;
            }
            Write::InsertTask(task) | Write::UpdateTask { from: _, version: _, task } => self.id(&task.id),
            Write::InsertCallback { awaited, awaiter } | Write::DeleteCallback { awaited, awaiter } => {
                self.id(awaited);
                self.id(awaiter);
                self.callbacks.push((awaited.clone(), awaiter.clone()));
            }
            Write::InsertListener { awaited, address } | Write::DeleteListener { awaited, address } => {
                self.id(awaited);
                self.listeners.push((awaited.clone(), address.clone()));
            }
            Write::InsertSchedule(schedule) => drop(self.schedules.insert(schedule.id.clone())),
            Write::AdvanceSchedule { id, from: _, last_run_at: _, next_run_at: _ } | Write::DeleteSchedule { id } => {
                self.schedules.insert(id.clone());
            }
            Write::PutMessage(entry) => self.message(&entry.key),
            Write::DeleteMessage { key } => self.message(key),
        }
    }

    fn id(&mut self, id: &Id) {
        if !self.ids.contains(id) {
            self.ids.insert(id.clone());
        }
    }

    fn message(&mut self, key: &MessageKey) {
        self.id(key.id());
        self.messages.push(key.clone());
    }
}

/// The state by what is bound to what. Kept in step with a snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bonds {
    /// Who waits for a promise.
    awaiters: BTreeMap<Id, BTreeSet<Id>>,
    /// What a task waits for.
    awaited: BTreeMap<Id, BTreeSet<Id>>,
    listeners: BTreeMap<Id, BTreeSet<Address>>,
    messages: BTreeMap<Id, BTreeSet<MessageKey>>,
}

fn note<K: Clone + Ord>(of: &mut BTreeMap<Id, BTreeSet<K>>, id: &Id, key: &K, is_there: bool) {
    if is_there {
        of.entry(id.clone()).or_default().insert(key.clone());
    } else if let Some(keys) = of.get_mut(id) {
        keys.remove(key);
        if keys.is_empty() {
            of.remove(id);
        }
    }
}

fn row<K: Clone + Ord, R>(rows: &mut BTreeMap<K, Arc<R>>, key: &K, row: Option<&Arc<R>>) {
    match row {
        Some(row) => drop(rows.insert(key.clone(), Arc::clone(row))),
        None => drop(rows.remove(key)),
    }
}

impl Bonds {
    /// The bonds of a state.
    #[cfg(test)]
    pub(crate) fn of(state: &Snapshot) -> Self {
        let mut bonds = Self::default();
        for (awaited, awaiter) in &state.callbacks {
            bonds.note_callback(awaited, awaiter, true);
        }
        for (awaited, address) in &state.listeners {
            note(&mut bonds.listeners, awaited, address, true);
        }
        for key in state.messages.keys() {
            note(&mut bonds.messages, key.id(), key, true);
        }
        bonds
    }

    fn note_callback(&mut self, awaited: &Id, awaiter: &Id, is_there: bool) {
        note(&mut self.awaiters, awaited, awaiter, is_there);
        note(&mut self.awaited, awaiter, awaited, is_there);
    }

    /// What a task waits for.
    pub(crate) fn awaited_by(&self, awaiter: &Id) -> impl Iterator<Item = &Id> {
        self.awaited.get(awaiter).into_iter().flatten()
    }

    /// Takes over what has been written.
    pub(crate) fn follow(&mut self, touched: &Touched, store: &MemoryStore, state: &mut Snapshot) {
        for id in &touched.ids {
            row(&mut state.promises, id, store.promise(id));
            row(&mut state.tasks, id, store.task(id));
        }
        for id in &touched.schedules {
            row(&mut state.schedules, id, store.schedule(id));
        }
        for key in &touched.messages {
            row(&mut state.messages, key, store.message(key));
            note(&mut self.messages, key.id(), key, store.message(key).is_some());
        }
        for pair @ (awaited, awaiter) in &touched.callbacks {
            let is_there = store.has_callback(awaited, awaiter);
            self.note_callback(awaited, awaiter, is_there);
            if is_there {
                state.callbacks.insert(pair.clone())
            } else {
                state.callbacks.remove(pair)
            };
        }
        for pair @ (awaited, address) in &touched.listeners {
            let is_there = store.has_listener(awaited, address);
            note(&mut self.listeners, awaited, address, is_there);
            if is_there {
                state.listeners.insert(pair.clone())
            } else {
                state.listeners.remove(pair)
            };
        }
    }

    /// Where to cut: what was touched, with what is bound to it. Bonds between rows that were not touched are the same before and after, so that
    /// one frame serves both.
    pub(crate) fn frame(&self, touched: &Touched, state: &Snapshot) -> Frame {
        let mut frame = Frame { ids: touched.ids.clone(), rungs: Vec::new() };
        let mut open: Vec<&Id> = Vec::new();
        for id in &touched.ids {
            let ends = self.awaiters.get(id).into_iter().chain(self.awaited.get(id)).flatten();
            open.extend(ends.filter(|end| frame.ids.insert((*end).clone())));
        }
        open.extend(touched.relied_on.iter().filter(|id| frame.ids.insert((*id).clone())));
        while let Some(id) = open.pop() {
            let is_suspended = state.tasks.get(id).is_some_and(|task| task.state == TaskState::Suspended);
            let mut rungs = self.awaited_by(id).filter(|_| is_suspended);
            if let Some(awaited) = rungs.next() {
                frame.rungs.push((awaited.clone(), id.clone()));
                if frame.ids.insert(awaited.clone()) {
                    open.push(awaited);
                }
            }
        }
        frame
    }

    /// The part of a state inside a frame.
    pub(crate) fn cut(&self, touched: &Touched, frame: &Frame, state: &Snapshot) -> Snapshot {
        if touched.everything {
            return state.clone();
        }
        let mut cut = Snapshot::default();
        for id in &frame.ids {
            row(&mut cut.promises, id, state.promises.get(id));
            row(&mut cut.tasks, id, state.tasks.get(id));
        }
        for id in &touched.schedules {
            row(&mut cut.schedules, id, state.schedules.get(id));
        }
        for id in &touched.ids {
            let awaiters = self.awaiters.get(id).into_iter().flatten();
            cut.callbacks.extend(awaiters.map(|awaiter| (id.clone(), awaiter.clone())));
            cut.callbacks.extend(self.awaited_by(id).map(|awaited| (awaited.clone(), id.clone())));
            let listeners = self.listeners.get(id).into_iter().flatten();
            cut.listeners.extend(listeners.map(|address| (id.clone(), address.clone())));
            for key in self.messages.get(id).into_iter().flatten() {
                row(&mut cut.messages, key, state.messages.get(key));
            }
        }
        cut.callbacks.extend(frame.rungs.iter().cloned());
        cut
    }
}

/// Which rows a cut holds.
#[derive(Debug)]
pub(crate) struct Frame {
    ids: BTreeSet<Id>,
    /// Callbacks (awaited, awaiter) that keep the suspended tasks at its rim where they are.
    rungs: Vec<(Id, Id)>,
}

#[cfg(test)]
mod tests;
