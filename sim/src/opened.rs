//! A world as the playground opens it: run from its link to its end, with where to stand and what to say. Owns that choice, so that a page only shows it.

use serde_json::{Value as Json, json};

use crate::plan::Options;
use crate::shrink::recording;
use crate::{Report, run};

/// Runs the world of a link, whose names and values are a list of pairs in JSON. What comes of it is a line of JSON, and behind it the recording:
///
/// - `at`: the step to stand at. Where something is wrong it is the one after which that was noticed, else the last.
/// - `violation`: what is wrong, `{property, detail}`, or null.
/// - `world`: what it is made of, pairs of a name and words.
/// - `requests`: those that were judged; reads beside the writer are no steps.
/// - `again`: the arguments of `resonate sim`; `digest`: the same there.
///
/// # Errors
/// Names the field of the link that does not fit, and the cure.
pub fn open(link: &[u8]) -> Result<String, String> {
    let pairs: Vec<(String, String)> = serde_json::from_slice(link).map_err(|error| format!("the link: {error}"))?;
    let options = Options { with_log: true, ..Options::of_fragment(&pairs)? };
    let report = run(&options);
    let recording = recording(&report.plan.rules, &report.log, env!("CARGO_PKG_VERSION"));
    Ok(format!("{}\n{recording}", head(&options, &report)))
}

fn head(options: &Options, report: &Report) -> Json {
    let violation = report.violation.as_ref();
    json!({
        "at": violation.map_or(report.log.len() as u64, |violation| violation.taken),
        "violation": violation.map(|violation| json!({ "property": violation.property, "detail": violation.detail })),
        "world": report.plan.words(),
        "requests": report.steps,
        "again": options.arguments(),
        "digest": format!("{:016x}", report.digest),
    })
}
