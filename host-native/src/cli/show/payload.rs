//! Params and values: calls as calls, JSON as JSON, everything else as it stands.

use resonate_core::value::Value;
use serde_json::Value as Json;

use super::{Line, printable};
use crate::client::payload::{Call, Payload};

/// JSON up to this many characters stays on one line.
const LINE_CHARS_MAX: usize = 80;

/// A value in words; empty when there is none.
pub(super) fn value(value: &Value) -> String {
    match Payload::of(value) {
        Payload::Absent => String::new(),
        Payload::Json(json) => indented(&json),
        Payload::Text(text) => text.lines().map(printable).collect::<Vec<_>>().join("\n"),
        Payload::Raw(text) => printable(&text),
    }
}

/// The lines of a param or a value: its call or its data, and its headers.
pub(super) fn lines(name: &'static str, held: &Value) -> [Line; 2] {
    let headers = held.headers.as_ref().filter(|headers| !headers.is_empty());
    let main = match Call::of(held) {
        Some(called) if name == "param" => ("call", call(&called)),
        Some(_) | None => (name, value(held)),
    };
    [main, ("headers", headers.map(super::tags).unwrap_or_default())]
}

/// A call as it would be written.
pub(super) fn call(call: &Call) -> String {
    let args: Vec<String> = call.args.iter().map(ToString::to_string).collect();
    format!("{}({})", printable(&call.func), args.join(", "))
}

fn indented(json: &Json) -> String {
    let line = json.to_string();
    if line.chars().count() <= LINE_CHARS_MAX { line } else { format!("{json:#}") }
}
