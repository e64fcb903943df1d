//! Which ids of a request count for a token, what of an answer it may see, the kinds by name, and the rest of the head.

use super::body;
use crate::memory::MemoryStore;
use crate::reply::Reply;
use crate::rules::Rules;
use crate::time::Timestamp;
use crate::wire::envelope::{
    Call, DebugCall, Envelope, confine, confine_reply, foreign_id, foreign_id_in, ids, is_permitted, known_kind,
};

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
        assert!(Envelope::parse(body(kind, "{}").as_bytes()).expect("an envelope").is_debugging());
        assert_eq!(known_kind(kind), Some(kind));
    }
    assert_eq!(known_kind("promise.cancel"), None);
    let body = br#"{"kind":"k","head":{"corrId":"c","version":"2026-04-01","resonate:debug_time":6,"auth":"a\u002eb"},"data":{}}"#;
    let envelope = Envelope::parse(body).expect("an envelope");
    assert_eq!(envelope.debug_time(), Ok(Some(Timestamp::saturating(6))));
    assert_eq!(envelope.auth.as_deref(), Some("a.b"));
    assert!(!envelope.is_debugging());
}

#[test]
fn a_purge_is_for_tokens_without_a_prefix() {
    let purge = call("promise.purge", r#"{"settledBefore":5}"#);
    assert!(is_permitted("", &purge) && !is_permitted("a", &purge));
    assert!(Envelope::parse(body("promise.purge", "{}").as_bytes()).expect("an envelope").is_for_all_ids());
    assert!(!Envelope::parse(body("promise.get", "{}").as_bytes()).expect("an envelope").is_for_all_ids());
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
            vec!["a", "b0", "b9007199254740991"],
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

#[test]
fn the_ids_that_a_schedule_will_fire_count_and_not_the_text_of_the_template() {
    for (prefix, template, permitted) in [
        ("a", "{{.id}}.{{.timestamp}}", true),
        ("a", "a.{{.timestamp}}", true),
        ("a", "b.{{.id}}", false),
        ("a", "{{.timestamp}}.{{.id}}", false),
        ("a{{.timestamp}}", "a{{.timestamp}}", false),
        ("a1", "a{{.timestamp}}", false),
        ("", "{{.timestamp}}", true),
    ] {
        let id = if prefix == "a1" { "a1" } else { "a{{.timestamp}}" };
        let data = format!(r#"{{"id":"{id}","cron":"* * * * *","promiseId":"{template}","promiseTimeout":1}}"#);
        assert_eq!(is_permitted(prefix, &call("schedule.create", &data)), permitted, "{prefix} {template}");
    }
}

#[test]
fn a_request_that_cannot_be_read_shows_its_foreign_ids_all_the_same() {
    for (data, foreign) in [
        (r#"{"id":"b"}"#, Some("b")),
        (r#"{"id":"a.1","awaited":7}"#, None),
        (r#"{"awaited":"a","awaiter":"b"}"#, Some("b")),
        (r#"{"id":"a","action":{"data":{"id":"b"}}}"#, Some("b")),
        (r#"{"id":"a","actions":[{"data":{"awaited":"a","awaiter":"a"}},{"data":{"awaited":"b"}}]}"#, Some("b")),
        (r#"{"pid":"b","tasks":[{"id":"a"},{"id":"b"}]}"#, Some("b")),
        (r#"{"id":"a","promiseId":"b{{.timestamp}}"}"#, Some("b0")),
        (r#"{"id":"a","promiseId":"{{.id}}"}"#, None),
        (r#"{"id":"","action":[],"actions":{},"tasks":"b"}"#, None),
        ("{}", None),
    ] {
        let body = body("promise.get", data);
        let envelope = Envelope::parse(body.as_bytes()).expect("an envelope");
        assert_eq!(foreign_id_in("a", envelope.data).as_deref(), foreign, "{data}");
    }
}

/// The reply of a store to a request that a prefix permits.
fn confined(store: &mut MemoryStore, prefix: &str, kind: &str, data: &str) -> Reply {
    let Call::Request(mut request) = call(kind, data) else { panic!("{kind} is of the machine") };
    assert_eq!(foreign_id(prefix, &request), None, "{kind} {data}");
    confine(prefix, &mut request);
    let mut reply = store.apply(&Rules::default(), &request, Timestamp::saturating(1)).reply;
    confine_reply(prefix, &mut reply);
    reply
}

/// The ids that come along with an answer.
fn preloaded(reply: &Reply) -> Vec<&str> {
    match reply {
        Reply::Acquired { task: _, promise: _, preload } | Reply::Redirected { preload } => {
            preload.iter().map(|promise| promise.id.as_str()).collect()
        }
        other => panic!("no preload in {other:?}"),
    }
}

fn create(id: &str, tags: &str) -> String {
    format!(r#"{{"id":"{id}","timeoutAt":9000,"tags":{{{tags}}}}}"#)
}

#[test]
fn what_comes_along_with_an_answer_stays_inside_the_prefix() {
    const TARGET: &str = r#""resonate:target":"poll://any@g""#;
    for branch in ["a.root", "b.root"] {
        let mut store = MemoryStore::new();
        let tag = format!(r#""resonate:branch":"{branch}""#);
        for id in ["a.1", "b.1", "a.2"] {
            confined(&mut store, "", "promise.create", &create(id, &tag));
        }
        confined(&mut store, "", "promise.settle", r#"{"id":"a.2","state":"resolved"}"#);
        let tags = format!("{tag},{TARGET}");
        let action = format!(r#"{{"data":{}}}"#, create("a.task", &tags));
        let new = format!(r#"{{"pid":"w","ttl":100,"action":{action}}}"#);
        let expected: &[&str] = if branch == "a.root" { &["a.1", "a.2"] } else { &[] };
        assert_eq!(preloaded(&confined(&mut store, "a", "task.create", &new)), expected, "{branch}");
        let awaited = r#"{"data":{"awaited":"a.2","awaiter":"a.task"}}"#;
        let suspend = format!(r#"{{"id":"a.task","version":1,"actions":[{awaited}]}}"#);
        assert_eq!(preloaded(&confined(&mut store, "a", "task.suspend", &suspend)), expected, "{branch}");
        confined(&mut store, "a", "task.release", r#"{"id":"a.task","version":1}"#);
        let acquire = r#"{"id":"a.task","version":1,"pid":"w","ttl":100}"#;
        assert_eq!(preloaded(&confined(&mut store, "a", "task.acquire", acquire)), expected, "{branch}");
        confined(&mut store, "a", "task.release", r#"{"id":"a.task","version":2}"#);
        // Whoever may see everything does.
        assert_eq!(preloaded(&confined(&mut store, "", "task.create", &new)), ["a.1", "a.2", "b.1"], "{branch}");
    }
}

#[test]
fn a_search_by_a_tag_of_others_finds_only_ids_with_the_prefix() {
    let mut store = MemoryStore::new();
    let tag = r#""resonate:origin":"b.root""#;
    for id in ["a.1", "b.1", "b.2", "b.root"] {
        confined(&mut store, "", "promise.create", &create(id, tag));
    }
    let Reply::Promises { promises, more } =
        confined(&mut store, "a", "promise.search", &format!(r#"{{"tags":{{{tag}}},"limit":1}}"#))
    else {
        panic!("a page")
    };
    assert_eq!(promises.iter().map(|promise| promise.id.as_str()).collect::<Vec<_>>(), ["a.1"]);
    assert!(!more, "others are not even counted");
}

#[test]
fn an_empty_heartbeat_extends_only_the_leases_of_tasks_with_the_prefix() {
    let mut store = MemoryStore::new();
    for id in ["a.1", "b.1"] {
        let action = create(id, r#""resonate:target":"poll://any@g""#);
        let born = format!(r#"{{"pid":"w","ttl":100,"action":{{"data":{action}}}}}"#);
        confined(&mut store, "", "task.create", &born);
    }
    let Call::Request(mut beat) = call("task.heartbeat", r#"{"pid":"w","tasks":[]}"#) else { panic!("of the machine") };
    confine("a", &mut beat);
    store.apply(&Rules::default(), &beat, Timestamp::saturating(50));
    let ends = |store: &MemoryStore| -> Vec<u64> {
        let tasks = store.snapshot().tasks;
        tasks.values().filter_map(|task| task.lease.as_ref()).map(|lease| lease.expires_at.as_millis()).collect()
    };
    assert_eq!(ends(&store), [150, 101]);
}
