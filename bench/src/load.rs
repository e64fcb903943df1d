//! Owns the closed-loop load: so many connections, each with one call under way at any time, until a
//! time or a count is reached. One task a connection, one histogram a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::client::{Call, Fault, Link};
use crate::ids::Ids;

/// Beyond this a connection gives up.
const ERRORS_PER_CONNECTION_MAX: u64 = 1_000;
/// What may pass between the end of a load and the answer to its last call.
const LAST_ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const LATENCY_NANOS_MIN: u64 = 1_000;
const LATENCY_NANOS_MAX: u64 = 120_000_000_000;

/// What each connection does again and again.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Create(Call),
    /// A create, then a resolve of the promise it made.
    CreateAndResolve(Call, Call),
    /// A get of any of the first so many ids.
    Get {
        stored: u64,
    },
}

/// When a load ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// Operations that end from `warm` on are recorded, those that end by `end` are counted.
    Elapsed { warm: Instant, end: Instant },
    /// So many ids were taken, or it is late.
    Taken { count: u64, latest: Instant },
}

impl Until {
    fn window(&self) -> (Option<Instant>, Instant) {
        match *self {
            Until::Elapsed { warm, end } => (Some(warm), end),
            Until::Taken { latest, .. } => (None, latest),
        }
    }
}

/// A load on one server.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) ids: Arc<Ids>,
    pub(crate) operation: Operation,
    pub(crate) until: Until,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Nanoseconds an operation took.
    pub(crate) latency: Histogram<u64>,
    pub(crate) completed: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latency = Histogram::new_with_bounds(LATENCY_NANOS_MIN, LATENCY_NANOS_MAX, 2);
        Tally { latency: latency.expect("the bounds are in order"), completed: 0, errors: 0, first_error: None }
    }

    pub(crate) fn record(&mut self, took: Duration) {
        self.latency.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn fail(&mut self, error: &impl ToString) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }

    pub(crate) fn add(&mut self, other: Tally) {
        self.latency.add(&other.latency).expect("all have the same bounds");
        self.completed += other.completed;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

impl Load {
    /// Runs it over so many connections; the operations are recorded in one tally.
    pub(crate) async fn run(self, connections: usize) -> Result<Tally> {
        let (_, end) = self.until.window();
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            tasks.spawn(self.clone().run_connection(number as u64));
        }
        let all = async {
            let mut whole = Tally::new();
            while let Some(tally) = tasks.join_next().await {
                whole.add(tally?);
            }
            Ok(whole)
        };
        let patience = tokio::time::Instant::from_std(end + LAST_ANSWER_TIMEOUT);
        tokio::time::timeout_at(patience, all).await.context("the server no longer answers")?
    }

    async fn run_connection(self, number: u64) -> Tally {
        let mut rng = fastrand::Rng::with_seed(number);
        let mut tally = Tally::new();
        let mut link = None;
        let (warm, end) = self.until.window();
        let mut now = Instant::now();
        while now < end && tally.errors < ERRORS_PER_CONNECTION_MAX {
            let open = match &mut link {
                Some(open) => open,
                None => match Link::open(self.address).await {
                    Ok(opened) => link.insert(opened),
                    Err(error) => {
                        tally.fail(&error);
                        now = Instant::now();
                        continue;
                    }
                },
            };
            let Some(target) = self.next_target(&mut rng) else {
                break;
            };
            let started = Instant::now();
            let outcome = self.operation.perform(open, &self.ids, target).await;
            now = Instant::now();
            match outcome {
                Ok(()) if warm.is_none_or(|warm| now >= warm) => {
                    tally.record(now - started);
                    tally.completed += u64::from(now <= end);
                }
                Ok(()) => {}
                Err(fault) => {
                    tally.fail(&fault);
                    if matches!(fault, Fault::Broken(_)) {
                        link = None;
                    }
                }
            }
        }
        tally
    }

    /// The promise that the next operation is about; none when all are taken.
    fn next_target(&self, rng: &mut fastrand::Rng) -> Option<u64> {
        if let Operation::Get { stored } = self.operation {
            return Some(rng.u64(..stored.max(1)));
        }
        let number = self.ids.take();
        match self.until {
            Until::Taken { count, .. } => (number < count).then_some(number),
            Until::Elapsed { .. } => Some(number),
        }
    }
}

impl Operation {
    async fn perform(&self, link: &mut Link, ids: &Ids, target: u64) -> Result<(), Fault> {
        match self {
            Operation::Create(create) => link.call(create, ids, target).await,
            Operation::CreateAndResolve(create, resolve) => {
                link.call(create, ids, target).await?;
                link.call(resolve, ids, target).await
            }
            Operation::Get { .. } => link.call(&Call::Get, ids, target).await,
        }
    }
}
