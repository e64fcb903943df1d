//! The thread that writes: the first waiting request starts a batch, the others that wait join it, all of them are one transaction and one
//! sync, and the answers go out after the commit, then the messages. Between clients' requests it does what is due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use resonate_core::address::Mailbox;
use resonate_core::batch::{Finished, Outcome};
use resonate_core::drive::{self, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::effect::Effect;
use resonate_core::message::{Delivery, Message};
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;
use tokio::sync::oneshot;

use super::background::Background;
use super::caught::caught;
use super::claims::{Claims, Found};
use super::debug::DebugJob;
use super::health::Health;
use super::limits::{BATCH_BYTES_MAX, BATCH_REQUESTS_MAX, SWEEP_INTERVAL};
use super::transports::{Pull, Transports};
use super::{Job, SubmitError};
use crate::clock::Clock;
use crate::metrics::{Kind, Metrics, Went};
use crate::store::{Error, HostStore, damage};

/// What waits for the writer.
pub(super) enum Input {
    /// A client's request.
    Job(Job<Reply>),
    /// What became of messages.
    Reports(Vec<Request>),
    /// Who can take messages.
    Pull(Pull),
    /// What must not be in a batch with others.
    Debug(DebugJob),
}

/// Who waits for an outcome.
pub(super) enum Waiter {
    Client(oneshot::Sender<Result<Reply, SubmitError>>),
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
}

pub(super) struct Writer<S> {
    pub(super) store: S,
    rules: Arc<Rules>,
    clock: Clock,
    metrics: Arc<Metrics>,
    pub(super) transports: Arc<dyn Transports>,
    inputs: Receiver<Input>,
    /// Taken from the queue, and not fit for the batch that was being filled.
    held: Option<Input>,
    pub(super) background: Background,
    pub(super) claims: Claims,
    pub(super) health: Health,
    /// Mailboxes that got messages while the background stood still.
    pub(super) parked_meanwhile: BTreeSet<Mailbox>,
    /// The last instant of debugging.
    pub(super) debug_seen: Option<Timestamp>,
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

impl<S: HostStore> Writer<S> {
    pub(super) fn new(parts: Parts<S>) -> Self {
        let Parts { store, rules, clock, metrics, transports, inputs, store_ok } = parts;
        let (background, mut claims) = (Background::new(), Claims::new());
        // This server alone owns the store: whoever claimed messages before it is gone.
        claims.adopt_orphans(clock.now());
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
            health,
            parked_meanwhile: BTreeSet::new(),
            debug_seen: None,
        }
    }

    /// Runs until the queue is closed and everything in it is answered.
    pub(super) fn run(mut self) {
        loop {
            match self.wait() {
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
        let claims = self.claims.is_waiting() && !self.health.is_broken() && !self.background.is_still();
        match self.background.idle_for(self.now()).filter(|_| !claims) {
            None => match self.inputs.try_recv() {
                Ok(input) => Ok(Some(input)),
                Err(TryRecvError::Empty) => Ok(None),
                Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            },
            Some(idle) => {
                let idle = Duration::from_millis(idle.as_millis()).min(SWEEP_INTERVAL);
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
        if !work.requests.is_empty() {
            self.metrics.batch_requests.observe(work.requests.len() as f64);
        }
        let progress = self.run_all(&work.requests, work.waiters, now);
        if self.health.is_broken() {
            pulls.into_iter().for_each(|pull| self.claims.pull(pull));
        } else {
            more.iter().for_each(|mailbox| self.transports.parked(mailbox));
        }
        if work.requests.is_empty() && !self.health.is_broken() {
            // A store that was opened anew has taken a write. Nobody may be there to send another: a proxy goes by the readiness.
            self.health.works();
        }
        if swept && !self.health.is_broken() {
            let planned = self.background.plan(&mut self.store, now, progress || busy);
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
                Input::Debug(_) => {
                    self.held = Some(input);
                    break;
                }
            }
            next = if work.has_room() { self.inputs.try_recv().ok() } else { None };
        }
        work
    }

    fn take_due(&mut self, now: Timestamp, busy: bool) -> Vec<Due> {
        if self.health.is_broken() {
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

    /// Runs every request. Returns whether background work found anything to do.
    pub(super) fn run_all(&mut self, requests: &[Request], waiters: Vec<Waiter>, now: Timestamp) -> bool {
        let mut waiters = waiters.into_iter();
        let (mut done, mut progress) = (0, false);
        let mut step = requests.len();
        while done < requests.len() && !self.health.is_broken() {
            let taken = &requests[done..requests.len().min(done + step)];
            let started = Instant::now();
            match caught(|| drive::run(&mut self.store, &self.rules, taken, now)) {
                Ok(finished) => {
                    self.metrics.commit_duration.observe(started.elapsed().as_secs_f64());
                    done += finished.outcomes.len();
                    self.health.works();
                    progress |= self.answer(finished, &mut waiters, now);
                }
                Err(TxError::Store(error)) if !error.is_row() => {
                    self.failed(&error, now);
                    break;
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
        progress
    }

    fn answer(&mut self, finished: Finished, waiters: &mut impl Iterator<Item = Waiter>, now: Timestamp) -> bool {
        let mut progress = false;
        let mut after = AfterCommit::default();
        for (outcome, waiter) in finished.outcomes.into_iter().zip(waiters) {
            let Outcome { reply, effects, projected: _ } = outcome;
            after.extend(effects);
            if reply == Reply::Expired {
                self.metrics.deliveries.get_or_create(&Went { status: "expired" }).inc();
            }
            match waiter {
                // A client that has gone away wants no answer.
                Waiter::Client(client) => drop(client.send(Ok(reply))),
                Waiter::Background(due) => {
                    if reply != Reply::Idle {
                        progress = true;
                        self.count(due.kind, Some(now.since(due.at).as_millis()));
                    } else if self.background.found_idle(&due) {
                        self.skip(&due);
                    }
                }
                Waiter::Nobody => {}
            }
        }
        for (request, outcome) in finished.follow_ups {
            after.extend(outcome.effects);
            if let Some(kind) = request.due_kind().filter(|_| outcome.reply != Reply::Idle) {
                self.count(kind, None);
            }
        }
        self.act(after);
        progress
    }

    /// Everybody has been answered: does what the commit was for.
    fn act(&mut self, after: AfterCommit) {
        let AfterCommit { deliveries, parked, wake_at } = after;
        if let Some(at) = wake_at {
            self.background.wake_at(at);
        }
        if self.background.is_still() {
            // What is claimed is found again once the background goes on.
            self.parked_meanwhile.extend(parked);
            return;
        }
        for delivery in deliveries {
            let kind = match delivery.message {
                Message::Execute { .. } => "execute",
                Message::Unblock { .. } => "unblock",
            };
            self.metrics.messages.get_or_create(&Kind { kind }).inc();
            self.transports.deliver(delivery);
        }
        parked.iter().for_each(|mailbox| self.transports.parked(mailbox));
    }

    fn count(&self, kind: DueKind, late_millis: Option<u64>) {
        let label = Kind { kind: kind.name() };
        if let Some(millis) = late_millis {
            self.metrics.timer_lateness.get_or_create(&label).observe(Duration::from_millis(millis).as_secs_f64());
        }
        self.metrics.background.get_or_create(&label).inc();
        match kind {
            DueKind::Deadline => drop(self.metrics.timeouts.inc()),
            DueKind::Schedule => drop(self.metrics.schedule_promises.inc()),
            DueKind::Discharge | DueKind::Lease | DueKind::Retry | DueKind::Message => {}
        }
    }

    /// Leaves a request alone that can only fail.
    fn give_up(&mut self, waiter: Option<Waiter>, error: &TxError<Error>) {
        if let TxError::Store(error) = error {
            damage::report(error);
        }
        match (waiter, error) {
            (Some(Waiter::Client(client)), TxError::Store(_)) => drop(client.send(Err(SubmitError::Damaged))),
            (Some(Waiter::Client(client)), TxError::Conflict) => drop(client.send(Err(SubmitError::Unavailable))),
            (Some(Waiter::Background(due)), _) => self.skip(&due),
            (Some(Waiter::Nobody) | None, _) => {}
        }
    }

    fn skip(&mut self, due: &Due) {
        if self.background.skip(due) {
            self.metrics.skipped_rows.inc();
            tracing::error!(kind = due.kind.name(), key = ?due.key, "left a due row alone: nothing can be done about it");
        }
    }

    /// Notes that the store has failed. Its connection is opened anew before the next batch: after some errors it cannot be trusted.
    pub(super) fn failed(&mut self, error: &Error, now: Timestamp) {
        self.health.failed(error);
        self.metrics.store_errors.inc();
        self.background.pause(now);
    }

    fn reopen(&mut self, now: Timestamp) {
        match self.store.reopen() {
            Ok(()) => self.health.reopened(),
            Err(error) => self.failed(&error, now),
        }
    }
}

/// What a commit asks for.
#[derive(Default)]
struct AfterCommit {
    deliveries: Vec<Delivery>,
    parked: BTreeSet<Mailbox>,
    wake_at: Option<Timestamp>,
}

impl AfterCommit {
    fn extend(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Deliver(delivery) => self.deliveries.push(delivery),
                Effect::Parked(mailbox) => drop(self.parked.insert(mailbox)),
                Effect::WakeAt(at) => self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at))),
            }
        }
    }
}
