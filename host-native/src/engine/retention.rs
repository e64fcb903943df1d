//! Removing what was settled long ago: by itself, a bite at a time beside the clients' requests, and on request. Owns when to look and how much at
//! once; what may go is the core's to say.

use resonate_core::drive::Tx as _;
use resonate_core::request::Request;
use resonate_core::retention::{Purge, Purged, Settled};
use resonate_core::time::{Millis, Timestamp};
use tokio::sync::oneshot;

use super::limits::{FAILURE_PAUSE, PURGES_BUSY_MAX, PURGES_IDLE_MAX, RETENTION_ROUND_MAX, RETENTION_ROUND_MIN};
use super::writer::{Input, Waiter, Writer};
use super::{Engine, SubmitError, wait_for};
use crate::clock::millis;
use crate::store::{Error, HostStore};

/// When to look for what was settled long ago. A walk goes over settled promises in the order of their settlement and waits at the first that is
/// too young; what has to stay is behind it then. From time to time it begins anew, for what had to stay and need not any more.
#[derive(Debug)]
pub(super) struct Retention {
    /// How long settled promises stay; for ever without it.
    settled_after: Option<Millis>,
    /// Where the walk is.
    place: Option<Settled>,
    /// When it began.
    began_at: Timestamp,
    /// The next instant at which to look.
    wake_at: Timestamp,
}

impl Retention {
    pub(super) fn new(settled_after: Option<Millis>) -> Self {
        Self { settled_after, place: None, began_at: Timestamp::ZERO, wake_at: Timestamp::ZERO }
    }

    /// How long there is nothing to look for, from `now`; `None` when there is.
    pub(super) fn idle_for(&self, now: Timestamp) -> Option<Millis> {
        match self.settled_after {
            None => Some(Timestamp::MAX.since(now)),
            Some(_) => (self.wake_at > now).then(|| self.wake_at.since(now)),
        }
    }

    /// Tries again a little later.
    pub(super) fn pause(&mut self, now: Timestamp) {
        self.wake_at = now + millis(FAILURE_PAUSE);
    }

    /// What to remove, as far as it may go, when it is time to look.
    pub(super) fn take<S: HostStore>(
        &mut self,
        store: &mut S,
        now: Timestamp,
        busy: bool,
    ) -> Result<Vec<Request>, Error> {
        let Some(settled_after) = self.settled_after.filter(|_| self.wake_at <= now) else { return Ok(Vec::new()) };
        let round = settled_after.min(millis(RETENTION_ROUND_MAX)).max(millis(RETENTION_ROUND_MIN));
        if self.place.is_none() || self.began_at + round <= now {
            (self.place, self.began_at) = (None, now);
        }
        let settled_before = Timestamp::ZERO + now.since(Timestamp::ZERO + settled_after);
        let limit = if busy { PURGES_BUSY_MAX } else { PURGES_IDLE_MAX };
        let purge = Purge { settled_before, after: self.place.clone(), limit, dry_run: false };
        let stretch = purge.stretch(store)?;
        self.place = stretch.last().or(self.place.as_ref()).cloned();
        self.wake_at = now;
        if stretch.len() < limit {
            let next = store.begin()?.settled(self.place.as_ref(), Timestamp::MAX, 1)?;
            let settled_at = next.first().map_or(now, |(at, _)| *at);
            // It goes once that long has passed, and not at the very instant.
            let due_at = settled_at + settled_after + Millis::saturating(1);
            self.wake_at = due_at.max(now + Millis::saturating(1)).min(self.began_at + round);
        }
        Ok(purge.requests(&stretch))
    }
}

/// A purge that a client asks for.
pub(super) struct PurgeJob {
    purge: Purge,
    /// An instant of its own (spec §4, debug).
    at: Option<Timestamp>,
    answer: oneshot::Sender<Result<Purged, SubmitError>>,
}

impl Engine {
    /// Removes what may go of a stretch, at an instant of its own or now.
    ///
    /// # Errors
    /// As of [`Self::submit`].
    pub async fn purge(&self, purge: Purge, at: Option<Timestamp>) -> Result<Purged, SubmitError> {
        let (answer, answered) = oneshot::channel();
        self.send(Input::Purge(PurgeJob { purge, at, answer }))?;
        wait_for(answered).await
    }
}

impl<S: HostStore> Writer<S> {
    pub(super) fn purge(&mut self, job: PurgeJob) {
        let PurgeJob { purge, at, answer } = job;
        let now = match at {
            Some(at) => self.debug_time(at),
            None => self.now(),
        };
        let done = self.purge_at(&purge, now);
        // A client that has gone away wants no answer.
        let _ = answer.send(done);
    }

    fn purge_at(&mut self, purge: &Purge, now: Timestamp) -> Result<Purged, SubmitError> {
        if self.health.is_broken() {
            return Err(SubmitError::Unavailable);
        }
        let stretch = purge.stretch(&mut self.store);
        let stretch = self.unless_failed(stretch)?;
        let requests = purge.requests(&stretch);
        let waiters = requests.iter().map(|_| Waiter::Nobody).collect();
        let ran = self.run_all(requests, waiters, now);
        if self.health.is_broken() { Err(SubmitError::Unavailable) } else { Ok(purge.outcome(&stretch, ran.purged)) }
    }

    /// What was settled long enough ago to be removed beside other requests.
    pub(super) fn take_purges(&mut self, now: Timestamp, busy: bool) -> Vec<Request> {
        if self.health.is_broken() || self.background.is_still() {
            return Vec::new();
        }
        self.retention.take(&mut self.store, now, busy).unwrap_or_else(|error| {
            self.failed(&error, now);
            Vec::new()
        })
    }
}
