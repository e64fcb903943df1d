//! A thread that answers reads beside the writer: it takes what waits, answers all of it over one view of the store, and sends to the writer
//! what only the writer may answer.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use resonate_core::drive;
use resonate_core::reply::Reply;
use resonate_core::rules::Rules;

use super::limits::READ_BATCH_MAX;
use super::{Job, ReadAnswer, SubmitError};
use crate::clock::Clock;
use crate::store::{Error, ReadStore};

pub(super) struct Reader<R> {
    pub(super) store: R,
    pub(super) rules: Arc<Rules>,
    pub(super) clock: Clock,
}

impl<R: ReadStore> Reader<R> {
    /// Runs until the queue is closed and empty.
    pub(super) fn run(mut self, jobs: &Receiver<Job<ReadAnswer>>) {
        let mut waiting = Vec::with_capacity(READ_BATCH_MAX);
        while let Ok(first) = jobs.recv() {
            waiting.push(first);
            waiting.extend(jobs.try_iter().take(READ_BATCH_MAX - 1));
            if let Err(error) = self.answer(&mut waiting) {
                tracing::error!(%error, "cannot read from the store");
                // The rest is dropped, which its callers see as an unavailable store.
                waiting.clear();
                if let Err(error) = self.store.reopen() {
                    tracing::error!(%error, "cannot reopen the store");
                }
            }
        }
    }

    fn answer(&mut self, waiting: &mut Vec<Job<ReadAnswer>>) -> Result<(), Error> {
        let mut tx = self.store.begin_read()?;
        let now = self.clock.now();
        for job in waiting.drain(..) {
            let read: Result<Option<Reply>, Error> = drive::read(&mut tx, &self.rules, &job.request, now);
            let answer = match read {
                Ok(reply) => Ok((job.request, reply)),
                Err(error) if error.is_row() => {
                    tracing::error!(%error, "cannot answer a read");
                    Err(SubmitError::Unavailable)
                }
                Err(error) => return Err(error),
            };
            // A caller that has gone away wants no answer.
            let _ = job.answer.send(answer);
        }
        Ok(())
    }
}
