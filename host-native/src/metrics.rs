//! What the server counts, under names that the README lists. Labels come from fixed sets only: nothing that a client chooses makes a series.

use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// A request by its kind and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answered {
    /// The kind in today's protocol's words.
    pub kind: &'static str,
    /// The status of the answer.
    pub status: u16,
}

/// Something by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Kind {
    /// The kind.
    pub kind: &'static str,
}

/// A delivery by how it went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Went {
    /// `delivered`, `failed` or `expired`.
    pub status: &'static str,
}

const DELIVERY_STATUSES: [&str; 3] = ["delivered", "failed", "expired"];

/// Everything that the server counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    request_duration: Family<Kind, Histogram, fn() -> Histogram>,
    /// Messages that were handed to a transport, by kind.
    pub messages: Family<Kind, Counter>,
    /// Workers that hold a connection.
    pub poll_connections: Gauge<i64, AtomicI64>,
    /// Deliveries by how they went.
    pub deliveries: Family<Went, Counter>,
    /// Promises that schedules fired.
    pub schedule_promises: Counter,
    /// Promises that the background settled by their deadline.
    pub timeouts: Counter,
    /// Settled promises that were removed.
    pub purged_promises: Counter,
    /// Background requests that found something to do, by kind.
    pub background: Family<Kind, Counter>,
    /// Rows that cannot be read and are passed over.
    pub skipped_rows: Counter,
    /// Transactions that failed.
    pub store_errors: Counter,
    /// Requests in a batch.
    pub batch_requests: Histogram,
    /// Statements of a batch's transaction (Postgres).
    pub batch_statements: Histogram,
    /// Ways there and back of a batch's transaction (Postgres).
    pub batch_round_trips: Histogram,
    /// Time of a batch's transaction, its sync included.
    pub commit_duration: Histogram,
    /// Requests that wait for the writer.
    pub queue_requests: Gauge<i64, AtomicI64>,
    /// Requests turned away because a queue was full.
    pub rejected: Counter,
    /// Time from the instant at which something was due to the batch that did it.
    pub timer_lateness: Family<Kind, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// 50 µs to 26 s.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.000_05, 2.0, 20))
}

/// 1 to 4096.
fn counts() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 13))
}

impl Metrics {
    /// Everything at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(durations),
            messages: Family::default(),
            poll_connections: Gauge::default(),
            deliveries: Family::default(),
            schedule_promises: Counter::default(),
            timeouts: Counter::default(),
            purged_promises: Counter::default(),
            background: Family::default(),
            skipped_rows: Counter::default(),
            store_errors: Counter::default(),
            batch_requests: counts(),
            batch_statements: counts(),
            batch_round_trips: counts(),
            commit_duration: durations(),
            queue_requests: Gauge::default(),
            rejected: Counter::default(),
            timer_lateness: Family::new_with_constructor(durations),
        };
        // A series that appears with its first failure has no rate of failures before.
        for status in DELIVERY_STATUSES {
            let _ = metrics.deliveries.get_or_create(&Went { status });
        }
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let mut registry = Registry::with_prefix("resonate");
        registry.register("request", "Requests by kind and status", self.requests.clone());
        registry.register(
            "request_duration_seconds",
            "Time from a parsed request to its answer",
            self.request_duration.clone(),
        );
        registry.register("messages", "Messages that were handed to a transport", self.messages.clone());
        registry.register("poll_connections", "Workers that hold a connection", self.poll_connections.clone());
        registry.register("deliveries", "Deliveries by how they went", self.deliveries.clone());
        registry.register("schedule_promises", "Promises fired by schedules", self.schedule_promises.clone());
        registry.register("timeouts", "Promises settled by their deadline in the background", self.timeouts.clone());
        registry.register("purged_promises", "Settled promises that were removed", self.purged_promises.clone());
        registry.register("background", "Background requests that found something to do", self.background.clone());
        registry.register("skipped_rows", "Rows that cannot be read and are passed over", self.skipped_rows.clone());
        registry.register("store_errors", "Transactions that failed", self.store_errors.clone());
        registry.register("batch_requests", "Requests in a batch", self.batch_requests.clone());
        registry.register("batch_statements", "Statements of a batch (Postgres)", self.batch_statements.clone());
        registry.register("batch_round_trips", "Round trips of a batch (Postgres)", self.batch_round_trips.clone());
        registry.register("commit_duration_seconds", "Time of a batch's transaction", self.commit_duration.clone());
        registry.register("queue_requests", "Requests that wait for the writer", self.queue_requests.clone());
        registry.register("rejected", "Requests turned away because a queue was full", self.rejected.clone());
        registry.register("timer_lateness_seconds", "Lateness of background work", self.timer_lateness.clone());
        self.registry = registry;
    }

    /// Counts an answered request.
    pub fn answered(&self, kind: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Answered { kind, status }).inc();
        self.request_duration.get_or_create(&Kind { kind }).observe(took.as_secs_f64());
    }

    /// Everything in the text format of Prometheus.
    #[must_use]
    pub fn print(&self) -> String {
        let mut printed = String::new();
        if let Err(error) = text::encode(&mut printed, &self.registry) {
            tracing::error!(%error, "cannot print metrics");
        }
        printed
    }
}
