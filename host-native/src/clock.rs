//! The only clock of the server: milliseconds since the epoch, never going back, so that a time once shown is never contradicted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use resonate_core::time::{Millis, Timestamp};

/// A clock that never goes back. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    shown: Arc<AtomicU64>,
    /// Stands still unless it is told: for tests.
    manual: bool,
}

impl Clock {
    /// The system's clock, not before `start`.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self { shown: Arc::new(AtomicU64::new(start.as_millis())), manual: false }
    }

    /// A clock that stands at `start` until [`Clock::advance_to`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self { manual: true, ..Self::starting_at(start) }
    }

    /// Moves the clock on; an earlier instant moves nothing.
    pub fn advance_to(&self, instant: Timestamp) {
        self.shown.fetch_max(instant.as_millis(), Ordering::Relaxed);
    }

    /// Now, and never before an instant that it has shown.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let system = if self.manual { 0 } else { system_millis() };
        Timestamp::saturating(self.shown.fetch_max(system, Ordering::Relaxed).max(system))
    }
}

/// A duration in the core's terms.
#[must_use]
pub fn millis(duration: Duration) -> Millis {
    Millis::saturating(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn system_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp::saturating(u64::try_from(since).unwrap_or(u64::MAX)).as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back() {
        let future = Timestamp::saturating(1 << 50);
        let clock = Clock::starting_at(future);
        assert_eq!(clock.now(), future);
        assert_eq!(clock.clone().now(), future);
    }

    #[test]
    fn a_manual_clock_moves_when_told() {
        let clock = Clock::manual(Timestamp::saturating(5));
        clock.advance_to(Timestamp::saturating(9));
        clock.advance_to(Timestamp::saturating(7));
        assert_eq!(clock.now(), Timestamp::saturating(9));
    }
}
