//! Running a table against a driver.

use std::fmt::Write as _;
use std::path::Path;

use resonate_core::time::Timestamp;
use resonate_core::wire::envelope::VERSION;
use serde_json::Value;

use super::expected::Expected;
use super::request::{self, Asked};
use super::{Row, Scenario, Table};
use crate::driver::{Answer, Call, Dials, Driver};
use crate::drivers::Kind;

/// Characters of an answer that a failure shows.
const SHOWN_CHARS_MAX: usize = 2000;

/// Runs a table that is a file against drivers of a kind, and shows how many rows it had.
///
/// # Panics
/// With every row that failed: where it stands, what was expected, what came.
pub fn run(path: &Path, kind: Kind) {
    run_with(path, kind, &mut |dials| kind.open(dials));
}

/// Runs the rows of a table that are for drivers of a kind against drivers of one's own.
///
/// # Panics
/// As [`run`].
pub fn run_with(path: &Path, kind: Kind, open: &mut dyn FnMut(Dials) -> Box<dyn Driver>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let table = Table::parse(path, &text).unwrap_or_else(|why| panic!("{why}"));
    let (mut rows, mut failures) = (0, String::new());
    for scenario in table.scenarios.iter().filter(|scenario| scenario.drivers.include(kind)) {
        let mut driver = open(Dials { strict: scenario.strict });
        match run_scenario(scenario, kind, &mut *driver) {
            Ok(count) => rows += count,
            Err((line, why)) => {
                let _ =
                    writeln!(failures, "{}:{line}: {} [{}]\n{why}", table.path.display(), scenario.title, kind.name());
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(rows > 0, "nothing in {} is for {}", table.path.display(), kind.name());
    println!("{}: {rows} rows against {}", table.path.display(), kind.name());
}

/// Runs the rows until one fails. How many there were.
fn run_scenario(scenario: &Scenario, kind: Kind, driver: &mut dyn Driver) -> Result<usize, (usize, String)> {
    let (mut rows, mut cursor) = (0, None);
    for row in scenario.rows.iter().filter(|row| row.drivers.include(kind)) {
        let answer = run_row(row, driver, cursor.as_deref()).map_err(|why| (row.line, why))?;
        let given = answer.body.get("cursor").and_then(Value::as_str);
        cursor = given.map(str::to_owned).or(cursor);
        rows += 1;
    }
    Ok(rows)
}

fn run_row(row: &Row, driver: &mut dyn Driver, cursor: Option<&str>) -> Result<Answer, String> {
    let Asked { call, echo } = request::parse(&row.request, cursor)?;
    let expected = if row.expected.is_empty() { "200" } else { &row.expected };
    let parsed = Expected::parse(expected)?;
    let show = |got: &str| format!("  {} {}\n  expected {expected}\n  got      {got}", row.at, row.request);
    let before = parsed.refuses_input().then(|| driver.snapshot());
    let answer = driver.call(Timestamp::saturating(row.at), &call);
    let mut answer = answer.ok_or_else(|| show("nothing: this driver cannot say it, so that the row needs an @"))?;
    if let Some((kind, corr_id)) = &echo {
        answer = open_envelope(answer, kind, corr_id).map_err(|why| show(&why))?;
    }
    let got = clipped(format!("{} {}", answer.status, answer.body));
    // What is not there has no body in the 2023 API.
    let nothing = matches!(call, Call::Rest(_)) && parsed.is_bare(404);
    if !parsed.fits(&answer) || (nothing && !answer.body.is_null()) {
        return Err(show(&got));
    }
    if before.is_some_and(|before| driver.snapshot() != before) {
        return Err(show(&format!("{got}, and something has changed")));
    }
    Ok(answer)
}

/// A text short enough to be read.
fn clipped(text: String) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The data of an answer, after a look at what is around it.
fn open_envelope(answer: Answer, kind: &str, corr_id: &str) -> Result<Answer, String> {
    let Answer { status, body } = answer;
    let head = serde_json::json!({"corrId": corr_id, "status": status, "version": VERSION});
    match body {
        Value::Object(mut fields) if fields.len() == 3 && fields["kind"] == kind && fields["head"] == head => {
            let body = fields.remove("data").unwrap_or_default();
            if (status >= 400) == body.is_string() { Ok(Answer { status, body }) } else { Err(format!("data {body}")) }
        }
        other => Err(format!("another envelope: {other}")),
    }
}
