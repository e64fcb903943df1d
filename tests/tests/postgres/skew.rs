//! The clocks of servers differ, by hours: it is the database's that counts.

use std::collections::BTreeSet;
use std::process::Command;

use fastrand::Rng;
use resonate_postgres_cluster::Cluster;
use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::fleet::{Fleet, Place};
use crate::server::child::Server;
use crate::server::events::Events;
use crate::server::wire::{Connection, Request};
use crate::server::{eventually, now_millis, seed};

/// Builds what shifts the clock of a process that is started with it.
fn shim(folder: &Folder) -> String {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres/skew.c");
    let library = folder.file("skew.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args([source, "-ldl"]).output();
    let built = built.expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library.to_str().expect("UTF-8").to_owned()
}

fn get(server: &Server, id: &str) -> Json {
    server.call("promise.get", &json!({"id": id}))["promise"].clone()
}

/// Servers whose clocks are an hour ahead, an hour behind and right.
fn askew(url: &str, folder: &Folder) -> Fleet {
    let shim = shim(folder);
    let place = |seconds| Place::of(url, &[]).variable("LD_PRELOAD", &shim).variable("SKEW_SECONDS", seconds);
    let fleet = Fleet::at(vec![place("3600"), place("-3600"), Place::of(url, &[])]);
    // What they log shows that their clocks do differ.
    let hours: BTreeSet<String> =
        fleet.servers().map(|server| server.log()["time=YYYY-MM-DDT".len()..][..2].to_owned()).collect();
    assert_eq!(hours.len(), 3, "{hours:?}");
    fleet
}

#[test]
fn servers_with_clocks_of_their_own_agree_on_time() {
    const ROUNDS: usize = 3;
    const LEAD_MILLIS: u64 = 4_000;
    let (folder, database) = (Folder::new(), Cluster::shared().database());
    let fleet = askew(&database.url(), &folder);
    let servers: Vec<_> = fleet.servers().collect();
    let mut listening = Vec::new();
    for round in 0..ROUNDS {
        for (at, server) in servers.iter().enumerate() {
            let [other, third] = [1, 2].map(|more| servers[(at + round + more) % servers.len()]);
            let id = format!("promise-{round}-{at}");
            let listener = Events::open(third, &format!("/poll/{id}/w"));
            let before = now_millis();
            let timeout = before + LEAD_MILLIS;
            let created = server.call("promise.create", &json!({"id": id, "timeoutAt": timeout}))["promise"].clone();
            let created_at = created["createdAt"].as_u64().expect("an instant");
            assert!((before..=now_millis()).contains(&created_at), "{created}, which is not between {before} and now");
            let address = format!("poll://uni@{id}/w");
            other.call("promise.register_listener", &json!({"awaited": id, "address": address}));
            for server in &servers {
                assert!(get(server, &id) == created || now_millis() >= timeout, "timed out too early");
            }
            listening.push((id, timeout, listener));
        }
    }
    for (id, timeout, mut listener) in listening {
        assert_eq!(listener.next_settled(), id);
        assert!(now_millis() >= timeout, "timed out too early");
        for server in &servers {
            let read = get(server, &id);
            assert_eq!((&read["state"], &read["settledAt"]), (&json!("rejected_timedout"), &json!(timeout)));
        }
    }
}

/// Asks any of the servers for one promise after the other, about its deadline: one client to settle it, another one to see what becomes of it.
/// Returns how each promise was seen that was settled.
fn watch(fleet: &Fleet, deadlines: &[(String, u64)], settles: bool, mut rng: Rng) -> Vec<(usize, Json)> {
    let ports = fleet.ports();
    let mut connections: Vec<Connection> =
        ports.iter().map(|port| Connection::open(*port).expect("a server")).collect();
    let mut seen = Vec::new();
    for (at, (id, deadline)) in deadlines.iter().enumerate() {
        // About as long before as an answer takes, more for some and less for others.
        let early = at as u64 * 7 % 40;
        eventually("the deadline comes near", || (now_millis() + early >= *deadline + 10).then_some(()));
        let settle = Request::call("promise.settle", &json!({"id": id, "state": "resolved"}));
        let get = Request::call("promise.get", &json!({"id": id}));
        let requests = if settles { [&settle, &get] } else { [&get, &get] };
        for request in requests {
            let answer = connections[rng.usize(..ports.len())].send(request).expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text());
            let promise = answer.json()["data"]["promise"].clone();
            if promise["state"] != "pending" {
                seen.push((at, promise));
            }
        }
    }
    seen
}

#[test]
fn a_settlement_and_the_deadline_have_one_outcome_that_everybody_sees() {
    const PROMISES: u64 = 80;
    const CLIENTS: usize = 6;
    let mut rng = Rng::with_seed(seed());
    let (folder, database) = (Folder::new(), Cluster::shared().database());
    let fleet = askew(&database.url(), &folder);
    let first = now_millis() + 2_000;
    let deadlines: Vec<_> = (0..PROMISES).map(|number| (format!("promise-{number}"), first + number * 30)).collect();
    let server = fleet.servers().next().expect("a server");
    for (id, deadline) in &deadlines {
        server.call("promise.create", &json!({"id": id, "timeoutAt": deadline}));
    }
    let seen: Vec<(usize, Json)> = std::thread::scope(|scope| {
        let watch = |client: usize| {
            let (fleet, deadlines, rng) = (&fleet, &deadlines, rng.fork());
            scope.spawn(move || watch(fleet, deadlines, client.is_multiple_of(3), rng))
        };
        let clients: Vec<_> = (0..CLIENTS).map(watch).collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    let outcome = |(id, _): &(String, u64)| get(server, id);
    let outcomes: Vec<Json> = deadlines.iter().map(outcome).collect();
    for (at, promise) in &seen {
        assert_eq!(promise, &outcomes[*at], "somebody has seen something else");
    }
    let timed_out = outcomes.iter().filter(|promise| promise["state"] == "rejected_timedout");
    for (promise, (_, deadline)) in outcomes.iter().zip(&deadlines) {
        let settled_at = promise["settledAt"].as_u64().expect("an instant");
        match promise["state"] == "resolved" {
            true => assert!(settled_at < *deadline, "{promise}"),
            false => assert_eq!(settled_at, *deadline, "{promise}"),
        }
    }
    println!("of {PROMISES} promises {} timed out; a settled one was seen {} times", timed_out.count(), seen.len());
}
