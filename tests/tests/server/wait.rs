//! `--wait`: a command follows a promise until it is settled, over a server's restart if need be, and exits by how it was settled.

use std::process::Child;

use resonate_postgres_cluster::free_port;
use resonate_tests::folder::Folder;
use serde_json::json;

use super::child::{Server, Start};
use super::cli::{Ran, done, resonate, run, url};
use super::eventually;
use super::wire::Request;

/// Bounds every wait of this file, should it never end.
const LONGEST: [&str; 2] = ["--wait-timeout", "30s"];

/// A server that can be asked who listens.
fn dev(folder: &Folder) -> Server {
    Start::new("dev", folder).flag("--debug", "true").serve()
}

/// Starts a command that waits.
fn start(server: &Server, args: &[&str]) -> Child {
    let mut command = resonate();
    command.args(args).args(LONGEST).args(["--server", &url(server)]).spawn().expect("the binary starts")
}

fn end(child: Child) -> Ran {
    let ended = child.wait_with_output().expect("an end");
    let text = |bytes| String::from_utf8(bytes).expect("a text");
    Ran { code: ended.status.code(), stdout: text(ended.stdout), stderr: text(ended.stderr) }
}

/// Waits until somebody listens for a promise, so that what happens next comes by message.
fn wait_for_listener(server: &Server, id: &str) {
    let snap = json!({"kind": "debug.snap", "head": {"corrId": "c", "version": "2026-04-01"}, "data": {}});
    eventually("a listener", || {
        let answer = server.ask(&Request::new("POST", "/").body(snap.to_string().into_bytes())).json();
        let listeners =
            answer["data"]["listeners"].as_array().unwrap_or_else(|| panic!("a snapshot: {answer}")).clone();
        listeners.iter().any(|listener| listener["id"] == id).then_some(())
    });
}

#[test]
fn who_waits_is_told_and_exits_by_how_the_promise_was_settled() {
    let folder = Folder::new();
    let server = dev(&folder);
    for (id, verb, code, says) in [
        ("a", "resolve", 0, ""),
        ("b", "reject", 5, "promise b is rejected"),
        ("c", "cancel", 5, "promise c is cancelled"),
    ] {
        done(&server, &["promises", "create", id, "--timeout", "1h"]);
        let waiting = start(&server, &["promises", "get", id, "--wait"]);
        wait_for_listener(&server, id);
        done(&server, &["promises", verb, id, "--value", r#"{"data": "the outcome"}"#]);
        let ran = end(waiting);
        assert_eq!(ran.code, Some(code), "{id}: {ran:?}");
        assert!(ran.stdout.contains(r#""the outcome""#) && ran.stderr.contains(says), "{id}: {ran:?}");
        let again = run(&server, &["promises", "get", id, "--wait"]);
        assert_eq!((again.code, again.stderr), (Some(code), ran.stderr), "{id}: settled already");
    }
    server.stop();
}

#[test]
fn an_invocation_can_be_waited_for() {
    let folder = Folder::new();
    let server = dev(&folder);
    let waiting = start(&server, &["invoke", "foo", "-f", "greet", "--wait", "--output", "json"]);
    wait_for_listener(&server, "foo");
    let claim = ["tasks", "claim", "foo", "--pid", "me", "--version", "0", "--ttl", "1m"];
    assert!(done(&server, &claim).contains("greet()"));
    done(&server, &["tasks", "complete", "foo", "--version", "1", "--state", "resolved", "--value", r#"{"data": 1}"#]);
    let ran = end(waiting);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        (&answer["promise"]["state"], &answer["promise"]["value"]["data"]),
        (&json!("resolved"), &json!("MQ=="))
    );
    server.stop();
}

#[test]
fn deadlines_end_a_wait_the_promises_own_and_the_waiters() {
    let folder = Folder::new();
    let server = dev(&folder);
    done(&server, &["promises", "create", "short", "--timeout", "1s"]);
    let ran = end(start(&server, &["promises", "get", "short", "--wait"]));
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stderr.contains("promise short has timed out"), "{ran:?}");
    done(&server, &["promises", "create", "long", "--timeout", "1h"]);
    let ran = run(&server, &["promises", "get", "long", "--wait", "--wait-timeout", "50ms"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(6), ""), "{ran:?}");
    assert!(ran.stderr.contains("promise long is still pending after 50ms"), "{ran:?}");
    done(&server, &["invoke", "call", "-f", "greet"]);
    let ran = run(&server, &["promises", "get", "call", "--wait", "--wait-timeout", "500ms"]);
    assert!(ran.code == Some(6) && ran.stderr.contains("no worker of poll://any@default has taken it yet"), "{ran:?}");
    assert_eq!(run(&server, &["promises", "get", "gone", "--wait"]).code, Some(3));
    server.stop();
}

#[test]
fn a_wait_outlives_its_server() {
    let folder = Folder::new();
    let port = free_port().to_string();
    let start_server = || Start::new("serve", &folder).flag("--server-port", &port).flag("--debug", "true").serve();
    let server = start_server();
    done(&server, &["promises", "create", "foo", "--timeout", "1h"]);
    let waiting = start(&server, &["promises", "get", "foo", "--wait"]);
    wait_for_listener(&server, "foo");
    server.kill();
    let server = start_server();
    done(&server, &["promises", "resolve", "foo"]);
    let ran = end(waiting);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    server.stop();
}

#[test]
fn a_server_that_sends_no_messages_says_so() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).flag("--transports-http-poll-enabled", "false").serve();
    done(&server, &["promises", "create", "foo", "--timeout", "1h"]);
    let ran = run(&server, &["promises", "get", "foo", "--wait"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.stderr.contains("cannot wait") && ran.stderr.contains("http_poll.enabled"), "{ran:?}");
    server.stop();
}
