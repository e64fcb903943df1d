//! Cursors: a first byte that says which, then its text, or what one is made of, so that the checksum keeps nothing out.

use resonate_core::wire::cursor::{CursorKind, seal};
use resonate_core::wire::rest::Call;
use serde_json::{Value as Json, json};

use crate::machine::Machine;

pub(crate) fn meet(input: &[u8]) {
    let Some((which, rest)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let (kind, search) = match which % 5 {
        0 => (CursorKind::Rest, None),
        1 => (CursorKind::Promises, Some("promise.search")),
        2 => (CursorKind::Tasks, Some("task.search")),
        3 => (CursorKind::Schedules, Some("schedule.search")),
        _ => (CursorKind::Settled, Some("promise.purge")),
    };
    let sealed = serde_json::from_str::<Json>(text).ok().map(|place| seal(kind, &place));
    let mut machine = Machine::new();
    for cursor in [Some(text.to_owned()), sealed].into_iter().flatten() {
        match search {
            Some(search) => {
                let data = json!({"cursor": cursor, "settledBefore": 0, "dryRun": true, "limit": 2});
                machine.ask(search, data);
            }
            None => {
                let query = format!("cursor={}", escaped(&cursor));
                machine.rest(&Call { method: "GET", path: "/promises", query: &query, ..Call::default() });
            }
        }
    }
}

/// A text as a query has it.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
