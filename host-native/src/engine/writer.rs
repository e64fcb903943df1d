//! The thread that writes: the first waiting request starts a batch, the others that wait join it, all of them are one transaction and one
//! sync, and the answers go out after the commit. Between clients' requests it does what is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use resonate_core::batch::{Finished, Outcome};
use resonate_core::drive::{self, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::effect::Effect;
use resonate_core::message::Message;
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;
use tokio::sync::oneshot;

use super::background::Background;
use super::caught::caught;
use super::limits::{BATCH_BYTES_MAX, BATCH_REQUESTS_MAX, FAILURE_LOG_INTERVAL, SWEEP_INTERVAL};
use super::{Job, SubmitError};
use crate::clock::Clock;
use crate::metrics::{Kind, Metrics};
use crate::store::{Error, HostStore, damage};

/// Who waits for an outcome.
enum Waiter {
    Client(oneshot::Sender<Result<Reply, SubmitError>>),
    Background(Due),
}

pub(super) struct Writer<S> {
    store: S,
    rules: Arc<Rules>,
    clock: Clock,
    metrics: Arc<Metrics>,
    jobs: Receiver<Job<Reply>>,
    background: Background,
    /// Whether the store works, for readiness.
    store_ok: Arc<AtomicBool>,
    /// The last transaction failed: the connection is opened anew before the next.
    broken: bool,
    /// When a failure was last logged: a broken disk must not fill another one with logs.
    logged_at: Option<Instant>,
    /// Whether the log has heard of a failure and not of the recovery.
    announced: bool,
}

impl<S: HostStore> Writer<S> {
    pub(super) fn new(
        store: S,
        rules: Arc<Rules>,
        clock: Clock,
        metrics: Arc<Metrics>,
        jobs: Receiver<Job<Reply>>,
        store_ok: Arc<AtomicBool>,
    ) -> Self {
        let background = Background::new();
        Self {
            store,
            rules,
            clock,
            metrics,
            jobs,
            background,
            store_ok,
            broken: false,
            logged_at: None,
            announced: false,
        }
    }

    /// Runs until the queue is closed and everything in it is answered.
    pub(super) fn run(mut self) {
        loop {
            match self.wait() {
                Ok(first) => self.batch(first),
                Err(RecvTimeoutError::Timeout) => self.batch(None),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.store.rest();
        }
    }

    /// Waits for a request, or until something is due.
    fn wait(&self) -> Result<Option<Job<Reply>>, RecvTimeoutError> {
        match self.background.idle_for(self.clock.now()) {
            None => match self.jobs.try_recv() {
                Ok(job) => Ok(Some(job)),
                Err(TryRecvError::Empty) => Ok(None),
                Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            },
            Some(idle) => {
                let idle = Duration::from_millis(idle.as_millis()).min(SWEEP_INTERVAL);
                self.jobs.recv_timeout(idle).map(Some)
            }
        }
    }

    /// One batch: the first request, those that wait behind it, and what is due.
    fn batch(&mut self, first: Option<Job<Reply>>) {
        let (mut requests, mut waiters) = self.drain(first);
        let clients = requests.len();
        let now = self.clock.now();
        let due = self.take_due(now, clients > 0);
        let swept = !due.is_empty() || self.background.idle_for(now).is_none();
        for due in due {
            requests.push(due.request());
            waiters.push(Waiter::Background(due));
        }
        if !requests.is_empty() {
            self.metrics.batch_requests.observe(requests.len() as f64);
        }
        let progress = self.run_all(&requests, waiters, now);
        if requests.is_empty() && !self.broken {
            // A store that was opened anew has taken a write. Nobody may be there to send another: a proxy goes by the readiness.
            self.recovered();
        }
        if swept && !self.broken {
            let planned = self.background.plan(&mut self.store, now, progress || clients > 0);
            planned.unwrap_or_else(|error| self.failed(&error, now));
        }
    }

    fn drain(&self, first: Option<Job<Reply>>) -> (Vec<Request>, Vec<Waiter>) {
        let (mut requests, mut waiters, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut next = first.or_else(|| self.jobs.try_recv().ok());
        while let Some(job) = next {
            bytes += job.bytes;
            requests.push(job.request);
            waiters.push(Waiter::Client(job.answer));
            let room = requests.len() < BATCH_REQUESTS_MAX && bytes < BATCH_BYTES_MAX;
            next = if room { self.jobs.try_recv().ok() } else { None };
        }
        (requests, waiters)
    }

    fn take_due(&mut self, now: Timestamp, busy: bool) -> Vec<Due> {
        if self.broken {
            self.reopen(now);
        }
        if self.broken {
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

    /// Runs every request. Returns whether background work found anything to do.
    fn run_all(&mut self, requests: &[Request], waiters: Vec<Waiter>, now: Timestamp) -> bool {
        let mut waiters = waiters.into_iter();
        let (mut done, mut progress) = (0, false);
        let mut step = requests.len();
        while done < requests.len() && !self.broken {
            let taken = &requests[done..requests.len().min(done + step)];
            let started = Instant::now();
            match caught(|| drive::run(&mut self.store, &self.rules, taken, now)) {
                Ok(finished) => {
                    self.metrics.commit_duration.observe(started.elapsed().as_secs_f64());
                    done += finished.outcomes.len();
                    self.recovered();
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
        for (outcome, waiter) in finished.outcomes.into_iter().zip(waiters) {
            self.note(&outcome);
            match waiter {
                // A client that has gone away wants no answer.
                Waiter::Client(client) => drop(client.send(Ok(outcome.reply))),
                Waiter::Background(due) => {
                    if outcome.reply != Reply::Idle {
                        progress = true;
                        self.count(due.kind, Some(now.since(due.at).as_millis()));
                    } else if self.background.found_idle(&due) {
                        self.skip(&due);
                    }
                }
            }
        }
        for (request, outcome) in finished.follow_ups {
            self.note(&outcome);
            if let Some(kind) = kind_of(&request).filter(|_| outcome.reply != Reply::Idle) {
                self.count(kind, None);
            }
        }
        progress
    }

    fn note(&mut self, outcome: &Outcome) {
        self.background.note(&outcome.effects);
        for effect in &outcome.effects {
            if let Effect::Deliver(delivery) = effect {
                let kind = match delivery.message {
                    Message::Execute { .. } => "execute",
                    Message::Unblock { .. } => "unblock",
                };
                self.metrics.messages.get_or_create(&Kind { kind }).inc();
            }
        }
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
            (None, _) => {}
        }
    }

    fn skip(&mut self, due: &Due) {
        if self.background.skip(due) {
            self.metrics.skipped_rows.inc();
            tracing::error!(kind = due.kind.name(), key = ?due.key, "left a due row alone: nothing can be done about it");
        }
    }

    /// Notes that the store has failed. Its connection is opened anew before the next batch: after some errors it cannot be trusted.
    fn failed(&mut self, error: &Error, now: Timestamp) {
        if self.logged_at.is_none_or(|logged_at| logged_at.elapsed() > FAILURE_LOG_INTERVAL) {
            tracing::error!(%error, "the store failed: requests are refused until it works again");
            self.logged_at = Some(Instant::now());
            self.announced = true;
        }
        self.store_ok.store(false, Ordering::Relaxed);
        self.metrics.store_errors.inc();
        self.broken = true;
        self.background.pause(now);
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.announced) {
            tracing::info!("the store works again");
        }
        self.store_ok.store(true, Ordering::Relaxed);
    }

    fn reopen(&mut self, now: Timestamp) {
        match self.store.reopen() {
            Ok(()) => self.broken = false,
            Err(error) => self.failed(&error, now),
        }
    }
}

/// The kind of background work that a follow-up is.
fn kind_of(request: &Request) -> Option<DueKind> {
    match request {
        Request::TimeOutPromise { .. } => Some(DueKind::Deadline),
        Request::DischargePromise { .. } => Some(DueKind::Discharge),
        Request::ExpireLease { .. } => Some(DueKind::Lease),
        Request::DispatchTask { .. } => Some(DueKind::Retry),
        Request::RunSchedule { .. } => Some(DueKind::Schedule),
        Request::ClaimMessage { .. } => Some(DueKind::Message),
        _ => None,
    }
}
