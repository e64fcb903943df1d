//! A world to tell stories in.

use resonate_core::effect::Effect;
use resonate_core::message::Message;
use resonate_core::promise::Promise;
use resonate_core::reply::{Refusal, Reply};
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::task::Task;
use resonate_core::time::Timestamp;

use crate::support::world::World;
use crate::support::{NEW_YEAR, at, id};

/// An instant that does not come.
pub(crate) const NEVER: Timestamp = Timestamp::MAX;

/// A world whose clock is told in milliseconds since it began.
pub(crate) struct Story(pub(crate) World);

impl Story {
    pub(crate) fn new() -> Self {
        Self(World::new(Rules::default()))
    }

    pub(crate) fn strict() -> Self {
        Self(World::new(Rules { strict: true, ..Rules::default() }))
    }

    /// A request and everything that follows from it; the reply and what is to be delivered.
    pub(crate) fn at(&mut self, millis: u64, request: &Request) -> (Reply, Vec<Message>) {
        let decisions = self.0.play(request, at(NEW_YEAR + millis));
        let effects = decisions.iter().flat_map(|decision| &decision.effects);
        let messages = effects.filter_map(|effect| match effect {
            Effect::Deliver(delivery) => Some(delivery.message.clone()),
            Effect::Parked(_) | Effect::WakeAt(_) => None,
        });
        (decisions[0].reply.clone(), messages.collect())
    }

    pub(crate) fn reply(&mut self, millis: u64, request: &Request) -> Reply {
        self.at(millis, request).0
    }

    /// Lets the background do what is due at each instant until something is delivered, or until `until`.
    pub(crate) fn background(&mut self, from: u64, until: u64) -> Vec<(u64, Message)> {
        let mut delivered = Vec::new();
        let mut now = from;
        loop {
            for due in self.0.due(at(NEW_YEAR + now)) {
                let messages = self.at(now, &due.request()).1;
                delivered.extend(messages.into_iter().map(|message| (now, message)));
            }
            if !delivered.is_empty() {
                return delivered;
            }
            let next = self.0.due(NEVER).into_iter().map(|due| due.at).min();
            match next.map(|next| (next.as_millis() - NEW_YEAR).max(now)) {
                Some(next) if next <= until => now = next,
                Some(_) | None => return delivered,
            }
        }
    }

    pub(crate) fn task(&self, of: &str) -> &Task {
        &self.0.state.tasks[&id(of)]
    }

    pub(crate) fn promise(&self, of: &str) -> &Promise {
        &self.0.state.promises[&id(of)]
    }
}

pub(crate) fn instant(millis: u64) -> Timestamp {
    at(NEW_YEAR + millis)
}

pub(crate) fn is_conflict(reply: &Reply) -> bool {
    matches!(reply, Reply::Refused(Refusal::Conflict(_)))
}
