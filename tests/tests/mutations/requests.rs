//! Valid requests of both protocols, and the state that they find.

use resonate_tests::driver::HttpCall;
use resonate_tests::table::envelope_of;

/// What every server holds before the first mutant: promises pending and settled, tasks in every state, waiters, a schedule.
pub(crate) const SETTING: [(&str, &str); 12] = [
    ("promise.create", r#"{"id":"a","timeoutAt":90000,"param":{"data":"e30="},"tags":{"t":"u"}}"#),
    (
        "promise.create",
        r#"{"id":"b","timeoutAt":90000,"tags":{"resonate:target":"poll://any@g","resonate:branch":"b"}}"#,
    ),
    ("promise.create", r#"{"id":"c","timeoutAt":90000,"tags":{"resonate:branch":"b"}}"#),
    ("promise.settle", r#"{"id":"c","state":"rejected","value":{"headers":{"h":"1"},"data":"e30="}}"#),
    ("promise.create", r#"{"id":"d","timeoutAt":90000,"tags":{"resonate:timer":"true"}}"#),
    (
        "task.create",
        r#"{"pid":"w","ttl":5000,"action":{"data":{"id":"t","timeoutAt":90000,"tags":{"resonate:target":"http://h"}}}}"#,
    ),
    (
        "task.create",
        r#"{"pid":"w","ttl":5000,"action":{"data":{"id":"s","timeoutAt":90000,"tags":{"resonate:target":"http://h"}}}}"#,
    ),
    ("task.suspend", r#"{"id":"s","version":1,"actions":[{"data":{"awaited":"a","awaiter":"s"}}]}"#),
    ("promise.create", r#"{"id":"h","timeoutAt":90000,"tags":{"resonate:target":"http://h"}}"#),
    ("task.halt", r#"{"id":"h"}"#),
    ("promise.register_listener", r#"{"awaited":"a","address":"poll://uni@g/w"}"#),
    ("schedule.create", r#"{"id":"s","cron":"*/5 * * * *","promiseId":"{{.id}}.{{.timestamp}}","promiseTimeout":5}"#),
];

/// One request of each kind, with every field that there is.
const ENVELOPES: [(&str, &str); 30] = [
    ("promise.get", r#"{"id":"a"}"#),
    (
        "promise.create",
        r#"{"id":"e","timeoutAt":90000,"param":{"headers":{"h":"1"},"data":"e30="},"tags":{"resonate:target":"poll://any@g/w","resonate:delay":"5000"}}"#,
    ),
    ("promise.create", r#"{"id":"f","timeoutAt":5,"tags":{"resonate:timer":"true","resonate:scope":"local"}}"#),
    ("promise.settle", r#"{"id":"a","state":"resolved","value":{"headers":{"h":"1"},"data":"e30="}}"#),
    ("promise.settle", r#"{"id":"d","state":"rejected_canceled"}"#),
    ("promise.register_callback", r#"{"awaited":"a","awaiter":"b"}"#),
    ("promise.register_listener", r#"{"awaited":"d","address":"http://example.com:80/hook?a=b"}"#),
    ("promise.search", r#"{"state":"pending","tags":{"t":"u"},"limit":10,"cursor":null}"#),
    ("promise.purge", r#"{"settledBefore":100,"dryRun":true,"limit":10,"cursor":null}"#),
    ("task.get", r#"{"id":"t"}"#),
    (
        "task.create",
        r#"{"pid":"w","ttl":100,"action":{"kind":"promise.create","head":{"corrId":"i"},"data":{"id":"n","timeoutAt":90000,"tags":{"resonate:target":"http://h"}}}}"#,
    ),
    ("task.acquire", r#"{"id":"b","version":0,"pid":"v","ttl":100}"#),
    (
        "task.fence",
        r#"{"id":"t","version":1,"action":{"kind":"promise.settle","data":{"id":"d","state":"rejected","value":{"data":"x"}}}}"#,
    ),
    (
        "task.fence",
        r#"{"id":"t","version":1,"action":{"kind":"promise.create","data":{"id":"t.1","timeoutAt":9000,"tags":{"a":"b"}}}}"#,
    ),
    ("task.heartbeat", r#"{"pid":"w","tasks":[{"id":"t","version":1},{"id":"b","version":0}]}"#),
    (
        "task.suspend",
        r#"{"id":"t","version":1,"actions":[{"kind":"promise.register_callback","data":{"awaited":"a","awaiter":"t"}},{"data":{"awaited":"d","awaiter":"t"}}]}"#,
    ),
    ("task.suspend", r#"{"id":"t","version":1,"actions":[{"data":{"awaited":"c","awaiter":"t"}}]}"#),
    (
        "task.fulfill",
        r#"{"id":"t","version":1,"action":{"kind":"promise.settle","data":{"id":"t","state":"resolved","value":{}}}}"#,
    ),
    ("task.release", r#"{"id":"t","version":1}"#),
    ("task.halt", r#"{"id":"b"}"#),
    ("task.continue", r#"{"id":"h"}"#),
    ("task.search", r#"{"state":"acquired","limit":5}"#),
    ("schedule.get", r#"{"id":"s"}"#),
    (
        "schedule.create",
        r#"{"id":"z","cron":"0 9 * * 1-5","promiseId":"{{.id}}","promiseTimeout":5,"promiseParam":{"data":"x"},"promiseTags":{"a":"b"}}"#,
    ),
    ("schedule.delete", r#"{"id":"s"}"#),
    ("schedule.search", r#"{"tags":{"a":"b"},"limit":5}"#),
    ("debug.reset", "{}"),
    ("debug.tick", r#"{"time":100000}"#),
    ("debug.snap", "{}"),
    ("debug.start", "{}"),
];

type Headers = &'static [(&'static str, &'static str)];

/// One request of each call of 2023: method, path, headers, body.
const CALLS: [(&str, &str, Headers, &str); 11] = [
    ("GET", "/promises/a", &[], ""),
    ("GET", "/promises?q=*&state=pending&limit=5", &[], ""),
    ("GET", "/promises?q=a*&limit=-1", &[], ""),
    (
        "POST",
        "/promises/m/create",
        &[("idempotency-key", "k"), ("strict", "true"), ("content-type", "application/json")],
        r#"{"timeout":90000,"param":{"headers":{"h":"1"},"data":"e30="},"tags":{"a":"b"}}"#,
    ),
    ("POST", "/promises/m%2F%E2%9C%93/create", &[], r#"{"timeout":5,"tags":{"resonate:target":"http://h"}}"#),
    (
        "POST",
        "/promises/a/resolve",
        &[("idempotency-key", "k"), ("strict", "0")],
        r#"{"value":{"headers":{"h":"1"},"data":"e30="}}"#,
    ),
    ("POST", "/promises/b/reject", &[("idempotency-key", "k")], "{}"),
    ("POST", "/promises/d/cancel", &[], ""),
    ("POST", "/promises/none/resolve", &[], "{}"),
    ("GET", "/health", &[], ""),
    ("GET", "/ready", &[], ""),
];

/// A valid request: three of four are of today's protocol, which has more to break.
pub(super) fn valid(rng: &mut fastrand::Rng) -> HttpCall {
    let owned =
        |headers: &[(&str, &str)]| headers.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
    if rng.u8(0..4) > 0 {
        let (kind, data) = ENVELOPES[rng.usize(..ENVELOPES.len())];
        let headers = owned(&[("content-type", "application/json"), ("authorization", "Bearer none")]);
        HttpCall {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers,
            body: envelope_of(kind, "c1", data).into(),
        }
    } else {
        let (method, path, headers, body) = CALLS[rng.usize(..CALLS.len())];
        HttpCall { method: method.to_owned(), path: path.to_owned(), headers: owned(headers), body: body.into() }
    }
}
