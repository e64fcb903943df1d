//! The thread that writes: the first waiting request starts a batch, the others that wait join it, all of them are one transaction and one
//! sync, and the answers go out after the commit, then the messages. Between clients' requests it does what is due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use resonate_core::address::Mailbox;
use resonate_core::drive::{self, TxError};
use resonate_core::due::Due;
use resonate_core::read::Read;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::{Millis, Timestamp};
use tokio::sync::oneshot;

use super::after_commit::Answered;
use super::background::Background;
use super::caught::caught;
use super::claims::{Claims, Found};
use super::debug::DebugJob;
use super::health::Health;
use super::limits::{BATCH_BYTES_MAX, BATCH_REQUESTS_MAX};
use super::retention::{PurgeJob, Retention};
use super::told::Told;
use super::transports::{Pull, Transports};
use super::{Job, SubmitError};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::recorder::Recorder;
use crate::store::{Error, HostStore};

/// What waits for the writer.
pub(super) enum Input {
    /// A client's request.
    Job(Job<Told>),
    /// What became of messages.
    Reports(Vec<Request>),
    /// Who can take messages.
    Pull(Pull),
    /// What is to be removed on request.
    Purge(PurgeJob),
    /// What must not be in a batch with others.
    Debug(DebugJob),
}

/// Who waits for an outcome.
pub(super) enum Waiter {
    Client(oneshot::Sender<Result<Told, SubmitError>>),
    Background(Due),
    /// Nobody: reports of transports, and claims for them.
    Nobody,
}

/// What the writer is made of.
pub(super) struct Parts<S> {
    pub(super) store: S,
    pub(super) rules: Arc<Rules>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) transports: Arc<dyn Transports>,
    pub(super) inputs: Receiver<Input>,
    pub(super) store_ok: Arc<AtomicBool>,
    pub(super) recorder: Option<Recorder>,
    pub(super) settled_after: Option<Millis>,
}

pub(super) struct Writer<S> {
    pub(super) store: S,
    pub(super) rules: Arc<Rules>,
    clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) transports: Arc<dyn Transports>,
    inputs: Receiver<Input>,
    /// Taken from the queue, and not fit for the batch that was being filled.
    held: Option<Input>,
    pub(super) background: Background,
    pub(super) claims: Claims,
    pub(super) retention: Retention,
    pub(super) health: Health,
    /// Mailboxes that got messages while the background stood still.
    pub(super) parked_meanwhile: BTreeSet<Mailbox>,
    /// The last instant at which something may have been claimed while the background stood still.
    pub(super) claimed_meanwhile: Timestamp,
    /// The last instant of debugging.
    pub(super) debug_seen: Option<Timestamp>,
    /// What is told of everything that takes effect.
    pub(super) recorder: Option<Recorder>,
}

/// The requests of a batch, with who waits for each.
#[derive(Default)]
struct Work {
    requests: Vec<Request>,
    waiters: Vec<Waiter>,
    bytes: usize,
}

impl Work {
    fn push(&mut self, request: Request, waiter: Waiter) {
        self.requests.push(request);
        self.waiters.push(waiter);
    }

    fn has_room(&self) -> bool {
        self.requests.len() < BATCH_REQUESTS_MAX && self.bytes < BATCH_BYTES_MAX
    }
}

/// What running requests came to.
pub(super) struct Ran {
    /// Whether background work found anything to do.
    pub(super) progress: bool,
    /// Promises that were removed, or would have been.
    pub(super) purged: usize,
    /// The instant of the last transaction.
    pub(super) now: Timestamp,
}

/// Whether a request is sure to want one of these rows.
fn wants(request: &Request, rows: &[Read]) -> bool {
    request.hints().iter().any(|hint| rows.iter().any(|row| hint == row || is_task_of(row, hint)))
}

/// A task is wanted with its promise.
fn is_task_of(task: &Read, promise: &Read) -> bool {
    if let (Read::Task(task), Read::Promise(promise)) = (task, promise) { task == promise } else { false }
}

fn wants_any(requests: &[Request], rows: &[Read]) -> bool {
    !rows.is_empty() && requests.iter().any(|request| wants(request, rows))
}

