//! The only clock of the server: milliseconds since the epoch, never going back, so that a time once shown is never contradicted. It goes by the
//! system, or by what another clock is known to have shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use resonate_core::time::{Millis, Timestamp};

/// How far another clock may go back before the log says so: no more than the ways there and back may differ.
const BACK_UNNOTICED: Millis = Millis::saturating(1000);
/// Silence of the log after it has said so.
const BACK_LOG_INTERVAL: Millis = Millis::saturating(10_000);

/// A clock that never goes back. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    shown: Arc<AtomicU64>,
    source: Source,
}

/// What a clock goes by.
#[derive(Clone, Debug)]
enum Source {
    /// The system's clock.
    System,
    /// Nothing: it stands still unless it is told.
    Manual,
    /// Another clock, and between its samples the time that has passed here since an instant.
    Followed(Instant, Arc<Followed>),
}

impl Clock {
    /// The system's clock, not before `start`.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self::of(Source::System, start)
    }

    /// A clock that stands at `start` until [`Clock::advance_to`] moves it: for tests.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self::of(Source::Manual, start)
    }

    /// A clock that follows another one, which shows `now`: the database's, whose servers agree on it. The system's clock may be set to anything.
    #[must_use]
    pub fn following(now: Timestamp) -> Self {
        Self::of(Source::Followed(Instant::now(), Arc::new(Followed::from(now, Millis::ZERO))), now)
    }

    fn of(source: Source, start: Timestamp) -> Self {
        Self { shown: Arc::new(AtomicU64::new(start.as_millis())), source }
    }

    /// Whether nothing but [`Clock::advance_to`] moves it: no waiting makes it later.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        matches!(self.source, Source::Manual)
    }

    /// Moves the clock on; an earlier instant moves nothing.
    pub fn advance_to(&self, instant: Timestamp) {
        self.shown.fetch_max(instant.as_millis(), Ordering::Relaxed);
    }

    /// Takes what the clock shows that this one follows: as soon as it is known, since it is taken for now. When that clock has gone back, this one
    /// stands still until it is caught up with. Clocks that follow none are not moved.
    pub fn follows(&self, shows: Timestamp) {
        match &self.source {
            Source::System | Source::Manual => {}
            Source::Followed(started, followed) => {
                if let Some(back) = followed.take(shows, millis(started.elapsed())) {
                    tracing::warn!(
                        milliseconds = back.as_millis(),
                        "the clock of the database has gone back: time stands still so long"
                    );
                }
            }
        }
    }

    /// Now, and never before an instant that it has shown.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = match &self.source {
            Source::System => system_now(),
            Source::Manual => Timestamp::ZERO,
            Source::Followed(started, followed) => followed.at(millis(started.elapsed())),
        };
        self.show(now)
    }

    fn show(&self, now: Timestamp) -> Timestamp {
        let now = now.as_millis();
        Timestamp::saturating(self.shown.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

/// Another clock, as far as its samples tell. `passed` is the time since this began, which only grows.
#[derive(Debug)]
struct Followed {
    /// What that clock has shown when nothing had passed.
    origin: AtomicI64,
    /// Until when the log says nothing of it.
    silent_until: AtomicU64,
}

impl Followed {
    /// That clock shows `shows` now.
    fn from(shows: Timestamp, passed: Millis) -> Self {
        Self { origin: AtomicI64::new(origin(shows, passed)), silent_until: AtomicU64::new(0) }
    }

    /// What that clock shows.
    fn at(&self, passed: Millis) -> Timestamp {
        let shows = self.origin.load(Ordering::Relaxed).saturating_add_unsigned(passed.as_millis());
        Timestamp::saturating(u64::try_from(shows).unwrap_or(0))
    }

    /// Takes a sample. How far back the clock has gone, when the log should say so.
    fn take(&self, shows: Timestamp, passed: Millis) -> Option<Millis> {
        let back = self.at(passed).since(shows);
        self.origin.store(origin(shows, passed), Ordering::Relaxed);
        if back <= BACK_UNNOTICED {
            return None;
        }
        let passed = passed.as_millis();
        let silence = |until: u64| (passed >= until).then_some(passed + BACK_LOG_INTERVAL.as_millis());
        self.silent_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, silence).ok().map(|_| back)
    }
}

fn origin(shows: Timestamp, passed: Millis) -> i64 {
    // Both are at most 2^53.
    shows.as_millis() as i64 - passed.as_millis() as i64
}

/// A duration in the core's terms.
#[must_use]
pub fn millis(duration: Duration) -> Millis {
    Millis::saturating(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn system_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp::saturating(u64::try_from(since).unwrap_or(u64::MAX))
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
        assert!(clock.stands_still());
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::saturating(millis)
    }

    fn after(millis: u64) -> Millis {
        Millis::saturating(millis)
    }

    #[test]
    fn a_followed_clock_goes_on_between_its_samples() {
        let followed = Followed::from(at(1_000_000), after(500));
        assert_eq!(followed.at(after(500)), at(1_000_000));
        assert_eq!(followed.at(after(740)), at(1_000_240));
        assert_eq!(followed.take(at(1_000_900), after(800)), None);
        assert_eq!(followed.at(after(900)), at(1_001_000));
    }

    #[test]
    fn time_stands_still_until_a_clock_that_went_back_is_caught_up_with() {
        let followed = Followed::from(at(1_000_000), after(0));
        let clock = Clock::manual(Timestamp::ZERO);
        assert_eq!(clock.show(followed.at(after(100))), at(1_000_100));
        assert_eq!(followed.take(at(999_200), after(200)), None, "less than a second is nothing to speak of");
        assert_eq!(clock.show(followed.at(after(300))), at(1_000_100));
        assert_eq!(clock.show(followed.at(after(1_100))), at(1_000_100));
        assert_eq!(clock.show(followed.at(after(1_101))), at(1_000_101));
    }

    #[test]
    fn the_log_is_told_once_in_a_while_that_a_clock_goes_back() {
        let followed = Followed::from(at(1_000_000), after(0));
        assert_eq!(followed.take(at(995_000), after(100)), Some(after(5_100)));
        assert_eq!(followed.take(at(990_000), after(200)), None, "it was told just now");
        assert_eq!(followed.take(at(999_000), after(9_200)), None, "that clock has kept its pace");
        assert_eq!(followed.take(at(990_000), after(10_100)), Some(after(9_900)));
    }

    #[test]
    fn a_followed_clock_takes_what_it_is_told_at_once_and_never_goes_back() {
        let clock = Clock::following(at(1 << 40));
        let first = clock.now();
        assert!(first >= at(1 << 40));
        clock.clone().follows(at(1 << 41));
        assert!(clock.now() >= at(1 << 41));
        clock.follows(at(7));
        assert!(clock.now() >= at(1 << 41));
    }

    #[test]
    fn a_clock_that_follows_none_is_not_moved_by_samples() {
        let clock = Clock::manual(at(5));
        clock.follows(at(9));
        assert_eq!(clock.now(), at(5));
    }
}
