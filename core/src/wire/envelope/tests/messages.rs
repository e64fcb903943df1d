//! What is printed without a request: messages and the whole state.

use super::ask;
use crate::address::Address;
use crate::id::Id;
use crate::memory::MemoryStore;
use crate::message::{Message, MessageKey, OutboxEntry};
use crate::promise::Promise;
use crate::request::Request;
use crate::rules::Rules;
use crate::time::Timestamp;
use crate::wire::envelope::{DebugReply, print_debug, print_message, print_snapshot};

fn promise(id: &str) -> Promise {
    let mut store = MemoryStore::new();
    ask(&mut store, 1, "promise.create", &format!(r#"{{"id":"{id}","timeoutAt":2}}"#));
    let snapshot = store.snapshot();
    Promise::clone(&snapshot.promises[id])
}

#[test]
fn messages() {
    let text = |message, url| String::from_utf8(print_message(&message, url)).expect("UTF-8");
    let execute = || Message::Execute { task: Id::parse("a").expect("an id"), version: 3 };
    assert_eq!(text(execute(), None), r#"{"kind":"execute","head":{},"data":{"task":{"id":"a","version":3}}}"#);
    assert_eq!(
        text(execute(), Some("http://h")),
        r#"{"kind":"execute","head":{"serverUrl":"http://h"},"data":{"task":{"id":"a","version":3}}}"#
    );
    assert_eq!(
        text(Message::Unblock { promise: promise("a").settled_by_deadline().into() }, Some("http://h")),
        r#"{"kind":"unblock","head":{},"data":{"promise":{"id":"a","state":"rejected_timedout","param":{},"value":{},"tags":{},"timeoutAt":2,"createdAt":1,"settledAt":2}}}"#
    );
}

#[test]
fn a_snapshot_shows_what_is_stored() {
    let mut store = MemoryStore::new();
    for (kind, data) in [
        ("promise.create", r#"{"id":"a","timeoutAt":50}"#),
        ("promise.create", r#"{"id":"p","timeoutAt":60,"tags":{"resonate:target":"poll://any@g"}}"#),
        (
            "task.create",
            r#"{"pid":"w","ttl":7,"action":{"data":{"id":"q","timeoutAt":70,"tags":{"resonate:target":"poll://any@g"}}}}"#,
        ),
        ("promise.register_callback", r#"{"awaited":"a","awaiter":"p"}"#),
        ("promise.register_listener", r#"{"awaited":"a","address":"poll://uni@g/w"}"#),
    ] {
        assert_eq!(ask(&mut store, 1, kind, data).0, 200, "{kind} {data}");
    }
    let dispatch = Request::DispatchTask { id: Id::parse("p").expect("an id") };
    store.apply(&Rules::default(), &dispatch, Timestamp::saturating(1));
    let mut snapshot = store.snapshot();
    let (key, address) = (Id::parse("a").expect("an id"), Address::parse("poll://uni@g/w").expect("an address"));
    let key = MessageKey::Unblock { promise: key, address: address.clone() };
    let at = Timestamp::saturating(1);
    let entry = OutboxEntry {
        key: key.clone(),
        address,
        version: 0,
        created_at: at,
        due_at: at,
        parked: false,
        failures: 0,
        waits: 0,
    };
    snapshot.messages.insert(key, entry.into());
    let shown = String::from_utf8(print_snapshot(&snapshot)).expect("UTF-8");
    let a = r#"{"id":"a","state":"pending","param":{},"value":{},"tags":{},"timeoutAt":50,"createdAt":1}"#;
    let targeted = |id: &str, at: u64| {
        format!(
            r#"{{"id":"{id}","state":"pending","param":{{}},"value":{{}},"tags":{{"resonate:target":"poll://any@g"}},"timeoutAt":{at},"createdAt":1}}"#
        )
    };
    let expected = format!(
        r#"{{"promises":[{a},{},{}],"promiseTimeouts":[{{"id":"a","timeout":50}},{{"id":"p","timeout":60}},{{"id":"q","timeout":70}}],"callbacks":[{{"awaiter":"p","awaited":"a"}}],"listeners":[{{"id":"a","address":"poll://uni@g/w"}}],"tasks":[{{"id":"p","state":"pending","version":0,"resumes":0}},{{"id":"q","state":"acquired","version":1,"resumes":0,"ttl":7,"pid":"w"}}],"taskTimeouts":[{{"id":"p","type":0,"timeout":5001}},{{"id":"q","type":1,"timeout":8}}],"messages":[{{"address":"poll://any@g","message":{{"kind":"execute","head":{{}},"data":{{"task":{{"id":"p","version":0}}}}}}}},{{"address":"poll://uni@g/w","message":{{"kind":"unblock","head":{{}},"data":{{"promise":{a}}}}}}}]}}"#,
        targeted("p", 60),
        targeted("q", 70),
    );
    assert_eq!(shown, expected);
    for (reply, data) in
        [(DebugReply::Done, "{}"), (DebugReply::Ticked, "[]"), (DebugReply::Snapshot(&snapshot), expected.as_str())]
    {
        let answer = print_debug("debug.x", "c", reply);
        let expected = format!(
            r#"{{"kind":"debug.x","head":{{"corrId":"c","status":200,"version":"2026-04-01"}},"data":{data}}}"#
        );
        assert_eq!((answer.status, String::from_utf8(answer.body)), (200, Ok(expected)));
    }
}
