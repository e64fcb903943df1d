//! Owns what became of each of a block of promises: when its create was sent, when that was acknowledged, and when its message
//! first came. Entries are written by whoever sees the fact and read once all is over.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::load::Tally;

const POLL: Duration = Duration::from_millis(2);

/// Instants are nanoseconds since the ledger began; 0 is never.
#[derive(Debug, Default)]
struct Entry {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    arrived: AtomicU64,
    arrivals: AtomicU32,
}

/// A fact about a promise that its message is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Since {
    Sent,
    Acknowledged,
}

impl Since {
    fn of(self, entry: &Entry) -> u64 {
        let at = match self {
            Since::Sent => &entry.sent,
            Since::Acknowledged => &entry.acknowledged,
        };
        at.load(Ordering::Relaxed)
    }
}

/// A block of promises.
#[derive(Debug)]
pub(crate) struct Ledger {
    began: Instant,
    first: u64,
    entries: Box<[Entry]>,
    arrived: AtomicUsize,
}

impl Ledger {
    /// Promises from this number on.
    pub(crate) fn new(first: u64, count: u64) -> Self {
        let entries = (0..count).map(|_| Entry::default()).collect();
        Ledger { began: Instant::now(), first, entries, arrived: AtomicUsize::new(0) }
    }

    /// The numbers of its promises.
    pub(crate) fn numbers(&self) -> Range<u64> {
        self.first..self.first + self.entries.len() as u64
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since_began = at.saturating_duration_since(self.began);
        u64::try_from(since_began.as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    pub(crate) fn sent(&self, number: u64, at: Instant) {
        if let Some(entry) = self.entry(number) {
            entry.sent.store(self.nanos(at), Ordering::Relaxed);
        }
    }

    pub(crate) fn acknowledged(&self, number: u64) {
        if let Some(entry) = self.entry(number) {
            entry.acknowledged.store(self.nanos(Instant::now()), Ordering::Relaxed);
        }
    }

    /// A message of another block is no event here.
    pub(crate) fn arrived(&self, number: u64) {
        let now = self.nanos(Instant::now());
        let Some(entry) = self.entry(number) else { return };
        if entry.arrivals.fetch_add(1, Ordering::Relaxed) == 0 {
            entry.arrived.store(now, Ordering::Relaxed);
            self.arrived.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until every promise that was acknowledged has had its message, or it is late. Returns how many have not.
    pub(crate) async fn settle(&self, at_most: Duration) -> u64 {
        let latest = Instant::now() + at_most;
        while self.arrived.load(Ordering::Relaxed) < self.entries.len() && Instant::now() < latest {
            tokio::time::sleep(POLL).await;
        }
        let missing = |entry: &&Entry| {
            entry.acknowledged.load(Ordering::Relaxed) > 0 && entry.arrivals.load(Ordering::Relaxed) == 0
        };
        self.entries.iter().filter(missing).count() as u64
    }

    /// Messages that came again.
    pub(crate) fn duplicates(&self) -> u64 {
        let again = |entry: &Entry| u64::from(entry.arrivals.load(Ordering::Relaxed).saturating_sub(1));
        self.entries.iter().map(again).sum()
    }

    /// How long the messages of these promises took; one that came before is 0.
    pub(crate) fn latencies(&self, numbers: Range<u64>, since: Since) -> Tally {
        let mut tally = Tally::new();
        for entry in numbers.filter_map(|number| self.entry(number)) {
            let (from, arrived) = (since.of(entry), entry.arrived.load(Ordering::Relaxed));
            if from > 0 && arrived > 0 {
                tally.record(Duration::from_nanos(arrived.saturating_sub(from)));
            }
        }
        tally
    }

    /// How late the messages of promises with such due instants came.
    pub(crate) fn lateness(&self, due: impl Fn(u64) -> Instant) -> Tally {
        let mut tally = Tally::new();
        for (number, entry) in self.numbers().zip(&self.entries) {
            let arrived = entry.arrived.load(Ordering::Relaxed);
            if arrived > 0 {
                tally.record(Duration::from_nanos(arrived.saturating_sub(self.nanos(due(number)))));
            }
        }
        tally
    }

    /// From the first create to the last acknowledgement, and to the last message.
    pub(crate) fn spans(&self) -> (Duration, Duration) {
        let first = self.entries.iter().map(|entry| Since::Sent.of(entry)).filter(|at| *at > 0).min();
        let last = |at: fn(&Entry) -> u64| {
            let last = self.entries.iter().map(at).max();
            Duration::from_nanos(last.unwrap_or(0).saturating_sub(first.unwrap_or(0)))
        };
        (last(|entry| Since::Acknowledged.of(entry)), last(|entry| entry.arrived.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_counts_from_its_first_arrival() {
        let ledger = Ledger::new(5, 2);
        for number in ledger.numbers() {
            ledger.sent(number, Instant::now());
            ledger.acknowledged(number);
        }
        ledger.arrived(5);
        ledger.arrived(5);
        ledger.arrived(7);
        assert_eq!(ledger.settle(Duration::ZERO).await, 1);
        assert_eq!(ledger.duplicates(), 1);
        assert_eq!(ledger.latencies(ledger.numbers(), Since::Sent).latency.len(), 1);
    }
}