impl<S: HostStore> Writer<S> {
    pub(super) fn new(parts: Parts<S>) -> Self {
        let Parts { store, rules, clock, metrics, transports, inputs, store_ok, recorder, settled_after } = parts;
        let (background, mut claims) = (Background::new(store.sweep_interval()), Claims::new());
        if !store.is_shared() {
            // This server alone owns the store: whoever claimed messages before it is gone.
            claims.adopt_orphans(clock.now());
        }
        let health = Health::new(store_ok);
        Self {
            store,
            rules,
            clock,
            metrics,
            transports,
            inputs,
            held: None,
            background,
            claims,
            retention: Retention::new(settled_after),
            health,
            parked_meanwhile: BTreeSet::new(),
            claimed_meanwhile: Timestamp::ZERO,
            debug_seen: None,
            recorder,
        }
    }

    /// Runs until the queue is closed and everything in it is answered.
    pub(super) fn run(mut self) {
        loop {
            match self.wait() {
                Ok(Some(Input::Purge(job))) => self.purge(job),
                Ok(Some(Input::Debug(job))) => self.debug(job),
                Ok(first) => self.batch(first),
                Err(RecvTimeoutError::Timeout) => self.batch(None),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.store.rest();
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for a request, or until something is due.
    fn wait(&mut self) -> Result<Option<Input>, RecvTimeoutError> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        let is_free = !self.health.is_broken() && !self.background.is_still();
        let claims = self.claims.is_waiting() && is_free;
        if self.clock.stands_still() && !claims {
            // Whoever moves it says when to look, by a request: what is due must not come before that by chance.
            return self.inputs.recv().map(Some).map_err(|_| RecvTimeoutError::Disconnected);
        }
        let now = self.now();
        let retention = if is_free { self.retention.idle_for(now) } else { Some(Millis::MAX) };
        let idle = self.background.idle_for(now).zip(retention).map(|(due, old)| due.min(old));
        match idle.filter(|_| !claims) {
            None => match self.inputs.try_recv() {
                Ok(input) => Ok(Some(input)),
                Err(TryRecvError::Empty) => Ok(None),
                Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            },
            Some(idle) => {
                let idle = Duration::from_millis(idle.as_millis()).min(self.store.sweep_interval());
                self.inputs.recv_timeout(idle).map(Some)
            }
        }
    }

    /// One batch: the first request, those that wait behind it, and what is due.
    fn batch(&mut self, first: Option<Input>) {
        let mut work = self.drain(first);
        let busy = !work.requests.is_empty();
        let now = self.now();
        let due = self.take_due(now, busy);
        let swept = !due.is_empty() || self.background.idle_for(now).is_none();
        for due in due {
            work.push(due.request(), Waiter::Background(due));
        }
        let Found { requests: claims, pulls, more } = self.take_claims(now);
        for claim in claims {
            work.push(claim, Waiter::Nobody);
        }
        for purge in self.take_purges(now, busy) {
            work.push(purge, Waiter::Nobody);
        }
        if !work.requests.is_empty() {
            self.metrics.batch_requests.observe(work.requests.len() as f64);
        }
        let is_empty = work.requests.is_empty();
        let Ran { progress, purged: _, now } = self.run_all(work.requests, work.waiters, now);
        if self.health.is_broken() {
            pulls.into_iter().for_each(|pull| self.claims.pull(pull));
        } else {
            more.iter().for_each(|mailbox| self.transports.left_behind(mailbox));
        }
        if is_empty && !self.health.is_broken() {
            // A store that was opened anew has taken a write. Nobody may be there to send another: a proxy goes by the readiness.
            self.health.works();
        }
        if swept && !self.health.is_broken() {
            let shown = self.now();
            let planned = self.background.plan(&mut self.store, now, shown, progress || busy);
            planned.unwrap_or_else(|error| self.failed(&error, now));
        }
    }

    fn drain(&mut self, first: Option<Input>) -> Work {
        let mut work = Work::default();
        let mut next = first.or_else(|| self.inputs.try_recv().ok());
        while let Some(input) = next {
            match input {
                Input::Job(job) => {
                    work.bytes += job.bytes;
                    work.push(job.request, Waiter::Client(job.answer));
                }
                Input::Reports(reports) => reports.into_iter().for_each(|report| work.push(report, Waiter::Nobody)),
                Input::Pull(pull) => self.claims.pull(pull),
                Input::Purge(_) | Input::Debug(_) => {
                    self.held = Some(input);
                    break;
                }
            }
            next = if work.has_room() { self.inputs.try_recv().ok() } else { None };
        }
        work
    }

    fn take_due(&mut self, now: Timestamp, busy: bool) -> Vec<Due> {
        if self.health.may_try() {
            self.reopen(now);
        }
        if self.health.is_broken() {
            return Vec::new();
        }
        match self.background.take(&mut self.store, now, busy) {
            Ok(due) => due,
            Err(error) => {
                self.failed(&error, now);
                Vec::new()
            }
        }
    }

    fn take_claims(&mut self, now: Timestamp) -> Found {
        if self.health.is_broken() || self.background.is_still() {
            return Found::default();
        }
        self.claims.take(&mut self.store).unwrap_or_else(|error| {
            self.failed(&error, now);
            Found::default()
        })
    }

    /// Runs every request, at `now` unless the store has a clock.
    pub(super) fn run_all(&mut self, mut requests: Vec<Request>, waiters: Vec<Waiter>, now: Timestamp) -> Ran {
        if self.background.is_still() {
            self.claimed_meanwhile = self.claimed_meanwhile.max(now);
        }
        let mut waiters = waiters.into_iter();
        let mut ran = Ran { progress: false, purged: 0, now };
        let mut done = 0;
        let mut step = requests.len();
        while done < requests.len() && !self.health.is_broken() {
            let taken = &requests[done..requests.len().min(done.saturating_add(step))];
            let started = Instant::now();
            match caught(|| drive::run(&mut self.store, &self.rules, taken, now)) {
                Ok(finished) => {
                    self.metrics.commit_duration.observe(started.elapsed().as_secs_f64());
                    done += finished.outcomes.len();
                    self.health.works();
                    ran.now = finished.now;
                    self.clock.advance_to(ran.now);
                    let Answered { progress, purged } = self.answer(taken, finished, &mut waiters);
                    ran.progress |= progress;
                    ran.purged += purged;
                }
                Err(TxError::Store(error)) if !error.is_row() => {
                    self.failed(&error, now);
                    break;
                }
                // Somebody else has rows: who wants them goes without, the others go on.
                Err(TxError::Store(error)) if wants_any(taken, error.locked_rows()) => {
                    let taken = done..done + taken.len();
                    let rest = requests.drain(done..).zip(waiters).enumerate();
                    let (mut free, mut others) = (Vec::new(), Vec::new());
                    for (place, (request, waiter)) in rest {
                        if place + done < taken.end && wants(&request, error.locked_rows()) {
                            self.refuse_locked(waiter);
                        } else {
                            free.push(request);
                            others.push(waiter);
                        }
                    }
                    (requests, waiters, done, step) = (free, others.into_iter(), 0, usize::MAX);
                }
                // One record is at fault: halves find it, and the others are answered.
                Err(_) if taken.len() > 1 => step = taken.len() / 2,
                Err(error) => {
                    self.give_up(waiters.next(), &error);
                    done += 1;
                    step = requests.len();
                }
            }
        }
        for waiter in waiters {
            if let Waiter::Client(client) = waiter {
                let _ = client.send(Err(SubmitError::Unavailable));
            }
        }
        ran
    }

    /// Notes that the store has failed. Its connection is opened anew before the next batch: after some errors it cannot be trusted.
    pub(super) fn failed(&mut self, error: &Error, now: Timestamp) {
        self.health.failed(error);
        self.metrics.store_errors.inc();
        self.background.pause(now);
        self.retention.pause(now);
    }

    fn reopen(&mut self, now: Timestamp) {
        let started = Instant::now();
        match self.store.reopen() {
            Ok(()) => {
                self.health.reopened();
                self.record_anew(now).unwrap_or_else(|error| self.failed(&error, now));
            }
            Err(error) => {
                self.failed(&error, now);
                self.health.tried_in_vain(started.elapsed());
            }
        }
    }
}
