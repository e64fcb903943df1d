//! Owns what servers say of their batches: how many requests share one, and what it costs in statements and ways there and back.

use std::fmt;

use anyhow::Result;

use crate::child::Server;
use crate::metrics;
use crate::report::ratio;

/// Sums over batches, since servers started or between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Batches {
    batches: u64,
    requests: u64,
    /// Transactions of Postgres: there are none over SQLite.
    transactions: u64,
    statements: u64,
    round_trips: u64,
}

impl Batches {
    /// Of these servers together, since each started.
    pub(super) async fn read(servers: &[&Server]) -> Result<Self> {
        let mut all = Self::default();
        for server in servers {
            let metrics = metrics::read(server).await?;
            all = all.and(&Batches {
                batches: metrics.counter("resonate_batch_requests_count"),
                requests: metrics.counter("resonate_batch_requests_sum"),
                transactions: metrics.counter("resonate_batch_statements_count"),
                statements: metrics.counter("resonate_batch_statements_sum"),
                round_trips: metrics.counter("resonate_batch_round_trips_sum"),
            });
        }
        Ok(all)
    }

    /// Whether there was none, as with reads, which are answered beside the writer.
    pub(super) fn is_empty(&self) -> bool {
        self.batches == 0
    }

    pub(super) fn since(&self, earlier: &Self) -> Self {
        self.by(earlier, u64::saturating_sub)
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        self.by(other, |one, other| one + other)
    }

    fn by(&self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Batches {
            batches: join(self.batches, other.batches),
            requests: join(self.requests, other.requests),
            transactions: join(self.transactions, other.transactions),
            statements: join(self.statements, other.statements),
            round_trips: join(self.round_trips, other.round_trips),
        }
    }
}

impl fmt::Display for Batches {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = |sum: u64, count: u64| ratio(sum as f64, count as f64).unwrap_or(0.0);
        write!(out, "a batch: {:.1} requests", mean(self.requests, self.batches))?;
        if self.transactions == 0 {
            return Ok(());
        }
        let statements = mean(self.statements, self.transactions);
        write!(out, ", {statements:.1} statements, {:.2} round trips", mean(self.round_trips, self.transactions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_tells_its_means_and_no_statements_where_there_are_none() {
        let early = Batches { batches: 1, requests: 1, transactions: 1, statements: 5, round_trips: 2 };
        let late = Batches { batches: 5, requests: 41, transactions: 5, statements: 23, round_trips: 11 };
        let between = late.since(&early);
        assert_eq!(between.to_string(), "a batch: 10.0 requests, 4.5 statements, 2.25 round trips");
        let sqlite = Batches { batches: 2, requests: 5, ..Batches::default() };
        assert_eq!(sqlite.to_string(), "a batch: 2.5 requests");
    }
}
