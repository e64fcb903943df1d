//! Delivery by poll where tokens are needed: who may connect, what it is handed, and for how long.

use resonate_tests::folder::Folder;
use serde_json::json;

use super::FAR;
use super::child::Server;
use super::events::Events;
use super::tokens::{admin, call, guarded, in_seconds, prefixed, signed};
use super::wire::Request;

fn connect(server: &Server, path: &str, token: &str) -> Events {
    let events = Events::open_with(server, path, &format!("Authorization: Bearer {token}\r\n"));
    assert_eq!(events.status, 200);
    events
}

fn create(server: &Server, token: &str, id: &str, target: &str) {
    let data = json!({"id": id, "timeoutAt": FAR, "tags": {"resonate:target": target}});
    assert_eq!(call(server, token, "promise.create", &data).0, 200, "{id}");
}

#[test]
fn nobody_connects_without_a_token_in_the_header() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let nothing = signed(&json!({"exp": in_seconds(600)}));
    let expired = signed(&json!({"exp": in_seconds(-1), "role": "admin"}));
    for (header, status) in [
        (None, 401),
        (Some("Basic eDp5".to_owned()), 401),
        (Some("Bearer x".to_owned()), 401),
        (Some(format!("Bearer {expired}")), 401),
        (Some(format!("Bearer {nothing}")), 403),
    ] {
        for path in ["/poll/g/w", "/poll/%ff/w"] {
            let request = Request::get(path);
            let request = match &header {
                Some(header) => request.header("Authorization", header),
                None => request,
            };
            let answer = server.ask(&request);
            assert_eq!(answer.status, status, "{header:?}");
            assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Bearer"));
            assert!(answer.json()["error"].is_string());
        }
    }
    server.stop();
}

#[test]
fn a_worker_is_handed_only_what_has_its_prefix() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let (admin, token, other) = (admin(), prefixed("a."), prefixed("b."));
    // What waited before anybody came, and what is sent at once.
    create(&server, &admin, "b.waiting", "poll://any@g");
    create(&server, &admin, "a.waiting", "poll://any@g");
    let mut worker = connect(&server, "/poll/g/w", &token);
    assert_eq!(worker.next_task(), "a.waiting");
    create(&server, &admin, "b.any", "poll://any@g/w");
    create(&server, &admin, "b.uni", "poll://uni@g/w");
    for (id, prefix) in [("b.settled", "b."), ("a.settled", "a.")] {
        let data = json!({"id": id, "timeoutAt": FAR});
        assert_eq!(call(&server, &admin, "promise.create", &data).0, 200);
        let data = json!({"awaited": id, "address": "poll://uni@g/w"});
        assert_eq!(call(&server, &prefixed(prefix), "promise.register_listener", &data).0, 200);
        let data = json!({"id": id, "state": "resolved"});
        assert_eq!(call(&server, &admin, "promise.settle", &data).0, 200);
    }
    assert_eq!(worker.next_settled(), "a.settled");

    // Somebody of another prefix takes the name, and neither the connection nor its messages.
    let mut namesake = connect(&server, "/poll/g/w", &other);
    let mut found: Vec<String> = (0..4)
        .map(|_| {
            let message = namesake.next().expect("a message");
            let id = message["data"]["task"]["id"].as_str().or(message["data"]["promise"]["id"].as_str());
            id.expect("an id").to_owned()
        })
        .collect();
    found.sort();
    assert_eq!(found, ["b.any", "b.settled", "b.uni", "b.waiting"]);
    create(&server, &admin, "a.late", "poll://uni@g/w");
    assert_eq!(worker.next_task(), "a.late");
    server.stop();
}

#[test]
fn a_connection_ends_when_its_token_expires() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let mut short = connect(&server, "/poll/g/w", &signed(&json!({"exp": in_seconds(2), "role": "admin"})));
    assert_eq!(short.next(), None);
    create(&server, &admin(), "late", "poll://any@g");
    let mut long = connect(&server, "/poll/g/w", &admin());
    assert_eq!(long.next_task(), "late");
    server.stop();
}
