//! Messages reach workers that hold a connection: at once, those that may have them, and at least once, whoever comes and goes.

use resonate_tests::folder::Folder;
use serde_json::json;

use super::child::{Server, Start};
use super::events::Events;
use super::metrics::Exposition;
use super::wire::Request;
use super::{FAR, eventually, now_millis};

/// Creates a promise with a listener and settles it.
fn settle_for(server: &Server, id: &str, listener: &str) {
    server.call("promise.create", &json!({"id": id, "timeoutAt": FAR}));
    server.call("promise.register_listener", &json!({"awaited": id, "address": listener}));
    server.call("promise.settle", &json!({"id": id, "state": "resolved"}));
}

fn acquire(server: &Server, id: &str) {
    server.call("task.acquire", &json!({"id": id, "version": 0, "pid": "p", "ttl": 60_000}));
}

/// Waits until nothing is in the outbox but what waits for a connection.
fn wait_until_parked(folder: &Folder, count: u32) {
    let database = rusqlite::Connection::open(folder.file("resonate.db")).expect("a database");
    eventually("the messages wait for a connection", || {
        let parked = database
            .query_row("SELECT count(*) FROM outbox WHERE mailbox IS NOT NULL", [], |row| row.get::<_, u32>(0))
            .expect("a count");
        (parked == count).then_some(())
    });
}

#[test]
fn an_execute_names_the_task_and_the_server() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).flag("--server-url", "https://resonate.example").serve();
    let mut worker = Events::open(&server, "/poll/default/w");
    server.create_task("foo", "poll://any@default");
    let message = json!({"kind": "execute", "head": {"serverUrl": "https://resonate.example"},
        "data": {"task": {"id": "foo", "version": 0}}});
    assert_eq!(worker.next(), Some(message));
    acquire(&server, "foo");
    server.call("promise.register_listener", &json!({"awaited": "foo", "address": "poll://uni@default/w"}));
    let action = json!({"kind": "promise.settle", "data": {"id": "foo", "state": "resolved", "value": {"data": "1"}}});
    let settled = server.call("task.fulfill", &json!({"id": "foo", "version": 1, "action": action}));
    assert_eq!(worker.next(), Some(json!({"kind": "unblock", "head": {}, "data": settled})));
    server.stop();
}

#[test]
fn names_are_the_same_however_they_are_encoded() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).serve();
    let mut worker = Events::open(&server, "/poll/My%20Group/w%2F1");
    for (id, target) in [
        ("a", "poll://any@My%20Group"),
        ("b", "poll://any@%4Dy Group/w%2f1"),
        ("c", "poll://uni@My%20Group/w%2F1"),
        ("d", "poll://uni@My Group/w/1"),
    ] {
        server.create_task(id, target);
        assert_eq!(worker.next_task(), id, "{target}");
    }
    server.stop();
}

#[test]
fn a_group_takes_turns_and_prefers_who_is_named() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).serve();
    let mut workers = ["a", "b", "c"].map(|id| Events::open(&server, &format!("/poll/g/{id}")));
    let mut stranger = Events::open(&server, "/poll/other/a");
    for (number, turn) in [0, 1, 2, 0, 1].into_iter().enumerate() {
        server.create_task(&format!("any {number}"), "poll://any@g");
        assert_eq!(workers[turn].next_task(), format!("any {number}"));
    }
    for number in 0..3 {
        server.create_task(&format!("b {number}"), "poll://any@g/b");
        assert_eq!(workers[1].next_task(), format!("b {number}"));
        server.create_task(&format!("c {number}"), "poll://uni@g/c");
        assert_eq!(workers[2].next_task(), format!("c {number}"));
    }
    server.create_task("absent", "poll://any@g/absent");
    assert_eq!(workers[2].next_task(), "absent");
    server.create_task("last", "poll://any@other");
    assert_eq!(stranger.next_task(), "last", "what was not for it did not come");
    server.stop();
}

