//! Messages that are taken before they are due: parked ones for which there is a connection now, and those that a server which is gone had
//! claimed. Owns which are looked for and when; whether one may leave is the core's to say.

use std::collections::{BTreeMap, BTreeSet};

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
    /// How many messages there is room for, by mailbox and prefix.
    pulls: BTreeMap<(Mailbox, Option<String>), usize>,
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
    /// What was asked for, to be asked again when the claims fail.
    pub(super) pulls: Vec<Pull>,
    /// Mailboxes that hold more.
    pub(super) more: Vec<Mailbox>,
}

impl Claims {
    /// Nothing is looked for.
    pub(super) fn new() -> Self {
        Self { pulls: BTreeMap::new(), orphans: None }
    }

    /// Looks for what was claimed before `now`.
    pub(super) fn adopt_orphans(&mut self, now: Timestamp) {
        self.orphans = Some(Orphans { until: end_of_orphans(now), seen: BTreeSet::new() });
    }

    /// Looks for messages that a connection can take. Connections that wait for the same are looked for together.
    pub(super) fn pull(&mut self, pull: Pull) {
        let room = self.pulls.entry((pull.mailbox, pull.prefix)).or_default();
        *room = room.saturating_add(pull.room);
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
        let mailboxes: Vec<Mailbox> = self.pulls.keys().take(PULLS_PER_BATCH_MAX).map(|(of, _)| of.clone()).collect();
        let filled: BTreeSet<Mailbox> = store.filled(mailboxes)?.into_iter().collect();
        let mut tx = store.begin()?;
        for _ in 0..PULLS_PER_BATCH_MAX {
            let left = BACKGROUND_BUSY_MAX.saturating_sub(found.requests.len());
            if left == 0 {
                break;
            }
            let Some(((mailbox, prefix), room)) = self.pulls.pop_first() else { break };
            if !filled.contains(&mailbox) {
                continue;
            }
            let pull = Pull { mailbox, prefix, room };
            let limit = room.min(left);
            let keys = match tx.parked(&pull.mailbox, pull.prefix.as_deref(), limit) {
                Ok(keys) => keys,
                Err(error) => {
                    self.pull(pull);
                    found.pulls.into_iter().for_each(|pull| self.pull(pull));
                    return Err(error);
                }
            };
            if keys.len() == limit {
                found.more.push(pull.mailbox.clone());
            }
            found.pulls.push(pull);
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
        found.requests.extend(due.into_iter().filter_map(claim_orphan));
        if last {
            self.orphans = None;
        }
        Ok(())
    }
}

/// Claims all messages that were claimed before `now`, however many there are.
pub(super) fn all_orphans<S: HostStore>(store: &mut S, now: Timestamp) -> Result<Vec<Request>, Error> {
    let due = drive::sweep(store, &[DueKind::Message], end_of_orphans(now), usize::MAX)?;
    Ok(due.into_iter().filter_map(claim_orphan).collect())
}

/// When the last claim from before `now` ends.
fn end_of_orphans(now: Timestamp) -> Timestamp {
    (now + MESSAGE_CLAIM).just_before()
}

fn claim_orphan(due: Due) -> Option<Request> {
    match due.key {
        DueKey::Message(key) => Some(claim(key, Claim::Orphaned)),
        DueKey::Id(_) => None,
    }
}

fn claim(key: MessageKey, claim: Claim) -> Request {
    Request::ClaimMessage { key, claim }
}
