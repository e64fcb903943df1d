//! Messages for workers whose connection hangs on another server than the one that causes them.

use std::time::{Duration, Instant};

use resonate_postgres_cluster::Cluster;
use serde_json::json;

use super::fleet::Fleet;
use crate::server::child::Server;
use crate::server::events::Events;
use crate::server::{FAR, eventually};

/// How long messages took.
fn print(what: &str, mut took: Vec<Duration>) {
    took.sort();
    println!("{what}: half within {:?}, all within {:?}", took[took.len() / 2], took[took.len() - 1]);
}

/// The server that causes messages and the one to which the worker is connected.
fn apart(fleet: &Fleet) -> [&Server; 2] {
    let servers: Vec<&Server> = fleet.servers().collect();
    servers.try_into().unwrap_or_else(|_| panic!("two servers"))
}

/// Causes messages on one server for a worker of another.
fn deliver(what: &str, messages: usize, flags: &[(&str, &str)]) {
    let database = Cluster::shared().database();
    let fleet = Fleet::start(2, &database.url(), flags);
    let [here, there] = apart(&fleet);
    let mut worker = Events::open(there, "/poll/g/w");
    let mut took = [Vec::new(), Vec::new()];
    for number in 0..messages {
        let (task, promise) = (format!("task-{number}"), format!("promise-{number}"));
        let began = Instant::now();
        here.create_task(&task, "poll://any@g");
        assert_eq!(worker.next_task(), task);
        took[0].push(began.elapsed());
        let held = json!({"id": task, "version": 0, "pid": "p", "ttl": 600_000});
        here.call("task.acquire", &held);

        here.call("promise.create", &json!({"id": promise, "timeoutAt": FAR}));
        here.call("promise.register_listener", &json!({"awaited": promise, "address": "poll://uni@g/w"}));
        let began = Instant::now();
        here.call("promise.settle", &json!({"id": promise, "state": "resolved"}));
        assert_eq!(worker.next_settled(), promise);
        took[1].push(began.elapsed());
    }
    let [execute, unblock] = took;
    print(&format!("execute, {what}"), execute);
    print(&format!("unblock, {what}"), unblock);
}

#[test]
fn a_message_reaches_a_worker_of_another_server() {
    deliver("with notify", 25, &[]);
}

#[test]
fn a_message_reaches_a_worker_of_another_server_without_notify() {
    deliver("without notify", 4, &[("--storage-postgres-notify", "false")]);
}

#[test]
fn what_waited_for_a_connection_leaves_by_the_server_that_gets_it() {
    let database = Cluster::shared().database();
    let mut fleet = Fleet::start(2, &database.url(), &[]);
    let [here, _] = apart(&fleet);
    here.create_task("task", "poll://any@late");
    let parked = "SELECT count(*) FROM outbox WHERE mailbox IS NOT NULL";
    eventually("it waits for a connection", || (database.query(parked).expect("a count") == "1").then_some(()));
    fleet.kill(0);
    let there = fleet.servers().next().expect("the other server");
    assert_eq!(Events::open(there, "/poll/late/w").next_task(), "task");
}

#[test]
fn a_worker_that_moves_to_another_server_gets_what_was_meant_for_it() {
    let database = Cluster::shared().database();
    let fleet = Fleet::start(2, &database.url(), &[]);
    let [here, there] = apart(&fleet);
    let mut worker = Events::open(here, "/poll/g/w");
    for number in 0..10 {
        let promise = format!("promise-{number}");
        there.call("promise.create", &json!({"id": promise, "timeoutAt": FAR}));
        there.call("promise.register_listener", &json!({"awaited": promise, "address": "poll://uni@g/w"}));
        drop(worker);
        let settle = || there.call("promise.settle", &json!({"id": promise, "state": "resolved"}));
        // Before it is back, or when it is.
        if number % 2 == 0 {
            settle();
        }
        worker = Events::open([here, there][number / 2 % 2], "/poll/g/w");
        if number % 2 == 1 {
            settle();
        }
        // What was written less than a keep-alive interval before the connection ended comes again.
        while worker.next_settled() != promise {}
    }
}
