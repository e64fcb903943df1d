//! What the engine and the transports tell each other: messages go out after their commit, and what became of them comes back as requests.

use std::fmt::Debug;

use resonate_core::address::Mailbox;
use resonate_core::message::Delivery;

/// Where messages go. Called on the writer's thread right after a commit: it must neither block nor wait.
pub trait Transports: Debug + Send + Sync {
    /// Delivers a message that is claimed for this server. What becomes of it is reported ([`super::Engine::report`]).
    fn deliver(&self, delivery: Delivery);

    /// Messages have just been parked in a mailbox. Who can take them pulls ([`super::Engine::pull`]).
    fn parked(&self, mailbox: &Mailbox);

    /// A pull has left messages in a mailbox: whoever asked for it may have room for more. Of no interest to anybody else.
    fn left_behind(&self, mailbox: &Mailbox);

    /// Messages may wait that nobody has told of. Everybody who can take some pulls.
    fn look_again(&self);
}

/// No transports: messages stay in the outbox.
#[derive(Clone, Copy, Debug)]
pub struct NoTransports;

impl Transports for NoTransports {
    fn deliver(&self, _: Delivery) {}

    fn parked(&self, _: &Mailbox) {}

    fn left_behind(&self, _: &Mailbox) {}

    fn look_again(&self) {}
}

/// A connection that can take messages of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Only messages whose task or promise has this prefix.
    pub prefix: Option<String>,
    /// How many it can take.
    pub room: usize,
}
