//! Which ids of a request count for a token, the kinds by name, and the rest of the head.

use super::body;
use crate::time::Timestamp;
use crate::wire::envelope::{Call, DebugCall, Envelope, confine, ids, is_permitted, known_kind};

fn call(kind: &str, data: &str) -> Call {
    let body = body(kind, data);
    let envelope = Envelope::parse(body.as_bytes()).expect("an envelope");
    envelope.request().unwrap_or_else(|bad| panic!("{kind} {data}: {bad}"))
}

#[test]
fn debugging_is_read_and_never_permitted_by_a_prefix() {
    let tick = DebugCall::Tick { time: Timestamp::saturating(5) };
    for (kind, expected) in [
        ("debug.start", DebugCall::Start),
        ("debug.stop", DebugCall::Stop),
        ("debug.reset", DebugCall::Reset),
        ("debug.tick", tick),
        ("debug.snap", DebugCall::Snap),
    ] {
        assert_eq!(call(kind, r#"{"time":5}"#), Call::Debug(expected));
        assert!(!is_permitted("", &call(kind, r#"{"time":5}"#)));
        assert_eq!(known_kind(kind), Some(kind));
    }
    assert_eq!(known_kind("promise.cancel"), None);
    let body = br#"{"kind":"k","head":{"corrId":"c","version":"2026-04-01","resonate:debug_time":6,"auth":"a\u002eb"},"data":{}}"#;
    let envelope = Envelope::parse(body).expect("an envelope");
    assert_eq!(envelope.debug_time(), Ok(Some(Timestamp::saturating(6))));
    assert_eq!(envelope.auth.as_deref(), Some("a.b"));
}

#[test]
fn every_id_counts_for_the_scope() {
    let create = r#"{"kind":"promise.create","data":{"id":"b","timeoutAt":1}}"#;
    let settle = r#"{"kind":"promise.settle","data":{"id":"b","state":"resolved"}}"#;
    let held = |action: &str| format!(r#"{{"id":"a","version":1,"action":{action}}}"#);
    for (kind, data, expected) in [
        ("promise.get", r#"{"id":"a"}"#.to_owned(), vec!["a"]),
        ("promise.create", r#"{"id":"a","timeoutAt":1}"#.to_owned(), vec!["a"]),
        ("promise.settle", r#"{"id":"a","state":"resolved"}"#.to_owned(), vec!["a"]),
        ("promise.register_callback", r#"{"awaited":"a","awaiter":"b"}"#.to_owned(), vec!["a", "b"]),
        ("promise.register_listener", r#"{"awaited":"a","address":"http://h"}"#.to_owned(), vec!["a"]),
        ("promise.search", "{}".to_owned(), vec![]),
        ("task.get", r#"{"id":"a"}"#.to_owned(), vec!["a"]),
        ("task.create", format!(r#"{{"pid":"w","ttl":1,"action":{create}}}"#), vec!["b"]),
        ("task.acquire", r#"{"id":"a","version":0,"pid":"w","ttl":1}"#.to_owned(), vec!["a"]),
        ("task.fence", held(create), vec!["a", "b"]),
        ("task.fence", held(settle), vec!["a", "b"]),
        ("task.fulfill", held(settle), vec!["a", "b"]),
        (
            "task.heartbeat",
            r#"{"pid":"w","tasks":[{"id":"a","version":1},{"id":"b","version":1}]}"#.to_owned(),
            vec!["a", "b"],
        ),
        (
            "task.suspend",
            r#"{"id":"a","version":1,"actions":[{"data":{"awaited":"b","awaiter":"a"}}]}"#.to_owned(),
            vec!["a", "b"],
        ),
        ("task.release", r#"{"id":"a","version":1}"#.to_owned(), vec!["a"]),
        ("task.halt", r#"{"id":"a"}"#.to_owned(), vec!["a"]),
        ("task.continue", r#"{"id":"a"}"#.to_owned(), vec!["a"]),
        ("task.search", "{}".to_owned(), vec![]),
        ("schedule.get", r#"{"id":"a"}"#.to_owned(), vec!["a"]),
        (
            "schedule.create",
            r#"{"id":"a","cron":"* * * * *","promiseId":"b{{.timestamp}}","promiseTimeout":1}"#.to_owned(),
            vec!["a", "b{{.timestamp}}"],
        ),
        ("schedule.delete", r#"{"id":"a"}"#.to_owned(), vec!["a"]),
        ("schedule.search", "{}".to_owned(), vec![]),
    ] {
        let call = call(kind, &data);
        assert_eq!(known_kind(kind), Some(kind));
        assert_eq!(is_permitted("a", &call), expected.iter().all(|id| *id == "a"), "{kind} {data}");
        let Call::Request(mut request) = call else { panic!("{kind} is of the machine") };
        assert_eq!(ids(&request), expected, "{kind} {data}");
        confine("a", &mut request);
        let confined = format!("{request:?}").contains(r#"prefix: Some("a")"#);
        assert_eq!(confined, kind.ends_with("search") || kind == "task.heartbeat", "{request:?}");
    }
}
