//! Debugging over HTTP: refused unless it is switched on; then time is what requests say, and nothing happens by itself between start and stop.

use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::FAR;
use super::child::{Server, Start};
use super::events::Events;
use super::wire::Request;

fn ask(server: &Server, kind: &str, time: Option<u64>, data: &Json) -> (u16, Json) {
    let mut head = json!({"corrId": "c", "version": "2026-04-01"});
    if let Some(time) = time {
        head["resonate:debug_time"] = json!(time);
    }
    let body = json!({"kind": kind, "head": head, "data": data});
    let answer = server.ask(&Request::new("POST", "/").body(body.to_string().into_bytes()));
    (answer.status, answer.json()["data"].clone())
}

#[track_caller]
fn done(server: &Server, kind: &str, time: Option<u64>, data: &Json) -> Json {
    let (status, answer) = ask(server, kind, time, data);
    assert_eq!(status, 200, "{kind}: {answer}");
    answer
}

fn debugging(folder: &Folder, command: &str) -> Server {
    Start::new(command, folder).flag("--debug", "true").serve()
}

#[test]
fn without_leave_nothing_is_debugged() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).serve();
    for kind in ["debug.start", "debug.stop", "debug.reset", "debug.tick", "debug.snap"] {
        assert_eq!(ask(&server, kind, None, &json!({"time": 1})).0, 403, "{kind}");
    }
    let created = done(&server, "promise.create", Some(5), &json!({"id": "foo", "timeoutAt": FAR}));
    assert!(created["promise"]["createdAt"].as_u64() > Some(5), "the clock is the server's: {created}");
    server.stop();
}

#[test]
fn time_is_what_requests_say() {
    for command in ["dev", "serve"] {
        let folder = Folder::new();
        let server = debugging(&folder, command);
        assert_eq!(done(&server, "debug.start", None, &json!({})), json!({}));
        let tags = json!({"resonate:target": "poll://any@g"});
        let data = json!({"id": "foo", "timeoutAt": 1_000, "tags": tags});
        assert_eq!(done(&server, "promise.create", Some(100), &data)["promise"]["createdAt"], 100);
        let seen = done(&server, "promise.get", Some(1), &json!({"id": "foo"}));
        assert_eq!(seen["promise"]["state"], "pending");
        // An instant before the last one seen counts as that one.
        let acquired =
            done(&server, "task.acquire", Some(50), &json!({"id": "foo", "version": 0, "pid": "p", "ttl": 10}));
        assert_eq!(acquired["task"]["version"], 1);
        let snap = done(&server, "debug.snap", None, &json!({}));
        assert_eq!(snap["taskTimeouts"], json!([{"id": "foo", "type": 1, "timeout": 110}]));
        assert_eq!(done(&server, "debug.tick", None, &json!({"time": 110})), json!([]));
        assert_eq!(done(&server, "task.get", Some(110), &json!({"id": "foo"}))["task"]["state"], "pending");
        assert_eq!(done(&server, "debug.tick", None, &json!({"time": 1_000})), json!([]));
        let snap = done(&server, "debug.snap", None, &json!({}));
        assert_eq!(snap["promises"][0]["state"], "rejected_timedout");
        assert_eq!((&snap["tasks"][0]["state"], &snap["promiseTimeouts"]), (&json!("fulfilled"), &json!([])));
        done(&server, "debug.reset", None, &json!({}));
        let snap = done(&server, "debug.snap", None, &json!({}));
        assert_eq!((&snap["promises"], &snap["messages"]), (&json!([]), &json!([])));
        // Forgotten, so that time may start again.
        let created = done(&server, "promise.create", Some(7), &json!({"id": "foo", "timeoutAt": 1_000}));
        assert_eq!(created["promise"]["createdAt"], 7);
        assert_eq!(ask(&server, "promise.get", None, &json!({"id": 1})).0, 400);
        server.stop();
    }
}

#[test]
fn nothing_happens_by_itself_between_start_and_stop() {
    let folder = Folder::new();
    let server = debugging(&folder, "serve");
    let mut worker = Events::open(&server, "/poll/g/w");
    done(&server, "debug.start", None, &json!({}));
    let tags = json!({"resonate:target": "poll://any@g"});
    done(&server, "promise.create", None, &json!({"id": "foo", "timeoutAt": FAR, "tags": tags}));
    let snap = done(&server, "debug.snap", None, &json!({}));
    assert_eq!(snap["messages"][0]["message"]["data"]["task"]["id"], "foo");
    let state =
        |server: &Server| done(server, "promise.get", Some(0), &json!({"id": "bar"}))["promise"]["state"].clone();
    done(&server, "promise.create", Some(1), &json!({"id": "bar", "timeoutAt": 2}));
    assert_eq!(state(&server), "pending", "its deadline is long past for everybody else");
    done(&server, "debug.stop", None, &json!({}));
    assert_eq!(worker.next_task(), "foo");
    server.stop();
}

#[test]
fn what_was_claimed_at_an_instant_to_come_is_delivered_once_debugging_is_over() {
    let folder = Folder::new();
    for command in ["dev", "serve"] {
        let server = debugging(&folder, command);
        let mut worker = Events::open(&server, "/poll/g/w");
        done(&server, "debug.start", None, &json!({}));
        let tags = json!({"resonate:target": "poll://any@g"});
        let far = FAR - 3_600_000;
        done(&server, "promise.create", Some(far), &json!({"id": "foo", "timeoutAt": FAR, "tags": tags}));
        done(&server, "debug.start", None, &json!({}));
        done(&server, "debug.stop", None, &json!({}));
        assert_eq!(worker.next_task(), "foo");
        server.stop();
    }
}
