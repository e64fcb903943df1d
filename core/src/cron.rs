//! Cron expressions in UTC. Owns the mapping between expressions and instants; the parsing and the calendar are the cron library's.

use std::fmt;

use chrono::DateTime;
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};

use crate::time::Timestamp;

/// Why an expression cannot belong to a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InvalidCron {
    /// The library's reason.
    Syntax(String),
    /// Well formed, but it has no occurrence after the given instant.
    NeverOccurs,
}

impl fmt::Display for InvalidCron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => write!(f, "is not a cron expression of 5, 6 or 7 fields: {reason}"),
            Self::NeverOccurs => f.write_str("never occurs"),
        }
    }
}

impl std::error::Error for InvalidCron {}

/// The first occurrence of `expression` strictly after `after`: 5 fields, 6 (seconds first) or 7 (year last), day of week 0–7 with both ends
/// Sunday, or names (spec §4, schedules).
///
/// # Errors
/// [`InvalidCron::Syntax`] with the library's reason, [`InvalidCron::NeverOccurs`] when there is no such occurrence.
pub(crate) fn next_occurrence(expression: &str, after: Timestamp) -> Result<Timestamp, InvalidCron> {
    let cron = parse(expression)?;
    let start = i64::try_from(after.as_millis()).ok().and_then(DateTime::from_timestamp_millis);
    let Some(start) = start else { return Err(InvalidCron::NeverOccurs) };
    match cron.find_next_occurrence(&start, false) {
        Ok(occurrence) => u64::try_from(occurrence.timestamp_millis())
            .map(Timestamp::saturating)
            .map_err(|_| InvalidCron::NeverOccurs),
        Err(CronError::TimeSearchLimitExceeded | CronError::InvalidTime | CronError::InvalidDate) => {
            Err(InvalidCron::NeverOccurs)
        }
        Err(error) => Err(InvalidCron::Syntax(error.to_string())),
    }
}

fn parse(expression: &str) -> Result<Cron, InvalidCron> {
    // The library takes an item that is not there, and looks for seconds that are not there up to the year 5000.
    if expression.split_whitespace().any(|field| field.split(',').any(str::is_empty)) {
        return Err(InvalidCron::Syntax("a list has an item that is not there; remove the comma".to_owned()));
    }
    CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Optional)
        .build()
        .parse(expression)
        .map_err(|error| InvalidCron::Syntax(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z, a Thursday.
    const NEW_YEAR: u64 = 1_767_225_600_000;

    fn next(expression: &str) -> Result<u64, InvalidCron> {
        next_occurrence(expression, Timestamp::saturating(NEW_YEAR)).map(Timestamp::as_millis)
    }

    #[test]
    fn fields_mean_what_crontab_says() {
        let (second, minute, hour, day) = (1_000, 60_000, 3_600_000, 86_400_000);
        for (expression, expected) in [
            ("* * * * *", minute),
            ("*/5 * * * *", 5 * minute),
            ("* * * * * *", second),
            ("30 * * * * *", 30 * second),
            ("0 0 0 2 1 * 2026", day),
            ("0 12 * * 0", 3 * day + 12 * hour),
            ("0 12 * * 7", 3 * day + 12 * hour),
            ("0 12 * * SUN", 3 * day + 12 * hour),
            ("0 12 * * 1", 4 * day + 12 * hour),
            ("@daily", day),
            ("0 0 L * *", 30 * day),
        ] {
            assert_eq!(next(expression), Ok(NEW_YEAR + expected), "{expression}");
        }
    }

    #[test]
    fn what_cannot_occur_is_refused() {
        for expression in ["0 0 30 2 *", "0 0 0 1 1 * 2020"] {
            assert_eq!(next(expression), Err(InvalidCron::NeverOccurs), "{expression}");
        }
        let lists = [", 0 * * * *", "1, * * * *", "* ,2 * * *", "* * 1,,2 * *"];
        let others = ["", "* * * *", "61 * * * *", "every day", "* * * * * * * *", "@sometimes"];
        for expression in lists.into_iter().chain(others) {
            assert!(matches!(next(expression), Err(InvalidCron::Syntax(_))), "{expression}: {:?}", next(expression));
        }
    }
}
