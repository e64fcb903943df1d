//! Delivery by HTTP push: a message is the body of a POST to its address, and any 2xx means that it arrived. It owns what waits for push targets
//! and what is under way; when a failed delivery is tried again is the machine's to say.
//!
//! Nothing here survives a stop and nothing needs to: a message without a report comes again when its claim ends.

mod client;
mod lanes;
mod limits;
#[cfg(test)]
mod tests;
mod warnings;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonate_core::message::Delivery;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::{Outcome, Reports};
use crate::config::HttpPushConfig;
use client::{Client, Failure};
use lanes::{Ended, Lanes, Number, Offered, Standing, Start};
use warnings::Warnings;

/// The push transport. Requests that are under way when it is dropped are cut off without a report.
#[derive(Debug)]
pub struct Push {
    desk: Arc<Desk>,
    reports: Reports,
    sending: AbortHandle,
}

/// What the writer's thread and the sending task share.
#[derive(Debug)]
struct Desk {
    /// Never held across an await, and never for long: the writer waits for it.
    lanes: Mutex<Lanes>,
    /// Something new waits.
    changed: Notify,
}

/// What carries one message to its address.
trait Carrier: Send + Sync + 'static {
    /// Sends it and waits for the answer. With `keep` the connection may serve the next message too.
    fn carry(
        self: Arc<Self>,
        delivery: Delivery,
        keep: bool,
    ) -> impl Future<Output = Result<(), Failure>> + Send + 'static;
}

impl Push {
    /// Starts the task that sends. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the settings make no header, or there is no TLS.
    pub fn start(config: &HttpPushConfig, server_url: Arc<str>, reports: Reports) -> Result<Self, String> {
        let client = Client::new(config, server_url)?;
        Ok(Self::with(client, config.concurrency, reports))
    }

    fn with<C: Carrier>(carrier: C, concurrency: usize, reports: Reports) -> Self {
        let desk = Arc::new(Desk { lanes: Mutex::new(Lanes::new(concurrency)), changed: Notify::new() });
        let sender = Sender {
            desk: Arc::clone(&desk),
            reports: reports.clone(),
            carrier: Arc::new(carrier),
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
            aborts: HashMap::new(),
            warnings: Warnings::default(),
        };
        let sending = tokio::spawn(sender.run()).abort_handle();
        Self { desk, reports, sending }
    }

    /// Takes a message to deliver. It never waits; one that is waiting or under way already is ignored.
    pub fn deliver(&self, delivery: Delivery) {
        let (key, version) = (delivery.key.clone(), delivery.version);
        let offered = self.desk.lanes().offer(delivery);
        match offered {
            Offered::Queued => self.desk.changed.notify_one(),
            // Its claim is new, and that is all.
            Offered::Known => {}
            Offered::PutOff => self.reports.report_key(key, version, Outcome::Failed),
            // Reporting it as failed would make it wait longer each time although nothing is wrong with its target.
            Offered::NoRoom => {
                tracing::debug!(id = %key.id(), "no room for a push message: it comes again when its claim ends");
            }
        }
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

impl Desk {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that sends.
struct Sender<C> {
    desk: Arc<Desk>,
    reports: Reports,
    carrier: Arc<C>,
    tasks: JoinSet<Result<(), Failure>>,
    under_way: HashMap<Id, Number>,
    aborts: HashMap<Number, AbortHandle>,
    warnings: Warnings,
}

impl<C: Carrier> Sender<C> {
    async fn run(mut self) {
        loop {
            let look_at = self.fill_slots();
            tokio::select! {
                () = self.desk.changed.notified() => {}
                Some(joined) = self.tasks.join_next_with_id() => {
                    let (id, went) = outcome_of(joined);
                    if let Some(number) = self.under_way.remove(&id) {
                        self.aborts.remove(&number);
                        self.end(number, &went);
                    }
                }
                () = sleep_until(look_at) => {}
            }
        }
    }

    /// Starts what there are slots for, and cuts short what overstays. Returns when something will overstay.
    fn fill_slots(&mut self) -> Option<Instant> {
        loop {
            let now = Instant::now();
            loop {
                let start = self.desk.lanes().start(now);
                let Some(Start { number, delivery, standing }) = start else { break };
                // Connections are kept to targets that have answered before: there is no bound on the others.
                let keep = standing == Standing::Works;
                let abort = self.tasks.spawn(Arc::clone(&self.carrier).carry(delivery, keep));
                self.under_way.insert(abort.id(), number);
                self.aborts.insert(number, abort);
            }
            let overstayer = self.desk.lanes().overstayer(now);
            match overstayer {
                Some((number, until)) if until <= now => {
                    if let Some(abort) = self.aborts.remove(&number) {
                        abort.abort();
                    }
                    self.end(number, &Err(Failure::CutShort));
                }
                Some((_, until)) => return Some(until),
                None => return None,
            }
        }
    }

    fn end(&mut self, number: Number, went: &Result<(), Failure>) {
        let ended = self.desk.lanes().end(number, went.is_ok());
        let Some(Ended { message: (key, version), address, put_off }) = ended else { return };
        if let Err(why) = went {
            let host = client::host(&address);
            tracing::debug!(to = host, id = %key.id(), %why, "a push delivery failed");
            if self.warnings.is_due(&host, Instant::now()) {
                tracing::warn!(to = host, id = %key.id(), %why, "push deliveries fail; they are tried again");
            }
        }
        let outcome = if went.is_ok() { Outcome::Delivered } else { Outcome::Failed };
        self.reports.report_key(key, version, outcome);
        for (key, version) in put_off {
            self.reports.report_key(key, version, Outcome::Failed);
        }
    }
}

/// Which task is over, and how its delivery went.
fn outcome_of(joined: Result<(Id, Result<(), Failure>), JoinError>) -> (Id, Result<(), Failure>) {
    match joined {
        Ok(ended) => ended,
        Err(error) if error.is_panic() => (error.id(), Err(Failure::Defect)),
        Err(error) => (error.id(), Err(Failure::CutShort)),
    }
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
