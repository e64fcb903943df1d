//! What a face makes of input that does not fit.

use super::{Face, Options};
use crate::fault::{Fault, FaultKind};

fn error(came: Result<Vec<u8>, Fault>) -> String {
    let fault = came.expect_err("a fault");
    assert_eq!(fault.kind, FaultKind::BadInput);
    fault.error
}

fn face() -> Face {
    Face::in_memory(Options::default())
}

#[test]
fn options_that_do_not_fit_say_which() {
    for (options, expected) in [
        (r#"{"retryTimeout":0}"#, "options: retryTimeout must be at least 1 millisecond"),
        (r#"{"retryTimeout":-1}"#, "options: invalid type: integer `-1`, expected an integer number of milliseconds"),
        (r#"{"retrytimeout":1}"#, "options: unknown field `retrytimeout`, expected one of `retryTimeout`"),
        (r#"{"strict":"yes"}"#, "options: invalid type: string \"yes\", expected a boolean"),
        (" [1]", "options: must be a JSON object"),
        ("{", "options: EOF"),
    ] {
        let found = Options::parse(options.as_bytes()).expect_err(options).error;
        assert!(found.starts_with(expected), "{options}: {found}");
    }
}

#[test]
fn no_options_are_the_defaults() {
    for nothing in ["", "{}", r#"{"retryTimeout":null,"serverUrl":null}"#] {
        let options = Options::parse(nothing.as_bytes()).expect(nothing);
        assert_eq!(options.rules(), resonate_core::rules::Rules::default());
        assert!(!options.no_debug && options.server_url.is_none());
    }
}

#[test]
fn a_batch_is_over_with_answers_that_do_not_fit() {
    let mut face = face();
    let load = face.submit(br#"[{"kind":"get_promise","id":"a"},{"kind":"get_task","id":"b"}]"#, 1).expect("reads");
    assert_eq!(String::from_utf8_lossy(&load), r#"{"load":[{"promise":"a"},{"promise":"b"},{"task":"b"}]}"#);
    assert_eq!(error(face.supply(b"[null]")), "answers: must be as many as the reads, 3, not 1");
    assert_eq!(error(face.supply(b"[null,null,null]")), "supply: no batch waits for records: submit one");
}

#[test]
fn a_wrong_answer_is_named_by_its_place() {
    for (answers, expected) in [
        ("[null,7,null]", "answers[1]: promise: invalid type: integer `7`"),
        (r#"[null,null,{"id":"b"}]"#, "answers[2]: task: missing field"),
        ("{}", "answers: invalid type: map, expected a sequence"),
        ("[null,null", "answers: EOF"),
    ] {
        let mut face = face();
        face.submit(br#"[{"kind":"get_promise","id":"a"},{"kind":"get_task","id":"b"}]"#, 1).expect("reads");
        let found = error(face.supply(answers.as_bytes()));
        assert!(found.starts_with(expected), "{answers}: {found}");
    }
}

#[test]
fn a_page_that_does_not_go_on_is_refused() {
    let heartbeat = br#"[{"kind":"heartbeat_tasks","pid":"w","tasks":[],"prefix":null}]"#;
    let task = |id: &str| {
        let lease = r#"{"pid":"w","ttl":5,"expires_at":9}"#;
        format!(
            r#"{{"id":"{id}","state":"acquired","version":1,"lease":{lease},"retry_at":null,"execute_at":null,"executes":0,"resumes":[]}}"#
        )
    };
    let twice = format!("[[{},{}]]", task("a"), task("a"));
    let back = format!("[[{},{}]]", task("b"), task("a"));
    for answers in [twice, back] {
        let mut face = face();
        face.submit(heartbeat, 1).expect("reads");
        let found = error(face.supply(answers.as_bytes()));
        assert!(found.contains("held_by: must be at most") && found.contains("in ascending order"), "{found}");
    }
}

#[test]
fn an_instant_that_is_none_is_refused_before_anything_else() {
    let mut face = face();
    let expected = "now: must be an integer number of milliseconds from 0 to 9007199254740991";
    assert_eq!(error(face.process(b"{}", 1 << 53)), expected);
    assert_eq!(error(face.submit(b"[]", u64::MAX)), expected);
}
