//! Messages that are taken before they are due: parked ones for which there is a connection now, and those that a server which is gone had
//! claimed. Owns which are looked for and when; whether one may leave is the core's to say.

use std::collections::{BTreeSet, VecDeque};

use resonate_core::address::Mailbox;
use resonate_core::drive::{self, Tx as _};
use resonate_core::due::{Due, DueKey, DueKind};
use resonate_core::limits::MESSAGE_CLAIM;
use resonate_core::message::MessageKey;
use resonate_core::request::{Claim, Request};
use resonate_core::time::Timestamp;

use super::limits::{BACKGROUND_BUSY_MAX, PULLS_PER_BATCH_MAX};
use super::transports::Pull;
use crate::store::{Error, HostStore};

/// What is looked for.
#[derive(Debug)]
pub(super) struct Claims {
    pulls: VecDeque<Pull>,
    orphans: Option<Orphans>,
}

/// Claims of a server that is gone.
#[derive(Debug)]
struct Orphans {
    /// Its claims end here at the latest; those of this server end later.
    until: Timestamp,
    /// Found, and still there: messages that are held back until they are due.
    seen: BTreeSet<Due>,
}

/// What is to be claimed.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) requests: Vec<Request>,
    /// Mailboxes that hold more.
    pub(super) more: Vec<Mailbox>,
}

impl Claims {
    /// Nothing is looked for.
    pub(super) fn new() -> Self {
        Self { pulls: VecDeque::new(), orphans: None }
    }

    /// Looks for what was claimed before `now`.
    pub(super) fn adopt_orphans(&mut self, now: Timestamp) {
        let until = Timestamp::saturating((now + MESSAGE_CLAIM).since(Timestamp::saturating(1)).as_millis());
        self.orphans = Some(Orphans { until, seen: BTreeSet::new() });
    }

    /// Looks for messages that a connection can take.
    pub(super) fn pull(&mut self, pull: Pull) {
        self.pulls.push_back(pull);
    }

    /// Whether there is anything to look for.
    pub(super) fn is_waiting(&self) -> bool {
        !self.pulls.is_empty() || self.orphans.is_some()
    }

    /// Looks, within the bounds of one batch.
    pub(super) fn take<S: HostStore>(&mut self, store: &mut S) -> Result<Found, Error> {
        let mut found = Found::default();
        if !self.is_waiting() {
            return Ok(found);
        }
        self.take_orphans(store, &mut found)?;
        let mut tx = store.begin()?;
        for pull in self.pulls.drain(..self.pulls.len().min(PULLS_PER_BATCH_MAX)) {
            let keys = tx.parked(&pull.mailbox, pull.prefix.as_deref(), pull.room)?;
            if keys.len() == pull.room {
                found.more.push(pull.mailbox);
            }
            found.requests.extend(keys.into_iter().map(|key| claim(key, Claim::Connected)));
        }
        Ok(found)
    }

    fn take_orphans<S: HostStore>(&mut self, store: &mut S, found: &mut Found) -> Result<(), Error> {
        let Some(orphans) = &mut self.orphans else { return Ok(()) };
        let limit = orphans.seen.len() + BACKGROUND_BUSY_MAX;
        let mut due = drive::sweep(store, &[DueKind::Message], orphans.until, limit)?;
        let last = due.len() < limit;
        due.retain(|due| orphans.seen.insert(due.clone()));
        found.requests.extend(due.into_iter().filter_map(|due| match due.key {
            DueKey::Message(key) => Some(claim(key, Claim::Orphaned)),
            DueKey::Id(_) => None,
        }));
        if last {
            self.orphans = None;
        }
        Ok(())
    }
}

fn claim(key: MessageKey, claim: Claim) -> Request {
    Request::ClaimMessage { key, claim }
}
