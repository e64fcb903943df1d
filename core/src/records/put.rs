//! Rows put in place of what is known of them, and removed. Keeps the scans and the index of what is due that belong to them.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::Records;
use crate::id::Id;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::Promise;
use crate::read::Reference;
use crate::schedule::Schedule;
use crate::task::Task;

impl Records {
    pub(crate) fn put_promise(&mut self, promise: Arc<Promise>) {
        let put = self.put_promise_if(promise, |_| true);
        debug_assert!(put, "nothing was asked of the row before");
    }

    /// Puts a promise in place of what is known of it, if that fits: one search of the table for guard and change. Returns whether it did.
    pub(crate) fn put_promise_if(&mut self, promise: Arc<Promise>, fits: impl Fn(Option<&Promise>) -> bool) -> bool {
        let after = Arc::clone(&promise);
        let before = match self.promises.entry(promise.id.clone()) {
            Entry::Occupied(row) if !fits(row.get().as_deref()) => return false,
            Entry::Vacant(_) if !fits(None) => return false,
            Entry::Occupied(mut row) => row.insert(Some(promise)),
            Entry::Vacant(row) => {
                row.insert(Some(promise));
                None
            }
        };
        self.promise_is_put(before.as_deref(), &after);
        true
    }

    /// What follows, whatever was asked of the row before.
    fn promise_is_put(&mut self, before: Option<&Promise>, after: &Promise) {
        if before.is_none() {
            if let Some(branch) = after.branch() {
                self.branches.insert(&Arc::from(branch), after.id.clone());
            }
            let named = &mut self.referring[Reference::Lineage as usize];
            after.callers().iter().for_each(|caller| named.insert(caller.shared(), after.id.clone()));
        }
        if let Some(due) = &mut self.due {
            due.replace(before, Some(after));
            due.replace_settled(before, Some(after));
        }
    }

    pub(crate) fn remove_promise(&mut self, id: &Id) {
        let Some(before) = self.promises.insert(id.clone(), None).flatten() else { return };
        if let Some(branch) = before.branch() {
            self.branches.remove(&Arc::from(branch), id);
        }
        let named = &mut self.referring[Reference::Lineage as usize];
        before.callers().iter().for_each(|caller| named.remove(caller.shared(), id));
        if let Some(due) = &mut self.due {
            due.replace(Some(&*before), None);
            due.replace_settled(Some(&*before), None);
            self.promises.remove(id);
        }
    }

    pub(crate) fn put_task(&mut self, task: Arc<Task>) {
        let after = Arc::clone(&task);
        let before = self.tasks.insert(task.id.clone(), Some(task)).flatten();
        if let Some(lease) = before.as_ref().and_then(|task| task.lease.as_ref()) {
            self.held.remove(&lease.pid, &after.id);
        }
        if let Some(lease) = &after.lease {
            self.held.insert(&lease.pid, after.id.clone());
        }
        let resumed = &mut self.referring[Reference::Resume as usize];
        for awaited in before.iter().flat_map(|task| &task.resumes).filter(|awaited| !after.resumes.contains(*awaited))
        {
            resumed.remove(awaited.shared(), &after.id);
        }
        after.resumes.iter().for_each(|awaited| resumed.insert(awaited.shared(), after.id.clone()));
        if let Some(due) = &mut self.due {
            due.replace(before.as_deref(), Some(&*after));
        }
    }

    /// Removes a task that nobody holds and that is not due.
    pub(crate) fn remove_task(&mut self, id: &Id) {
        let before = self.tasks.insert(id.clone(), None).flatten();
        let resumed = &mut self.referring[Reference::Resume as usize];
        before.iter().flat_map(|task| &task.resumes).for_each(|awaited| resumed.remove(awaited.shared(), id));
        if self.is_closed() {
            self.tasks.remove(id);
        }
    }

    pub(crate) fn put_callback(&mut self, awaited: &Id, awaiter: &Id) {
        self.callbacks.insert(awaited.shared(), awaiter.clone());
        self.referring[Reference::Callback as usize].insert(awaiter.shared(), awaited.clone());
    }

    pub(crate) fn remove_callback(&mut self, awaited: &Id, awaiter: &Id) {
        self.callbacks.remove(awaited.shared(), awaiter);
        self.referring[Reference::Callback as usize].remove(awaiter.shared(), awaited);
    }

    pub(crate) fn put_schedule(&mut self, id: &Id, schedule: Option<&Arc<Schedule>>) {
        let before = self.schedules.insert(id.clone(), schedule.cloned()).flatten();
        if let Some(due) = &mut self.due {
            due.replace(before.as_deref(), schedule.map(|schedule| &**schedule));
            if schedule.is_none() {
                self.schedules.remove(id);
            }
        }
    }

    pub(crate) fn put_message(&mut self, key: &MessageKey, entry: Option<&Arc<OutboxEntry>>) {
        if let MessageKey::Unblock { promise, address } = key {
            match entry {
                Some(_) => self.unblocks.insert(promise.shared(), address.clone()),
                None => self.unblocks.remove(promise.shared(), address),
            }
        }
        let before = self.messages.insert(key.clone(), entry.cloned()).flatten();
        if let Some(due) = &mut self.due {
            let after = entry.map(|entry| &**entry);
            due.replace(before.as_deref(), after);
            due.replace_parked(before.as_deref(), after);
            if entry.is_none() {
                self.messages.remove(key);
            }
        }
    }
}
