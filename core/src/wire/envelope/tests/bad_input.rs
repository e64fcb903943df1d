//! What is refused where it is read, with the exact words.

use super::{answer, ask};
use crate::memory::MemoryStore;

/// The body of a refusal: status, kind, correlation id, text.
fn refusal(body: &[u8]) -> (u64, String, String, String) {
    let answer = answer(&mut MemoryStore::new(), 1, body);
    let json: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let text = |json: &serde_json::Value| json.as_str().expect("a text").to_owned();
    let status = json["head"]["status"].as_u64().expect("a status");
    assert_eq!(status, u64::from(answer.status));
    (status, text(&json["kind"]), text(&json["head"]["corrId"]), text(&json["data"]))
}

#[test]
fn envelopes() {
    let kinds = "promise.get, promise.create, promise.settle, promise.register_callback, promise.register_listener, promise.search, promise.purge, task.get, task.create, task.acquire, task.fence, task.heartbeat, task.suspend, task.fulfill, task.release, task.halt, task.continue, task.search, schedule.get, schedule.create, schedule.delete, schedule.search, debug.start, debug.stop, debug.reset, debug.tick, debug.snap";
    let unknown = format!("'kind' must be one of {kinds}, not \"promise.cancel\"");
    let object = "the body must be a JSON object with kind, head and data";
    for (body, kind, corr_id, why) in [
        ("", "unknown", "0", "the body is empty: it must be a JSON object with kind, head and data"),
        ("{", "unknown", "0", "the body is not JSON: EOF while parsing an object at line 1 column 1"),
        ("[1]", "unknown", "0", object),
        (r#"["promise.get",{"corrId":"c","version":"2026-04-01"},{"id":"a"}]"#, "unknown", "0", object),
        ("null", "unknown", "0", object),
        ("{}", "unknown", "0", "'kind' is required: a string"),
        (r#"{"kind":7,"head":{"corrId":"c"}}"#, "unknown", "c", "'kind' must be a string, not 7"),
        (r#"{"kind":"k"}"#, "k", "0", "'head' is required: an object"),
        (r#"{"kind":"k","head":["c","2026-04-01"]}"#, "k", "0", "'head' must be an object, not an array"),
        (r#"{"kind":"k","head":{"version":"2026-04-01"},"data":{}}"#, "k", "0", "'head.corrId' is required: a string"),
        (
            r#"{"kind":"k","head":{"corrId":5,"version":"2026-04-01"},"data":{}}"#,
            "k",
            "0",
            "'head.corrId' must be a string, not 5",
        ),
        (r#"{"kind":"k","head":{"corrId":"c"},"data":{}}"#, "k", "c", "'head.version' is required: a string"),
        (
            r#"{"kind":"k","head":{"corrId":"c","version":"2026-04-01","auth":{}},"data":{}}"#,
            "k",
            "c",
            "'head.auth' must be a string, not an object",
        ),
        (r#"{"kind":"","head":{"corrId":"c","version":"1"},"data":[]}"#, "", "c", "'kind' must not be empty"),
        (r#"{"kind":"k","head":{"corrId":"c","version":"1"}}"#, "k", "c", "'data' is required: an object"),
        (
            r#"{"kind":"k","head":{"corrId":"c","version":"1"},"data":[{}]}"#,
            "k",
            "c",
            "'data' must be an object, not an array",
        ),
        (
            r#"{"kind":"k","head":{"corrId":"c","version":"2025-01-15"},"data":{}}"#,
            "k",
            "c",
            "'head.version' must be a supported version, 2026-04-01, not \"2025-01-15\"",
        ),
        (
            r#"{"kind":"promise.cancel","head":{"corrId":"c","version":"2026-04-01"},"data":{}}"#,
            "promise.cancel",
            "c",
            unknown.as_str(),
        ),
        (
            r#"{"kind":"k","head":{"corrId":"c","version":"1"},"data":{"id":"#,
            "k",
            "c",
            "the body is not JSON: EOF while parsing a value at line 1 column 61",
        ),
        (r#"{"kind":"k","kind":"l","head":{"corrId":"c","version":"1"},"data":{}}"#, "l", "c", "'kind' is given twice"),
        (
            r#"{"kind":"k","head":{"corrId":"c","version":"2026-04-01"},"data":{}} x"#,
            "k",
            "c",
            "the body is not JSON: trailing characters at line 1 column 69",
        ),
        (
            r#"{"kind":"\ud800","head":{"corrId":"c","version":"2026-04-01"},"data":{}}"#,
            "unknown",
            "c",
            "'kind' must be Unicode text: an escape in it is not a character",
        ),
    ] {
        assert_eq!(refusal(body.as_bytes()), (400, kind.to_owned(), corr_id.to_owned(), why.to_owned()), "{body}");
    }
    let (status, _, _, why) = refusal(b"{\"kind\":\"\xff\"}");
    assert_eq!((status, why.as_str()), (400, "the body is not UTF-8: invalid utf-8 sequence of 1 bytes from index 9"));
}

fn check(rows: &[(&str, &str, &str)]) {
    for (kind, data, why) in rows {
        let (status, got) = ask(&mut MemoryStore::new(), 1, kind, data);
        let got: String = serde_json::from_str(&got).expect("a text");
        assert_eq!((status, got.as_str()), (400, *why), "{kind} {data}");
    }
}

#[test]
fn promises() {
    check(&[
        ("promise.get", "{}", "'data.id' is required: a string"),
        ("promise.get", r#"{"id":null}"#, "'data.id' is required: a string"),
        ("promise.get", r#"{"id":""}"#, "'data.id' must not be empty"),
        ("promise.get", r#"{"id":1}"#, "'data.id' must be a string, not 1"),
        ("promise.get", r#"{"id":"a\u0000"}"#, "'data.id' must not contain NUL characters"),
        ("promise.get", r#"{"id":"\ud800"}"#, "'data.id' must be Unicode text: an escape in it is not a character"),
        ("promise.get", r#"{"id":"a","id":"b"}"#, "'data.id' is given twice"),
        (
            "promise.get",
            r#"{"\ud800":1}"#,
            "'data' must be an object with names of Unicode text: an escape in one is not a character",
        ),
        ("promise.create", r#"{"timeoutAt":"x"}"#, "'data.id' is required: a string"),
        (
            "promise.create",
            r#"{"timeoutAt":"x","id":"a"}"#,
            "'data.timeoutAt' must be an instant in milliseconds since 1970, an integer from 0 to 9007199254740991, not \"x\"",
        ),
        (
            "promise.create",
            r#"{"id":"a"}"#,
            "'data.timeoutAt' is required: an instant in milliseconds since 1970, an integer from 0 to 9007199254740991",
        ),
        (
            "promise.create",
            r#"{"id":"a","timeoutAt":-1}"#,
            "'data.timeoutAt' must be an instant in milliseconds since 1970, an integer from 0 to 9007199254740991, not -1",
        ),
        (
            "promise.create",
            r#"{"id":"a","timeoutAt":1.5}"#,
            "'data.timeoutAt' must be an instant in milliseconds since 1970, an integer from 0 to 9007199254740991, not 1.5",
        ),
        (
            "promise.create",
            r#"{"id":"a","timeoutAt":9007199254740992}"#,
            "'data.timeoutAt' must be an instant in milliseconds since 1970, an integer from 0 to 9007199254740991, not 9007199254740992",
        ),
        (
            "promise.create",
            r#"{"id":"a","timeoutAt":1,"param":[null,"x"]}"#,
            "'data.param' must be an object, not an array",
        ),
        (
            "promise.create",
            r#"{"id":"a","timeoutAt":1,"param":{"data":{}}}"#,
            "'data.param.data' must be a string, not an object",
        ),
        (
            "promise.create",
            r#"{"id":"a","timeoutAt":1,"param":{"headers":{"h":"\u0000"}}}"#,
            "'data.param.headers' must not contain NUL characters",
        ),
        (
            "promise.create",
            r#"{"id":"a","timeoutAt":1,"tags":{"a":"b","resonate:timer":true}}"#,
            "'data.tags.resonate:timer' must be a string, not true",
        ),
        ("promise.create", r#"{"id":"a","timeoutAt":1,"tags":{"a":null}}"#, "'data.tags.a' must be a string, not null"),
        (
            "promise.create",
            r#"{"id":"a","timeoutAt":1,"tags":{"\u0000":"b"}}"#,
            "'data.tags' must not contain NUL characters",
        ),
        (
            "promise.create",
            r#"{"id":"a","timeoutAt":1,"tags":"x"}"#,
            "'data.tags' must be an object of strings, not \"x\"",
        ),
        ("promise.settle", r#"{"id":"a"}"#, "'data.state' is required: resolved, rejected or rejected_canceled"),
        (
            "promise.settle",
            r#"{"id":"a","state":"rejected_timedout"}"#,
            "'data.state' must be resolved, rejected or rejected_canceled, not \"rejected_timedout\"",
        ),
        ("promise.settle", r#"{"id":"a","state":"resolved","value":"x"}"#, "'data.value' must be an object, not \"x\""),
        ("promise.register_callback", r#"{"awaiter":"b"}"#, "'data.awaited' is required: a string"),
        (
            "promise.register_listener",
            r#"{"awaited":"a","address":"poll://uni@g"}"#,
            "'data.address' must name a worker: poll://uni@group/id",
        ),
        (
            "promise.search",
            r#"{"state":"done"}"#,
            "'data.state' must be pending, resolved, rejected, rejected_canceled or rejected_timedout, not \"done\"",
        ),
        (
            "promise.purge",
            "{}",
            "'data.settledBefore' is required: an instant in milliseconds since 1970, an integer from 0 to 9007199254740991",
        ),
        (
            "promise.purge",
            r#"{"settledBefore":"30d"}"#,
            "'data.settledBefore' must be an instant in milliseconds since 1970, an integer from 0 to 9007199254740991, not \"30d\"",
        ),
        ("promise.purge", r#"{"settledBefore":1,"dryRun":1}"#, "'data.dryRun' must be true or false, not 1"),
        (
            "promise.purge",
            r#"{"settledBefore":1,"limit":257}"#,
            "'data.limit' must be an integer from 1 to 256, not 257",
        ),
        ("promise.search", r#"{"limit":0}"#, "'data.limit' must be an integer from 1 to 1000, not 0"),
        ("promise.search", r#"{"limit":1001}"#, "'data.limit' must be an integer from 1 to 1000, not 1001"),
        (
            "promise.search",
            r#"{"cursor":"p01"}"#,
            "'data.cursor' is not one that this server gave out for such a search: start the search again",
        ),
    ]);
    let long = format!(r#"{{"id":"{}"}}"#, "é".repeat(513));
    check(&[("promise.get", &long, "'data.id' must be at most 1024 bytes long")]);
    let longest = format!(r#"{{"id":"{}"}}"#, "é".repeat(512));
    assert_eq!(ask(&mut MemoryStore::new(), 1, "promise.get", &longest).0, 404);
    let endless = format!(r#"{{"id":"a","state":"{}"}}"#, "é".repeat(500));
    let why = format!("'data.state' must be resolved, rejected or rejected_canceled, not \"{}…", "é".repeat(39));
    check(&[("promise.settle", &endless, &why)]);
}

#[test]
fn tasks() {
    let version = "'data.version' must be an integer from 0 to 9007199254740991, not";
    check(&[
        ("task.create", "{}", "'data.pid' is required: a string"),
        ("task.create", r#"{"pid":"","ttl":1}"#, "'data.pid' must not be empty"),
        ("task.create", r#"{"pid":"w\u0000","ttl":1}"#, "'data.pid' must not contain NUL characters"),
        (
            "task.create",
            r#"{"pid":"w","ttl":0}"#,
            "'data.ttl' must be a duration in milliseconds, an integer from 1 to 9007199254740991, not 0",
        ),
        ("task.create", r#"{"pid":"w","ttl":1}"#, "'data.action' is required: an object"),
        (
            "task.create",
            r#"{"pid":"w","ttl":1,"action":["promise.create",{}]}"#,
            "'data.action' must be an object, not an array",
        ),
        (
            "task.create",
            r#"{"pid":"w","ttl":1,"action":{"kind":"promise.settle"}}"#,
            "'data.action.kind' must be promise.create, not \"promise.settle\"",
        ),
        ("task.create", r#"{"pid":"w","ttl":1,"action":{}}"#, "'data.action.data' is required: an object"),
        (
            "task.create",
            r#"{"pid":"w","ttl":1,"action":{"data":{"id":"a","timeoutAt":true}}}"#,
            "'data.action.data.timeoutAt' must be an instant in milliseconds since 1970, an integer from 0 to 9007199254740991, not true",
        ),
        (
            "task.acquire",
            r#"{"id":"a","pid":"w","ttl":1}"#,
            "'data.version' is required: an integer from 0 to 9007199254740991",
        ),
        ("task.acquire", r#"{"id":"a","version":-1,"pid":"w","ttl":1}"#, &format!("{version} -1")),
        ("task.acquire", r#"{"id":"a","version":1.0,"pid":"w","ttl":1}"#, &format!("{version} 1.0")),
        (
            "task.acquire",
            r#"{"id":"a","version":9007199254740992,"pid":"w","ttl":1}"#,
            &format!("{version} 9007199254740992"),
        ),
        (
            "task.fence",
            r#"{"id":"a","version":1,"action":{"data":{}}}"#,
            "'data.action.kind' is required: promise.create or promise.settle",
        ),
        (
            "task.fence",
            r#"{"id":"a","version":1,"action":{"kind":"promise.get","data":{}}}"#,
            "'data.action.kind' must be promise.create or promise.settle, not \"promise.get\"",
        ),
        (
            "task.fence",
            r#"{"id":"a","version":1,"action":{"kind":"promise.settle","data":{"id":"b","state":1}}}"#,
            "'data.action.data.state' must be resolved, rejected or rejected_canceled, not 1",
        ),
        ("task.heartbeat", r#"{"pid":"w"}"#, "'data.tasks' is required: an array of {id, version}, which may be empty"),
        (
            "task.heartbeat",
            r#"{"pid":"w","tasks":{}}"#,
            "'data.tasks' must be an array of {id, version}, which may be empty, not an object",
        ),
        (
            "task.heartbeat",
            r#"{"pid":"w","tasks":[{"id":"a","version":1},["a",1]]}"#,
            "'data.tasks[1]' must be an object, not an array",
        ),
        (
            "task.heartbeat",
            r#"{"pid":"w","tasks":[{"id":"a"}]}"#,
            "'data.tasks[0].version' is required: an integer from 0 to 9007199254740991",
        ),
        (
            "task.suspend",
            r#"{"id":"a","version":1}"#,
            "'data.actions' is required: an array of promise.register_callback requests",
        ),
        (
            "task.suspend",
            r#"{"id":"a","version":1,"actions":[{"data":{"awaited":"b","awaiter":"a"}},{"data":{"awaited":"b","awaiter":"c"}}]}"#,
            "'data.actions[1].data.awaiter' must be the id of the task that suspends, as in 'data.id'",
        ),
        (
            "task.suspend",
            r#"{"id":"a","version":1,"actions":[{"kind":"promise.get","data":{}}]}"#,
            "'data.actions[0].kind' must be promise.register_callback, not \"promise.get\"",
        ),
        (
            "task.fulfill",
            r#"{"id":"a","version":1,"action":{"kind":"promise.settle","data":{"id":"a"}}}"#,
            "'data.action.data.state' is required: resolved, rejected or rejected_canceled",
        ),
        (
            "task.search",
            r#"{"state":"resolved"}"#,
            "'data.state' must be pending, acquired, suspended, halted or fulfilled, not \"resolved\"",
        ),
        (
            "debug.tick",
            "{}",
            "'data.time' is required: an instant in milliseconds since 1970, an integer from 0 to 9007199254740991",
        ),
    ]);
}

#[test]
fn schedules() {
    check(&[
        ("schedule.create", r#"{"id":"s","cron":5}"#, "'data.cron' must be a string, not 5"),
        ("schedule.create", r#"{"id":"s","cron":"x","promiseId":""}"#, "'data.promiseId' must not be empty"),
        (
            "schedule.create",
            r#"{"id":"s","cron":"x","promiseId":"p","promiseTimeout":-5}"#,
            "'data.promiseTimeout' must be a duration in milliseconds, an integer from 0 to 9007199254740991, not -5",
        ),
        (
            "schedule.create",
            r#"{"id":"s","cron":"x","promiseId":"p","promiseTimeout":5,"promiseTags":{"a":[]}}"#,
            "'data.promiseTags.a' must be a string, not an array",
        ),
        ("schedule.search", r#"{"limit":"1"}"#, "'data.limit' must be an integer from 1 to 1000, not \"1\""),
    ]);
}

#[test]
fn depth_and_length_are_harmless() {
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    assert_eq!(ask(&mut MemoryStore::new(), 1, "promise.get", &format!(r#"{{"id":"a","x":{deep}}}"#)).0, 404);
    check(&[
        ("promise.get", &format!(r#"{{"id":{deep}}}"#), "'data.id' must be a string, not an array"),
        (
            "promise.create",
            &format!(r#"{{"id":"a","timeoutAt":1,"tags":{{"t":{deep}}}}}"#),
            "'data.tags.t' must be a string, not an array",
        ),
        (
            "promise.create",
            &format!(r#"{{"id":"a","timeoutAt":1,"tags":{{"{}":5}}}}"#, "t".repeat(500_000)),
            &format!("'data.tags.{}…' must be a string, not 5", "t".repeat(40)),
        ),
        (
            "task.suspend",
            &format!(r#"{{"id":"a","version":1,"actions":{deep}}}"#),
            "'data.actions[0]' must be an object, not an array",
        ),
    ]);
}