#[test]
fn what_nobody_could_take_leaves_when_somebody_connects_across_restarts() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    server.create_task("task", "poll://any@late");
    settle_for(&server, "promise", "poll://uni@late/w");
    wait_until_parked(&folder, 2);
    server.kill();
    let server = Server::start(&folder);
    let mut other = Events::open(&server, "/poll/late/another");
    assert_eq!(other.next_task(), "task");
    let mut worker = Events::open(&server, "/poll/late/w");
    assert_eq!(worker.next_settled(), "promise");
    server.stop();
}

#[test]
fn what_was_written_to_a_connection_that_ends_is_sent_again() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut first = Events::open(&server, "/poll/g/w");
    settle_for(&server, "foo", "poll://uni@g/w");
    assert_eq!(first.next_settled(), "foo");
    drop(first);
    let mut second = Events::open(&server, "/poll/g/w");
    assert_eq!(second.next_settled(), "foo");
    server.kill();
    // Nobody knows whether it has arrived.
    let server = Server::start(&folder);
    let mut third = Events::open(&server, "/poll/g/w");
    assert_eq!(third.next_settled(), "foo");
    server.stop();
}

#[test]
fn a_second_connection_of_the_same_name_takes_over() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).flag("--transports-http-poll-max-connections", "1").serve();
    let mut first = Events::open(&server, "/poll/g/w");
    settle_for(&server, "foo", "poll://uni@g/w");
    assert_eq!(first.next_settled(), "foo");
    let mut second = Events::open(&server, "/poll/g/w");
    assert_eq!(first.next(), None, "the first has ended");
    assert_eq!(second.next_settled(), "foo", "what it may not have got goes to the second");
    server.create_task("bar", "poll://uni@g/w");
    assert_eq!(second.next_task(), "bar");
    assert_eq!(Events::open(&server, "/poll/g/another").status, 503);
    drop(second);
    eventually("there is room again", || (Events::open(&server, "/poll/g/another").status == 200).then_some(()));
    server.stop();
}

#[test]
fn a_task_that_nobody_acquires_is_sent_again() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).flag("--tasks-retry-timeout", "50").serve();
    let mut worker = Events::open(&server, "/poll/g/w");
    let created = now_millis();
    server.create_task("foo", "poll://any@g");
    for _ in 0..3 {
        assert_eq!(worker.next_task(), "foo");
    }
    assert!(now_millis() >= created + 400, "the third is held back");
    acquire(&server, "foo");
    server.create_task("bar", "poll://any@g");
    // One may have been on its way.
    let next = std::iter::repeat_with(|| worker.next_task()).find(|id| id != "foo");
    assert_eq!(next.as_deref(), Some("bar"));
    server.stop();
}

#[test]
fn a_delayed_task_is_sent_at_its_delay() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).serve();
    let mut worker = Events::open(&server, "/poll/g/w");
    let delay = now_millis() + 300;
    let tags = json!({"resonate:target": "poll://any@g", "resonate:delay": delay.to_string()});
    server.call("promise.create", &json!({"id": "foo", "timeoutAt": FAR, "tags": tags}));
    server.create_task("bar", "poll://any@g");
    assert_eq!(worker.next_task(), "bar");
    assert_eq!(worker.next_task(), "foo");
    assert!(now_millis() >= delay, "it came early");
    server.stop();
}

#[test]
fn a_reader_that_stops_reading_loses_nothing() {
    const PROMISES: usize = 2_000;
    let folder = Folder::new();
    let server = Start::new("dev", &folder).flag("--transports-http-poll-buffer-size", "10").serve();
    let still = Events::open(&server, "/poll/g/w");
    let mut connection = server.connect();
    let text = "x".repeat(8_000);
    let ids: Vec<String> = (0..PROMISES).map(|number| format!("p{number:04}")).collect();
    for some in ids.chunks(100) {
        let requests: Vec<Request> = some
            .iter()
            .flat_map(|id| {
                [
                    Request::call("promise.create", &json!({"id": id, "timeoutAt": FAR})),
                    Request::call("promise.register_listener", &json!({"awaited": id, "address": "poll://uni@g/w"})),
                    Request::call("promise.settle", &json!({"id": id, "state": "resolved", "value": {"data": text}})),
                ]
            })
            .collect();
        let answers = connection.pipeline(&requests).expect("answers");
        assert!(answers.iter().all(|answer| answer.status == 200));
    }
    drop(still);
    let mut reader = Events::open(&server, "/poll/g/w");
    let mut missing: std::collections::BTreeSet<String> = ids.into_iter().collect();
    while !missing.is_empty() {
        missing.remove(&reader.next_settled());
    }
    server.stop();
}

