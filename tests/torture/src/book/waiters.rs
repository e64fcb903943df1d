//! What is known of those who want to be told.

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::message::MessageKey;
use resonate_core::promise::Promise;
use resonate_core::snapshot::Snapshot;

use super::Book;

impl Book {
    /// A message about a settled promise has arrived at an address.
    pub(super) fn told(&mut self, address: String, promise: &Promise) {
        if promise.settled_at.is_none() {
            self.violations.push(format!("{address} was told of a pending promise: {promise:?}"));
        }
        self.shown(self.events, promise);
        let listener = (promise.id.to_string(), address);
        if !self.asked_to_be_told.contains(&listener) {
            self.violations.push(format!("{} was told of {}, and has never asked", listener.1, listener.0));
        }
        self.listeners.insert(listener, true);
    }

    /// A listener that was acknowledged is still registered, or its message lies there, or has arrived.
    pub(super) fn check_listeners(&self, found: &Snapshot) -> Vec<String> {
        let lost = self.listeners.iter().filter(|((id, address), told)| {
            let promise = Id::parse(id).expect("an id");
            let address = Address::parse(address).expect("an address");
            let waits = found.listeners.contains(&(promise.clone(), address.clone()));
            !**told && !waits && !found.messages.contains_key(&MessageKey::Unblock { promise, address })
        });
        lost.map(|((id, address), _)| format!("{address} waits for {id}, and nobody knows")).collect()
    }
}
