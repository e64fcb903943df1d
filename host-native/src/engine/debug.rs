//! Debugging (spec §4, debug): the background stands still on request, time is what a request says it is, everything can be seen and emptied.

use resonate_core::drive::{self, Tx as _};
use resonate_core::due::{Due, DueKind};
use resonate_core::snapshot::Snapshot;
use resonate_core::time::{Millis, Timestamp};
use resonate_core::wire::envelope::DebugCall;
use tokio::sync::oneshot;

use super::claims;
use super::limits::{BACKGROUND_IDLE_MAX, TICK_ROUNDS_MAX};
use super::told::Told;
use super::writer::{Waiter, Writer};
use super::{Job, SubmitError};
use crate::store::{Error, HostStore};

/// The answer to a [`DebugCall`].
#[derive(Debug)]
pub enum DebugAnswer {
    /// It is done.
    Done,
    /// Everything that was due has been done.
    Ticked,
    /// The whole state.
    Snapshot(Box<Snapshot>),
}

/// What the writer does by itself, between two batches.
pub(super) enum DebugJob {
    Call(DebugCall, oneshot::Sender<Result<DebugAnswer, SubmitError>>),
    /// A request at an instant of its own.
    At(Timestamp, Job<Told>),
}

impl<S: HostStore> Writer<S> {
    pub(super) fn debug(&mut self, job: DebugJob) {
        match job {
            DebugJob::At(at, job) => {
                let at = self.debug_time(at);
                self.run_all(vec![job.request], vec![Waiter::Client(job.answer)], at);
            }
            DebugJob::Call(call, answer) => {
                let done = self.debug_call(call);
                // A client that has gone away wants no answer.
                let _ = answer.send(done);
            }
        }
    }

    fn debug_call(&mut self, call: DebugCall) -> Result<DebugAnswer, SubmitError> {
        match call {
            DebugCall::Start => {
                self.debug_seen = None;
                self.background.stand_still(true);
                Ok(DebugAnswer::Done)
            }
            DebugCall::Stop => {
                if self.background.is_still() {
                    self.go_on()?;
                }
                Ok(DebugAnswer::Done)
            }
            DebugCall::Reset => {
                self.debug_seen = None;
                let done = self.store.reset();
                self.unless_failed(done)?;
                let now = self.now();
                self.recorder.iter_mut().for_each(|recorder| recorder.emptied(now));
                Ok(DebugAnswer::Done)
            }
            DebugCall::Tick { time } => {
                let at = self.debug_time(time);
                self.tick(at)?;
                Ok(DebugAnswer::Ticked)
            }
            DebugCall::Snap => {
                let snapshot = self.store.begin().and_then(|mut tx| tx.snapshot());
                self.unless_failed(snapshot).map(|snapshot| DebugAnswer::Snapshot(Box::new(snapshot)))
            }
        }
    }

    pub(super) fn unless_failed<T>(&mut self, done: Result<T, Error>) -> Result<T, SubmitError> {
        done.map_err(|error| {
            self.failed(&error, self.now());
            SubmitError::Unavailable
        })
    }

    /// Does by itself again what was left undone meanwhile.
    fn go_on(&mut self) -> Result<(), SubmitError> {
        self.background.stand_still(false);
        std::mem::take(&mut self.parked_meanwhile).iter().for_each(|mailbox| self.transports.parked(mailbox));
        // What became deliverable was claimed and not delivered, perhaps at an instant that is still to come: its claim would end as late.
        let claimed = std::mem::take(&mut self.claimed_meanwhile);
        let behind = self.now().max(claimed) + Millis::saturating(1);
        let orphans = claims::all_orphans(&mut self.store, behind);
        for claims in self.unless_failed(orphans)?.chunks(BACKGROUND_IDLE_MAX) {
            self.run_all(claims.to_vec(), claims.iter().map(|_| Waiter::Nobody).collect(), behind);
        }
        if self.health.is_broken() { Err(SubmitError::Unavailable) } else { Ok(()) }
    }

    /// An instant earlier than the last seen counts as that one.
    pub(super) fn debug_time(&mut self, at: Timestamp) -> Timestamp {
        let at = self.debug_seen.map_or(at, |seen| seen.max(at));
        self.debug_seen = Some(at);
        at
    }

    /// Does everything that is due, and what becomes due by it.
    fn tick(&mut self, now: Timestamp) -> Result<(), SubmitError> {
        for _ in 0..TICK_ROUNDS_MAX {
            let due = drive::sweep(&mut self.store, &DueKind::TIMERS, now, BACKGROUND_IDLE_MAX);
            let due = self.unless_failed(due)?;
            let requests: Vec<_> = due.iter().map(Due::request).collect();
            let waiters = due.into_iter().map(Waiter::Background).collect();
            if requests.is_empty() || !self.run_all(requests, waiters, now).progress {
                break;
            }
        }
        if self.health.is_broken() { Err(SubmitError::Unavailable) } else { Ok(()) }
    }
}