/// What fifty thousand tasks without a worker leave behind, and how soon a task with one is sent beside them.
#[test]
fn a_group_without_workers_delays_no_other_group() {
    const DEAD: usize = 50_000;
    let folder = Folder::new();
    let server = Start::new("serve", &folder).flag("--storage-sqlite-synchronous", "off").serve();
    let mut worker = Events::open(&server, "/poll/live/w");
    let mut connection = server.connect();
    let numbers: Vec<usize> = (0..DEAD).collect();
    let tags = json!({"resonate:target": "poll://any@dead"});
    for (round, some) in numbers.chunks(1_000).enumerate() {
        let dead = |number| {
            let data = json!({"id": format!("dead {number}"), "timeoutAt": FAR, "tags": tags});
            Request::call("promise.create", &data)
        };
        let requests: Vec<Request> = some.iter().map(dead).collect();
        let answers = connection.pipeline(&requests).expect("answers");
        assert!(answers.iter().all(|answer| answer.status == 200));
        server.create_task(&format!("live {round}"), "poll://any@live");
        // Sent before the next thousand enter, whatever the first ones wait for.
        assert_eq!(worker.next_task(), format!("live {round}"));
        acquire(&server, &format!("live {round}"));
    }
    server.kill();
    // All of them were claimed or parked by a server that is gone.
    let server = Start::new("serve", &folder).flag("--storage-sqlite-synchronous", "off").serve();
    let mut worker = Events::open(&server, "/poll/live/w");
    server.create_task("live at last", "poll://any@live");
    assert_eq!(worker.next_task(), "live at last");
    let mut late = Events::open(&server, "/poll/dead/w");
    for _ in 0..1_000 {
        late.next_task();
    }
    server.stop();
}

#[test]
fn a_stop_ends_the_connections_of_workers() {
    let folder = Folder::new();
    let mut server = Server::start(&folder);
    let mut worker = Events::open(&server, "/poll/g/w");
    server.create_task("foo", "poll://any@g");
    assert_eq!(worker.next_task(), "foo");
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(worker.next(), None);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn what_cannot_be_polled_says_why() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).flag("--transports-http-poll-enabled", "false").serve();
    assert_eq!(server.ask(&Request::get("/poll/g/w")).status, 404);
    for (path, status) in [("/poll/g", 404), ("/poll/g/w/x", 404), ("/poll//w", 404), ("/poll/g/%00", 404)] {
        assert_eq!(server.ask(&Request::get(path)).status, status, "{path}");
    }
    drop(server);
    let server = Start::new("dev", &folder).serve();
    for (path, status) in [("/poll/g", 404), ("/poll/g/%00", 400), ("/poll/%ff/w", 400)] {
        let answer = server.ask(&Request::get(path));
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    assert_eq!(server.ask(&Request::new("POST", "/poll/g/w")).status, 405);
    server.stop();
}

#[test]
fn deliveries_are_counted() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).serve();
    let mut worker = Events::open(&server, "/poll/g/w");
    server.create_task("foo", "poll://any@g");
    assert_eq!(worker.next_task(), "foo");
    eventually("the delivery is counted", || {
        let exposition = Exposition::of(&server);
        let counted = exposition.value(r#"resonate_deliveries_total{status="delivered"}"#);
        (counted == 1.0 && exposition.value(r#"resonate_messages_total{kind="execute"}"#) == 1.0).then_some(())
    });
    server.stop();
}
