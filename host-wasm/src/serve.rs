//! A server whatever its store: what both faces carry.

use std::fmt::Display;

use resonate_core::address::Mailbox;
use resonate_core::drive::Reset;
#[cfg(feature = "js")]
use resonate_core::local::Happened;
use resonate_core::local::{Events, Local, Went};
use resonate_core::message::MessageKey;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::wire::envelope::Answer;
use resonate_core::wire::rest;

use crate::fault::Fault;
use crate::journal::Journal;

/// A [`Local`] over some store.
pub(crate) trait Serve {
    fn rules(&self) -> &Rules;
    fn envelope(&mut self, body: &[u8], now: Timestamp) -> Result<Answer, Fault>;
    fn rest(&mut self, call: &rest::Call<'_>, now: Timestamp) -> Result<rest::Answer, Fault>;
    fn is_due(&self, now: Timestamp) -> bool;
    fn tick(&mut self, now: Timestamp) -> Result<(), Fault>;
    fn next_due(&mut self) -> Result<Option<Timestamp>, Fault>;
    fn has_events(&self) -> bool;
    fn take_events(&mut self) -> Events;
    fn report(&mut self, key: MessageKey, version: u64, went: Went, now: Timestamp) -> Result<(), Fault>;
    fn connected(&mut self, mailbox: &Mailbox, prefix: Option<&str>, room: usize, now: Timestamp) -> Result<(), Fault>;
    fn adopt_orphans(&mut self, now: Timestamp) -> Result<(), Fault>;
    fn snapshot(&mut self) -> Result<Snapshot, Fault>;

    /// From now on [`Self::take_log`] tells what has happened since the last time.
    #[cfg(feature = "js")]
    fn watch(&mut self);
    #[cfg(feature = "js")]
    fn take_log(&mut self) -> Vec<Happened>;

    /// The journal of a server that keeps everything in memory.
    fn journal(&mut self) -> Option<&mut Journal>;
}

/// A store that may be the one in memory.
pub(crate) trait Kept {
    fn journal(&mut self) -> Option<&mut Journal>;
}

impl Kept for Journal {
    fn journal(&mut self) -> Option<&mut Journal> {
        Some(self)
    }
}

impl<S> Serve for Local<S>
where
    S: Reset<Error: Display> + Kept,
{
    fn rules(&self) -> &Rules {
        self.rules()
    }

    fn envelope(&mut self, body: &[u8], now: Timestamp) -> Result<Answer, Fault> {
        Ok(self.envelope(body, now)?)
    }

    fn rest(&mut self, call: &rest::Call<'_>, now: Timestamp) -> Result<rest::Answer, Fault> {
        Ok(self.rest(call, now)?)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.is_due(now)
    }

    fn tick(&mut self, now: Timestamp) -> Result<(), Fault> {
        Ok(self.tick(now)?)
    }

    fn next_due(&mut self) -> Result<Option<Timestamp>, Fault> {
        Ok(self.next_due()?)
    }

    fn has_events(&self) -> bool {
        self.has_events()
    }

    fn take_events(&mut self) -> Events {
        self.take_events()
    }

    fn report(&mut self, key: MessageKey, version: u64, went: Went, now: Timestamp) -> Result<(), Fault> {
        Ok(self.report(key, version, went, now)?)
    }

    fn connected(&mut self, mailbox: &Mailbox, prefix: Option<&str>, room: usize, now: Timestamp) -> Result<(), Fault> {
        Ok(self.connected(mailbox, prefix, room, now)?)
    }

    fn adopt_orphans(&mut self, now: Timestamp) -> Result<(), Fault> {
        Ok(self.adopt_orphans(now)?)
    }

    fn snapshot(&mut self) -> Result<Snapshot, Fault> {
        Ok(self.snapshot()?)
    }

    #[cfg(feature = "js")]
    fn watch(&mut self) {
        self.watch();
    }

    #[cfg(feature = "js")]
    fn take_log(&mut self) -> Vec<Happened> {
        self.take_log()
    }

    fn journal(&mut self) -> Option<&mut Journal> {
        self.store().journal()
    }
}
