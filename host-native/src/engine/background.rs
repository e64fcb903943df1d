//! What the server does by itself, as far as the engine schedules it: when to look for due rows, how many to take beside the clients' requests,
//! and which rows to leave alone because they cannot be read.

use std::collections::BTreeSet;
use std::time::Duration;

use resonate_core::drive;
use resonate_core::due::{Due, DueKind};
use resonate_core::time::{Millis, Timestamp};

use super::limits::{BACKGROUND_BUSY_MAX, BACKGROUND_IDLE_MAX, FAILURE_PAUSE, SKIPPED_ROWS_MAX};
use crate::clock::millis;
use crate::store::{Error, HostStore};

/// When to look for due rows.
#[derive(Debug)]
pub(super) struct Background {
    /// The next instant at which to look.
    wake_at: Timestamp,
    /// Longest time without a look: the net under exact timers.
    interval: Millis,
    /// Whether nothing is done until further notice (spec §4, debug).
    still: bool,
    skipped: BTreeSet<Due>,
    /// Rows that were due and had nothing to do, in this round and in the one before. A row that is due again like that can never be done.
    idle: BTreeSet<Due>,
    idle_before: BTreeSet<Due>,
}

impl Background {
    /// Looks at once: whatever became due while the server was down.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            wake_at: Timestamp::ZERO,
            interval: millis(interval),
            still: false,
            skipped: BTreeSet::new(),
            idle: BTreeSet::new(),
            idle_before: BTreeSet::new(),
        }
    }

    /// Stops doing anything, or looks at once again.
    pub(super) fn stand_still(&mut self, still: bool) {
        self.still = still;
        self.wake_at = Timestamp::ZERO;
    }

    /// Whether nothing is done until further notice.
    pub(super) fn is_still(&self) -> bool {
        self.still
    }

    /// How long nothing is due, from `now`; `None` when something is.
    pub(super) fn idle_for(&self, now: Timestamp) -> Option<Millis> {
        if self.still {
            return Some(self.interval);
        }
        (self.wake_at > now).then(|| self.wake_at.since(now))
    }

    /// Takes the hint of a commit.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake_at = self.wake_at.min(at);
    }

    /// Tries again a little later.
    pub(super) fn pause(&mut self, now: Timestamp) {
        self.wake_at = now + millis(FAILURE_PAUSE);
    }

    /// Leaves a row alone from now on. Returns whether it was not left alone before.
    pub(super) fn skip(&mut self, due: &Due) -> bool {
        self.skipped.len() < SKIPPED_ROWS_MAX && self.skipped.insert(due.clone())
    }

    /// Notes a row that was due and had nothing to do. Returns whether that can never change.
    pub(super) fn found_idle(&mut self, due: &Due) -> bool {
        self.idle.insert(due.clone());
        self.idle_before.contains(due)
    }

    /// Rows that are due, when it is time to look, and the next time to look.
    pub(super) fn take<S: HostStore>(&mut self, store: &mut S, now: Timestamp, busy: bool) -> Result<Vec<Due>, Error> {
        if self.still || self.wake_at > now {
            return Ok(Vec::new());
        }
        let limit = if busy { BACKGROUND_BUSY_MAX } else { BACKGROUND_IDLE_MAX };
        let mut due = drive::sweep(store, &DueKind::ALL, now, limit + self.skipped.len())?;
        due.retain(|due| !self.skipped.contains(due));
        Ok(due)
    }

    /// Computes when to look again, after what was taken is done. `progress` says whether any of it was there to do. `now` is the instant of what was
    /// done, `shown` what the server's clock says, which may be ahead of the store's.
    pub(super) fn plan<S: HostStore>(
        &mut self,
        store: &mut S,
        now: Timestamp,
        shown: Timestamp,
        progress: bool,
    ) -> Result<(), Error> {
        self.idle_before = std::mem::take(&mut self.idle);
        let next = drive::next_due(store, &DueKind::ALL, &self.skipped)?;
        // The net under the wake-ups: whatever was not told is found by then.
        let net = now + self.interval;
        self.wake_at = next.map_or(net, |next| next.min(net));
        if self.wake_at <= now && !progress {
            // What is still due cannot be done, or is left alone: looking again at once would be a busy loop.
            self.pause(now.max(shown));
        } else if self.wake_at <= shown && !progress {
            // Due by this clock, and not yet by the store's: as much later as is missing there.
            self.wake_at = shown + self.wake_at.since(now);
        }
        Ok(())
    }
}
