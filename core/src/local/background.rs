//! What a server as a value does by itself: how much at once, and which rows to leave alone because nothing ever comes of them.

use std::collections::BTreeSet;

use super::{Local, Outcome};
use crate::drive::{self, Store};
use crate::due::{Due, DueKind};
use crate::limits::TICK_REQUESTS_MAX;
use crate::reply::Reply;
use crate::request::Request;
use crate::time::Timestamp;

/// Rows that were due and had nothing to do.
#[derive(Debug, Default)]
pub(super) struct IdleRows {
    /// In the last round.
    once: BTreeSet<Due>,
    /// In two rounds one after the other. A row that is due again like that can never be done: it is left alone.
    forever: BTreeSet<Due>,
}

impl IdleRows {
    /// Takes the rows of a round that had nothing to do.
    fn take(&mut self, idle: BTreeSet<Due>) {
        self.forever.extend(idle.intersection(&self.once).cloned());
        self.once = idle;
    }
}

impl<S: Store> Local<S> {
    /// Whether there may be background work at `now`.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.still && self.wake_at <= self.seen.max(now)
    }

    /// Does what is due, and what becomes due by it, as far as it takes about [`TICK_REQUESTS_MAX`] requests, so that nobody waits long for it. While
    /// [`Self::is_due`] holds behind it, there is more to do: let others have their turn, and call it again.
    ///
    /// # Errors
    /// The store's.
    pub fn tick(&mut self, now: Timestamp) -> Outcome<S, ()> {
        let now = self.clamp(now);
        if self.still {
            return Ok(());
        }
        self.tick_at(now, &DueKind::ALL)?;
        self.wake_at = self.next_due()?.unwrap_or(Timestamp::MAX);
        Ok(())
    }

    /// The same for some kinds of work; whether that was all.
    pub(super) fn tick_at(&mut self, now: Timestamp, kinds: &[DueKind]) -> Outcome<S, bool> {
        let mut left = TICK_REQUESTS_MAX;
        while left > 0 {
            // As much of each kind: none of them waits for the end of another.
            let each = left.div_ceil(kinds.len());
            let mut due = drive::sweep(&mut self.store, kinds, now, each + self.idle.forever.len())?;
            due.retain(|due| !self.idle.forever.contains(due));
            let requests: Vec<Request> = due.iter().map(Due::request).collect();
            if requests.is_empty() {
                return Ok(true);
            }
            let (replies, followed) = self.run_at(&requests, now)?;
            left = left.saturating_sub(requests.len() + followed);
            let idle = due.into_iter().zip(&replies).filter(|(_, reply)| **reply == Reply::Idle).map(|(due, _)| due);
            let mut rows = BTreeSet::new();
            rows.extend(idle);
            self.idle.take(rows);
        }
        Ok(false)
    }

    /// The next instant at which something is due, be it past or future; none while the background stands still.
    ///
    /// # Errors
    /// The store's.
    pub fn next_due(&mut self) -> Outcome<S, Option<Timestamp>> {
        if self.still {
            return Ok(None);
        }
        Ok(drive::next_due(&mut self.store, &DueKind::ALL, &self.idle.forever)?)
    }

    /// Forgets the rows that are left alone: there are others now.
    pub(super) fn forget_idle(&mut self) {
        self.idle = IdleRows::default();
    }
}
