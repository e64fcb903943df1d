//! `resonate promises purge`: removes what was settled long ago, a stretch at a time.

use std::io::Write as _;

use chrono::{DateTime, NaiveDate, NaiveTime};
use clap::{Arg, ArgAction, ArgMatches, Command};
use resonate_core::time::Timestamp;
use serde_json::json;

use crate::cli::input::{duration, now, optional, required};
use crate::cli::session::{Session, member};
use crate::cli::{Failure, print, show};
use crate::client::fields;

const KIND: &str = "promise.purge";
const BEFORE: &str = "settled-before";
const DRY_RUN: &str = "dry-run";

/// Digits of a number that can only be milliseconds since 1970: fewer would be years ago.
const MILLIS_DIGITS_MIN: usize = 12;

const SHAPE: &str =
    "write how long ago, like 30d or 12h, or when, like 2026-01-31T12:00:00Z, 2026-01-31 or 1767225600000";

pub(super) fn command() -> Command {
    let examples = "  resonate promises purge --settled-before 30d --dry-run\n  \
                    resonate promises purge --settled-before 2026-01-31T00:00:00Z";
    let before = Arg::new(BEFORE)
        .long(BEFORE)
        .value_name("WHEN")
        .required(true)
        .value_parser(instant)
        .help("Only what was settled before: how long ago (30d), or when (RFC 3339, or milliseconds since 1970)");
    let dry_run = Arg::new(DRY_RUN).long(DRY_RUN).action(ArgAction::SetTrue).help("Remove nothing, only count");
    member("purge", "Remove promises settled long ago that nothing needs; their ids are free again", examples)
        .args([before, dry_run])
}

/// An instant, or how long ago it was.
fn instant(text: &str) -> Result<Timestamp, String> {
    let of_millis = |millis: i64| u64::try_from(millis).ok().and_then(|millis| Timestamp::try_from(millis).ok());
    if text.len() >= MILLIS_DIGITS_MIN && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().and_then(of_millis).ok_or_else(|| SHAPE.to_owned());
    }
    if let Ok(utc) = DateTime::parse_from_rfc3339(text) {
        return of_millis(utc.timestamp_millis()).ok_or_else(|| "the time began in 1970".to_owned());
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        let midnight = day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
        return of_millis(midnight).ok_or_else(|| "the time began in 1970".to_owned());
    }
    match duration(text) {
        Ok(ago) => Ok(Timestamp::ZERO + now().since(Timestamp::ZERO + ago)),
        Err(why) if why.starts_with("a number") => Err(format!("{why}; {SHAPE}")),
        Err(_) => Err(SHAPE.to_owned()),
    }
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let before: Timestamp = required(matches, BEFORE);
    let dry_run: bool = optional(matches, DRY_RUN).unwrap_or(false);
    let (mut examined, mut purged, mut cursor) = (0, 0, None);
    let watched = Session::is_watched() && !session.is_json();
    loop {
        let asked = fields([
            ("settledBefore", Some(json!(before))),
            ("dryRun", dry_run.then_some(json!(true))),
            ("cursor", cursor.as_ref().map(|cursor| json!(cursor))),
        ]);
        let answer = session.ask(KIND, &asked)?;
        let count = |name: &str| answer.data[name].as_u64().unwrap_or(0);
        examined += count("examined");
        purged += count("purged");
        cursor = answer.cursor().map(str::to_owned);
        if watched {
            // Nobody is to be disturbed by a terminal that is gone.
            let _ = write!(std::io::stderr(), "\r{examined} looked at, {}", told(purged, dry_run));
        }
        if cursor.is_none() {
            break;
        }
    }
    if watched {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    if session.is_json() {
        return session.print_json(&json!({"settledBefore": before, "examined": examined, "purged": purged}));
    }
    let before = show::instant(before);
    print(&format!("{} of {examined} settled before {before}\n", told(purged, dry_run)))
}

fn told(purged: u64, dry_run: bool) -> String {
    if dry_run { format!("{purged} would be removed") } else { format!("{purged} removed") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_every_shape_and_ages_count_back_from_now() {
        let at = |millis| Ok(Timestamp::saturating(millis));
        assert_eq!(instant("2026-01-01T00:00:00Z"), at(1_767_225_600_000));
        assert_eq!(instant("2026-01-01T01:00:00+01:00"), at(1_767_225_600_000));
        assert_eq!(instant("2026-01-01"), at(1_767_225_600_000));
        assert_eq!(instant("1767225600000"), at(1_767_225_600_000));
        let ago = instant("1d").expect("an age");
        assert!(now().since(ago).as_millis().abs_diff(86_400_000) < 60_000);
        assert_eq!(instant("99999999d"), at(0));
    }

    #[test]
    fn what_is_no_instant_is_refused_with_the_cure() {
        for text in ["", "30", "yesterday", "2026-13-01", "1960-01-01", "99999999999999999999"] {
            let why = instant(text).expect_err(text);
            assert!(why.contains("1970") || why.contains("30d"), "{text}: {why}");
        }
    }
}
