//! Instants and durations in words.

use chrono::DateTime;
use resonate_core::time::{Millis, Timestamp};

use super::Screen;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// A duration in at most two units.
pub(in super::super) fn span(length: Millis) -> String {
    let millis = length.as_millis();
    let two = |large: u64, large_name: &str, small: u64, small_name: &str| {
        let rest = millis % large / small;
        if rest == 0 {
            format!("{}{large_name}", millis / large)
        } else {
            format!("{}{large_name} {rest}{small_name}", millis / large)
        }
    };
    match millis {
        0..SECOND => format!("{millis}ms"),
        SECOND..MINUTE if millis.is_multiple_of(SECOND) => format!("{}s", millis / SECOND),
        SECOND..MINUTE => format!("{}.{}s", millis / SECOND, millis % SECOND / 100),
        MINUTE..HOUR => two(MINUTE, "m", SECOND, "s"),
        HOUR..DAY => two(HOUR, "h", MINUTE, "m"),
        DAY..YEAR => two(DAY, "d", HOUR, "h"),
        _ => two(YEAR, "y", DAY, "d"),
    }
}

/// A duration to the second, and at least one.
pub(in super::super) fn coarse(length: Millis) -> String {
    let seconds = length.as_millis().saturating_add(SECOND / 2) / SECOND;
    span(Millis::saturating(seconds.max(1) * SECOND))
}

impl Screen {
    /// How far an instant is away, to the second: clocks of two machines agree no better.
    pub(super) fn relative(&self, instant: Timestamp) -> String {
        if instant == Timestamp::MAX {
            "never".to_owned()
        } else if instant.as_millis().abs_diff(self.now.as_millis()) < SECOND {
            "now".to_owned()
        } else if instant > self.now {
            format!("in {}", coarse(instant.since(self.now)))
        } else {
            format!("{} ago", coarse(self.now.since(instant)))
        }
    }

    /// An instant in UTC, and how far it is away.
    pub(super) fn instant(&self, instant: Timestamp) -> String {
        match utc(instant) {
            Some(utc) => format!("{utc} {}", self.dim(format!("· {}", self.relative(instant)))),
            None => "never".to_owned(),
        }
    }
}

fn utc(instant: Timestamp) -> Option<String> {
    let utc = i64::try_from(instant.as_millis()).ok().and_then(DateTime::from_timestamp_millis);
    utc.filter(|_| instant < Timestamp::MAX).map(|utc| utc.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// An instant in UTC.
pub(in super::super) fn instant(instant: Timestamp) -> String {
    utc(instant).unwrap_or_else(|| "never".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::PLAIN;
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        for (millis, text) in [
            (0, "0ms"),
            (120, "120ms"),
            (1_000, "1s"),
            (1_250, "1.2s"),
            (62_000, "1m 2s"),
            (3_600_000, "1h"),
            (93_784_005, "1d 2h"),
            (400 * DAY, "1y 35d"),
        ] {
            assert_eq!(span(Millis::saturating(millis)), text);
        }
    }

    #[test]
    fn instants_are_told_twice() {
        let at = |millis| PLAIN.instant(Timestamp::saturating(millis));
        assert_eq!(at(10_000_000), "1970-01-01 02:46:40 UTC · now");
        assert_eq!(at(10_061_999), "1970-01-01 02:47:41 UTC · in 1m 2s");
        assert_eq!(at(9_000_000), "1970-01-01 02:30:00 UTC · 16m 40s ago");
        assert_eq!(at(u64::MAX), "never");
    }
}
