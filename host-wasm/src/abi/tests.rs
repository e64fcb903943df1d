//! A snapshot in place of a state, as a caller sees it that keeps a copy of the rows.

use resonate_core::time::MILLIS_MAX;
use serde_json::{Value as Json, json};

use super::*;

/// The result of the last call, which returned `bytes`.
fn result(bytes: i32) -> Result<String, String> {
    ROOM.with_borrow(|room| {
        assert_eq!(room.output.len(), bytes.unsigned_abs() as usize);
        let text = String::from_utf8(room.output.clone()).expect("UTF-8");
        if bytes < 0 { Err(text) } else { Ok(text) }
    })
}

fn give(input: &[u8]) {
    ROOM.with_borrow_mut(|room| room.input = input.to_vec());
}

fn open() -> u32 {
    give(b"");
    result(resonate_open()).expect("a server").parse().expect("its number")
}

fn create(server: u32, id: &str) {
    let head = json!({"corrId": "1", "version": "2026-04-01"});
    let data = json!({"id": id, "timeoutAt": MILLIS_MAX, "tags": {"resonate:target": "poll://any@g"}});
    give(json!({"kind": "promise.create", "head": head, "data": data}).to_string().as_bytes());
    result(resonate_process(server, 1_000)).expect("an answer");
}

fn snapshot(server: u32) -> String {
    result(resonate_snapshot(server)).expect("a state")
}

#[test]
fn a_state_that_is_put_in_place_is_told_as_changes() {
    let server = open();
    create(server, "before");
    let before = snapshot(server);
    let other = open();
    create(other, "after");
    result(resonate_note_changes(other)).expect("it keeps everything in memory");
    give(before.as_bytes());
    result(resonate_restore(other, 1_000)).expect("a sane state");
    let changes: Json = serde_json::from_str(&result(resonate_changes(other)).expect("JSON")).expect("JSON");
    let rows = changes["rows"].as_array().expect("rows");
    let told: Vec<_> = rows.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    assert_eq!(changes["reset"], true);
    let message = Some(r#"{"execute":{"task":"before"}}"#);
    let expected = [(Some("promises"), Some("before")), (Some("tasks"), Some("before")), (Some("messages"), message)];
    assert_eq!(told, expected);
    assert!(rows.iter().all(|row| !row[2].is_null()), "{changes}");
    assert_eq!(result(resonate_changes(other)), Ok(String::new()), "they are told once");
}

#[test]
fn a_snapshot_with_an_instant_that_is_none_changes_nothing() {
    let (server, other) = (open(), open());
    create(server, "before");
    create(other, "after");
    let (before, after) = (snapshot(server), snapshot(other));
    give(before.as_bytes());
    let refused = result(resonate_restore(other, MILLIS_MAX + 1)).expect_err("no instant");
    assert!(refused.contains("now"), "{refused}");
    assert_eq!(snapshot(other), after);
}
