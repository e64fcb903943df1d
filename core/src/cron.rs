//! Cron expressions in UTC. Owns the mapping between expressions and instants; the parsing and the calendar are the cron library's.

use std::fmt;

use chrono::{DateTime, Datelike, Utc};
use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};

use crate::time::Timestamp;

/// How many of the years that an expression names are searched. The rarest day there is, a 29th of February on a given weekday, comes again after 40
/// years at most; the library would look for what never comes up to the year 5000, and keep everybody waiting.
const YEARS_SEARCHED: usize = 60;

/// Why an expression cannot belong to a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InvalidCron {
    /// The library's reason.
    Syntax(String),
    /// Well formed, but it has no occurrence after the given instant: none in the next 60 years that it names.
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
    let mut cron = parse(expression)?;
    let start = i64::try_from(after.as_millis()).ok().and_then(DateTime::from_timestamp_millis);
    let Some(start) = start else { return Err(InvalidCron::NeverOccurs) };
    name_few_years(&mut cron, &start);
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

/// Takes the years out that come after the first few from `start` on, where there may be none with such a day. Every weekday comes up.
fn name_few_years(cron: &mut Cron, start: &DateTime<Utc>) {
    // The library's mark of a value that an expression names.
    const NAMED: u8 = 1;
    if cron.pattern.is_dom_wildcard() {
        return;
    }
    let years = &mut cron.pattern.years;
    let ahead = years.values().into_iter().filter(|year| i32::from(*year) >= start.year());
    for year in ahead.skip(YEARS_SEARCHED) {
        years.unset_bit(year, NAMED).expect("a year that was named");
    }
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
            ("0 0 0 1 1 * 2027,4000-4999", 365 * day),
            // 2044-02-29 is a Monday.
            ("0 0 29 2 +1", 6_633 * day),
            // 3000-01-01.
            ("0 0 0 1 1 * 3000", 355_746 * day),
        ] {
            assert_eq!(next(expression), Ok(NEW_YEAR + expected), "{expression}");
        }
    }

    #[test]
    fn what_cannot_occur_is_refused() {
        for expression in ["0 0 30 2 *", "0 0 31W 2,4,6,9,11 *", "0 0 0 1 1 * 2020"] {
            assert_eq!(next(expression), Err(InvalidCron::NeverOccurs), "{expression}");
        }
        let lists = [", 0 * * * *", "1, * * * *", "* ,2 * * *", "* * 1,,2 * *"];
        let others = ["", "* * * *", "61 * * * *", "every day", "* * * * * * * *", "@sometimes"];
        for expression in lists.into_iter().chain(others) {
            assert!(matches!(next(expression), Err(InvalidCron::Syntax(_))), "{expression}: {:?}", next(expression));
        }
    }
}
