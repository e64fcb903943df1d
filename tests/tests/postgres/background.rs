//! What becomes due is done by one of several servers, once.

use std::collections::BTreeSet;

use resonate_postgres_cluster::{Cluster, Database};
use serde_json::json;

use super::fleet::Fleet;
use crate::server::metrics::Exposition;
use crate::server::push::{OK, Target};
use crate::server::wire::Request;
use crate::server::{FAR, eventually, now_millis};

const SERVERS: usize = 3;

/// The kind and the id of every message, once all have been delivered.
fn delivered(target: &Target, database: &Database) -> Vec<(String, String)> {
    eventually("every message is delivered", || {
        (database.query("SELECT count(*) FROM outbox").expect("a count") == "0").then_some(())
    });
    let posts = target.posts.try_iter().map(|post| {
        let (kind, data) = (post.body["kind"].as_str().expect("a kind").to_owned(), &post.body["data"]);
        let id = data["task"]["id"].as_str().or(data["promise"]["id"].as_str()).expect("an id");
        (kind, id.to_owned())
    });
    posts.collect()
}

#[test]
fn deadlines_come_true_once_and_are_told_once() {
    const PROMISES: usize = 100;
    let database = Cluster::shared().database();
    let fleet = Fleet::start(SERVERS, &database.url(), &[]);
    let target = Target::answering(vec![OK.into()]);
    let servers: Vec<_> = fleet.servers().collect();
    let timeout = now_millis() + 5_000;
    for (at, server) in servers.iter().enumerate() {
        let requests = (0..PROMISES).filter(|number| number % SERVERS == at).flat_map(|number| {
            let id = format!("promise-{number}");
            // Every other one is a task too.
            let tags = if number % 2 == 0 { json!({"resonate:target": target.url}) } else { json!({}) };
            let create = json!({"id": id, "timeoutAt": timeout, "tags": tags});
            let listen = json!({"awaited": id, "address": target.url});
            [Request::call("promise.create", &create), Request::call("promise.register_listener", &listen)]
        });
        let answers = server.connect().pipeline(&requests.collect::<Vec<_>>()).expect("answers");
        assert!(answers.iter().all(|answer| answer.json()["data"]["promise"]["state"] == "pending"), "{answers:?}");
    }
    eventually("every deadline has come true", || {
        let counted: f64 = servers.iter().map(|server| Exposition::of(server).value("resonate_timeouts_total")).sum();
        assert!(counted <= PROMISES as f64, "{counted} timeouts of {PROMISES} promises");
        (counted == PROMISES as f64).then_some(())
    });
    assert!(now_millis() >= timeout, "too early");
    let told = delivered(&target, &database);
    let once: BTreeSet<_> = told.iter().cloned().collect();
    assert_eq!(told.len(), once.len(), "something was told twice: {told:?}");
    assert_eq!(once.iter().filter(|(kind, _)| kind == "unblock").count(), PROMISES);
}

#[test]
fn a_schedule_fires_each_occurrence_once() {
    const OCCURRENCES: usize = 4;
    let database = Cluster::shared().database();
    let fleet = Fleet::start(SERVERS, &database.url(), &[]);
    let target = Target::answering(vec![OK.into()]);
    let first = fleet.servers().next().expect("a server");
    let schedule = json!({"id": "ticks", "cron": "* * * * * *", "promiseId": "tick-{{.timestamp}}", "promiseTimeout": FAR,
        "promiseTags": {"resonate:target": target.url}});
    first.call("schedule.create", &schedule);
    let mut fired: BTreeSet<String> = BTreeSet::new();
    while fired.len() < OCCURRENCES {
        let body = target.next().body;
        assert!(fired.insert(body["data"]["task"]["id"].as_str().expect("an id").to_owned()), "{body} twice");
    }
    first.call("schedule.delete", &json!({"id": "ticks"}));
    for (_, id) in delivered(&target, &database) {
        assert!(fired.insert(id.clone()), "{id} twice");
    }
    let instants: Vec<u64> = fired.iter().map(|id| id["tick-".len()..].parse().expect("an instant")).collect();
    assert!(instants.windows(2).all(|pair| pair[1] == pair[0] + 1_000), "{instants:?}");
}
