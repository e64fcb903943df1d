//! A thread that answers reads beside the writer: it takes what waits, answers all of it over one view of the store, and says what only the
//! writer may answer.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use resonate_core::drive::{self, Beside, Tx as _, TxError};
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::rules::Rules;

use super::caught::caught;
use super::limits::{FAILURE_LOG_INTERVAL, FAILURE_PAUSE};
use super::told::ReadAnswer;
use super::{Job, SubmitError};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::store::{Error, ReadStore, damage};

pub(super) struct Reader<R> {
    pub(super) store: R,
    pub(super) rules: Arc<Rules>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    /// Reads over one view. Searches get a view each: one held for long keeps the log from starting over.
    pub(super) view_reads_max: usize,
}

/// What a reader leaves to the writer: one connection that is lost is replaced at once, but where there is none each read must not wait for another
/// attempt.
#[derive(Debug, Default)]
struct Rest {
    /// The last view failed.
    failed: bool,
    until: Option<Instant>,
    logged_at: Option<Instant>,
}

impl Rest {
    fn is_over(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }

    fn works(&mut self) {
        self.failed = false;
    }

    /// Takes note of a failure, and says whether the log should hear of it.
    fn failed(&mut self, now: Instant) -> bool {
        if std::mem::replace(&mut self.failed, true) {
            self.until = Some(now + FAILURE_PAUSE);
        }
        let log = self.logged_at.is_none_or(|logged_at| logged_at + FAILURE_LOG_INTERVAL < now);
        if log {
            self.logged_at = Some(now);
        }
        log
    }
}

impl<R: ReadStore> Reader<R> {
    /// Runs until the queue is closed and empty.
    pub(super) fn run(mut self, jobs: &Receiver<Job<ReadAnswer>>) {
        let mut waiting = Vec::with_capacity(self.view_reads_max);
        let mut rest = Rest::default();
        while let Ok(first) = jobs.recv() {
            waiting.push(first);
            // On busy cores the others get to enqueue theirs first, and one wake-up answers many.
            std::thread::yield_now();
            waiting.extend(jobs.try_iter().take(self.view_reads_max - 1));
            // A caller that has gone away wants no answer, and a search for nobody would delay the others.
            waiting.retain(|job: &Job<ReadAnswer>| !job.answer.is_closed());
            if rest.is_over() {
                match self.answer(&mut waiting) {
                    Ok(()) => rest.works(),
                    Err(error) => self.failed(&error, &mut rest),
                }
            }
            // The writer may have a connection that works. What was being answered is dropped: its callers see an unavailable store.
            for job in waiting.drain(..) {
                let now = self.clock.now();
                let _ = job.answer.send(Ok(ReadAnswer { request: job.request, beside: Beside::Writes, now }));
            }
        }
    }

    fn failed(&mut self, error: &Error, rest: &mut Rest) {
        self.metrics.store_errors.inc();
        let log = rest.failed(Instant::now());
        if log {
            tracing::error!(%error, "cannot read beside the writer, which has to answer until this works again");
        }
        if let Err(error) = self.store.reopen()
            && log
        {
            tracing::error!(%error, "cannot reopen the store");
        }
    }

    fn answer(&mut self, waiting: &mut Vec<Job<ReadAnswer>>) -> Result<(), Error> {
        if waiting.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin_read()?;
        let now = self.clock.now();
        let mut records = Records::open();
        let mut hints: Vec<Read> = waiting.iter().flat_map(|job| job.request.hints()).collect();
        hints.sort_unstable();
        hints.dedup();
        // All at once, unless one of them cannot be read: then each by itself.
        match tx.load(&hints, &mut records) {
            Err(TxError::Store(error)) if !error.is_row() => return Err(error),
            Ok(()) | Err(_) => {}
        }
        for job in waiting.drain(..) {
            let read = caught(|| drive::read_over(&mut tx, &self.rules, &job.request, now, &mut records));
            let answer = match read {
                Ok(beside) => Ok(ReadAnswer { request: job.request, beside, now }),
                Err(TxError::Store(error)) if !error.is_row() => return Err(error),
                Err(TxError::Store(error)) => {
                    damage::report(&error);
                    Err(SubmitError::Damaged)
                }
                Err(TxError::Conflict) => Err(SubmitError::Unavailable),
            };
            let _ = job.answer.send(answer);
        }
        Ok(())
    }
}
