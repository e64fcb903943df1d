//! What the server asks of itself, due or not, and how deliveries went.

use resonate_core::message::MessageKey;
use resonate_core::request::{Claim, Request};
use resonate_core::snapshot::Snapshot;
use resonate_core::task::TaskState;

use super::{Generator, SCHEDULES, at, id, ms};

impl Generator {
    fn message(&mut self, state: &Snapshot) -> (MessageKey, u64) {
        if state.messages.is_empty() || self.chance(10) {
            let of = self.promise_id(state);
            let execute = self.chance(50);
            let key = if execute {
                MessageKey::Execute { task: of }
            } else {
                MessageKey::Unblock { promise: of, address: self.address() }
            };
            return (key, 0);
        }
        let place = self.rng.u64(..state.messages.len() as u64) as usize;
        let (key, entry) = state.messages.iter().nth(place).expect("an entry");
        let version = if self.chance(90) { entry.version } else { self.rng.u64(..4) };
        (key.clone(), version)
    }

    /// A request of any kind that the server makes by itself, due or not.
    pub fn background_request(&mut self, state: &Snapshot) -> Request {
        match self.rng.u32(..13) {
            10..13 => {
                let age = ms(self.one_of(&[0, 0, 1, 100, 5_000]));
                let settled_before = at(self.now.as_millis() - age.as_millis() + 1);
                Request::PurgePromise { id: self.promise_id(state), settled_before, dry_run: self.chance(15) }
            }
            0 => Request::TimeOutPromise { id: self.promise_id(state) },
            1 => Request::DischargePromise { id: self.promise_id(state) },
            2 => Request::ExpireLease { id: self.task_ref(state, TaskState::Acquired).id },
            3 => Request::DispatchTask { id: self.task_ref(state, TaskState::Pending).id },
            4 => Request::RunSchedule { id: id(self.one_of(&SCHEDULES)), runs_left: self.rng.u32(1..4) },
            5..7 => Request::ClaimMessage {
                key: self.message(state).0,
                claim: self.one_of(&[Claim::Due, Claim::Connected, Claim::Orphaned]),
            },
            _ => {
                let (key, version) = self.message(state);
                self.report(key, version)
            }
        }
    }

    /// How a delivery went.
    pub fn report(&mut self, key: MessageKey, version: u64) -> Request {
        match self.rng.u32(..3) {
            0 => Request::MessageDelivered { key, version },
            1 => Request::MessageFailed { key, version, jitter_permille: self.rng.u64(..=1000) },
            _ => Request::MessageUnclaimed { key, version },
        }
    }
}
