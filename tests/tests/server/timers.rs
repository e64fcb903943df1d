//! Deadlines come true on their own, at their instant and in any number.

use resonate_tests::folder::Folder;
use serde_json::json;

use super::child::{Server, Start};
use super::load::search_all;
use super::metrics::Exposition;
use super::wire::Request;
use super::{eventually, now_millis};

/// Waits until so many promises have been settled by their deadline, looking at the count alone.
fn wait_for_timeouts(server: &Server, count: f64) {
    eventually("the timeouts are counted", || {
        let counted = Exposition::of(server).value("resonate_timeouts_total");
        assert!(counted <= count, "{counted} timeouts of {count} promises");
        (counted == count).then_some(())
    });
}

#[test]
fn a_deadline_settles_a_promise_that_nobody_touches() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let timeout = now_millis() + 300;
    for (id, tags) in [("plain", json!({})), ("timer", json!({"resonate:timer": "true"}))] {
        let created = server.ask(&Request::write(id, "create", "k", &json!({"timeout": timeout, "tags": tags})));
        assert_eq!((created.status, &created.json()["state"]), (201, &json!("PENDING")));
    }
    wait_for_timeouts(&server, 2.0);
    assert!(now_millis() >= timeout, "it came early");
    // What the disk says, not what a read would make of it.
    let database = rusqlite::Connection::open(folder.file("resonate.db")).expect("a database");
    let settled: u32 = database
        .query_row("SELECT count(*) FROM promises WHERE settled_at = ?1", [timeout as i64], |row| row.get(0))
        .expect("a count");
    assert_eq!(settled, 2);
    for (id, state) in [("plain", "REJECTED_TIMEDOUT"), ("timer", "RESOLVED")] {
        let promise = server.ask(&Request::get(&format!("/promises/{id}"))).json();
        assert_eq!((&promise["state"], &promise["completedOn"]), (&json!(state), &json!(timeout)));
    }
    server.stop();
}

#[test]
fn a_deadline_that_passed_while_the_server_was_down_is_kept_at_its_start() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let timeout = now_millis() + 400;
    let created = server.ask(&Request::write("foo", "create", "k", &json!({"timeout": timeout})));
    assert_eq!(created.json()["state"], "PENDING");
    server.kill();
    eventually("the deadline passes", || (now_millis() > timeout).then_some(()));
    let server = Server::start(&folder);
    wait_for_timeouts(&server, 1.0);
    let promise = server.ask(&Request::get("/promises/foo")).json();
    assert_eq!((&promise["state"], &promise["completedOn"]), (&json!("REJECTED_TIMEDOUT"), &json!(timeout)));
    server.stop();
}

#[test]
fn ten_thousand_promises_that_fall_due_at_once_are_all_settled() {
    const CLIENTS: usize = 50;
    const EACH: usize = 200;
    let folder = Folder::new();
    // What it takes to write them is not what is tested.
    let server = Start::new("serve", &folder).flag("--storage-sqlite-synchronous", "off").serve();
    let timeout = now_millis() + 6_000;
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let server = &server;
            scope.spawn(move || {
                let creates: Vec<Request> = (0..EACH)
                    .map(|each| {
                        Request::write(&format!("{client}-{each}"), "create", "k", &json!({"timeout": timeout}))
                    })
                    .collect();
                for created in server.connect().pipeline(&creates).expect("answers") {
                    assert_eq!((created.status, &created.json()["state"]), (201, &json!("PENDING")));
                }
            });
        }
    });
    let count = CLIENTS * EACH;
    wait_for_timeouts(&server, count as f64);
    let found = search_all(&server);
    assert_eq!(found.len(), count);
    for promise in found.values() {
        assert_eq!((&promise["state"], &promise["completedOn"]), (&json!("REJECTED_TIMEDOUT"), &json!(timeout)));
    }
    let metrics = Exposition::of(&server);
    assert_eq!(metrics.value("resonate_timer_lateness_seconds_count{kind=\"deadline\"}"), count as f64);
    server.stop();
}
