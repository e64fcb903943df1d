//! The state of a server between two steps, and how a step moves it on.

use resonate_core::Decision;
use resonate_core::memory::MemoryStore;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;

use super::What;
use crate::face::Face;

/// A store, and the dials by which requests are decided over it.
#[derive(Clone, Debug)]
pub(super) struct World {
    rules: Rules,
    store: MemoryStore,
}

impl World {
    pub(super) fn new(rules: Rules, store: MemoryStore) -> Self {
        Self { rules, store }
    }

    pub(super) fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// A server that goes on from here.
    pub(super) fn live(&self) -> Face {
        Face::watched(self.rules.clone(), self.store.clone())
    }

    /// Moves on by a step. A request is decided, anything else puts another state in place.
    pub(super) fn apply(&mut self, now: Timestamp, what: &What) -> Option<Decision> {
        match what {
            What::Did(request) => return Some(self.store.apply(&self.rules, request, now)),
            What::Emptied => self.store = MemoryStore::new(),
            What::Began(header) => {
                let restored = MemoryStore::restore(&header.rules, &header.snapshot);
                self.store = restored.expect("the snapshot was checked when the history was read");
                self.rules = header.rules.clone();
            }
        }
        None
    }
}
