//! Recordings: whatever stands in one, it is replayed up to where it differs or is corrupt; what a line says it says again when it is printed.

use resonate_core::recording::{Line, Replay};
use serde_json::Value;

pub(crate) fn meet(input: &[u8]) {
    let mut replay = Replay::new();
    for line in input.split_inclusive(|byte| *byte == b'\n').take(16) {
        if let Ok(read) = Line::parse(line) {
            let printed = read.print() + "\n";
            let again = Line::parse(printed.as_bytes()).expect("what is printed is read");
            let is_exact = !has_fraction(&serde_json::from_str(&printed).expect("a line is JSON"));
            assert!(!is_exact || again.print() + "\n" == printed, "{printed}");
        }
        if replay.line(line).is_err() {
            return;
        }
    }
}

/// Whether a fraction is in it, or a number that is as large: no server answers with one, and its last digit may change when it is read.
fn has_fraction(json: &Value) -> bool {
    match json {
        Value::Null | Value::Bool(_) | Value::String(_) => false,
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
    }
}
