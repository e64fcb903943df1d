//! Many clients do the same on different servers at the same time: one of them has done it, and all see the same.

use std::collections::BTreeMap;

use fastrand::Rng;
use resonate_postgres_cluster::Cluster;
use serde_json::{Value as Json, json};

use super::fleet::Fleet;
use crate::server::load::TIMEOUT;
use crate::server::seed;
use crate::server::wire::{Connection, Request};

const SERVERS: usize = 3;
const CLIENTS: usize = 9;
const PROMISES: usize = 120;

/// What one client has met with.
#[derive(Default)]
struct Met {
    created: Vec<usize>,
    settled: Vec<usize>,
    /// Each promise as it was read after it was settled, by whomever.
    read: Vec<(usize, Json)>,
}

/// One client: creates and settles every promise, in an order of its own, each time by another server.
fn race(client: usize, ports: &[u16], mut rng: Rng) -> Met {
    let mut connections: Vec<Connection> =
        ports.iter().map(|port| Connection::open(*port).expect("a server")).collect();
    let mut ask = |request: Request, rng: &mut Rng| {
        let connection = &mut connections[rng.usize(..ports.len())];
        connection.send(&request).expect("an answer")
    };
    let mut met = Met::default();
    // All go through the same neighbourhoods at the same time, each in another way.
    for neighbourhood in 0..PROMISES / 8 {
        let mut promises: Vec<usize> = (neighbourhood * 8..(neighbourhood + 1) * 8).collect();
        rng.shuffle(&mut promises);
        for promise in promises {
            let (id, key) = (format!("race-{promise}"), format!("client-{client}"));
            let body = json!({"timeout": TIMEOUT, "tags": {"client": client.to_string()}});
            let answer = ask(Request::write(&id, "create", &key, &body), &mut rng);
            match answer.status {
                201 => met.created.push(promise),
                403 => {}
                status => panic!("{status}: {}", answer.text()),
            }
            let verb = ["resolve", "reject"][rng.usize(..2)];
            let answer = ask(Request::write(&id, verb, &key, &json!({"value": {"data": ""}})), &mut rng);
            match answer.status {
                201 => met.settled.push(promise),
                403 => {}
                status => panic!("{status}: {}", answer.text()),
            }
            let answer = ask(Request::get(&format!("/promises/{id}")), &mut rng);
            assert_eq!(answer.status, 200);
            met.read.push((promise, answer.json()));
        }
    }
    met
}

#[test]
fn of_all_who_create_or_settle_a_promise_one_has_done_it() {
    let mut rng = Rng::with_seed(seed());
    let database = Cluster::shared().database();
    let fleet = Fleet::start(SERVERS, &database.url(), &[]);
    let ports = fleet.ports();
    let met: Vec<Met> = std::thread::scope(|scope| {
        let start = |client| {
            let (ports, rng) = (&ports, rng.fork());
            scope.spawn(move || race(client, ports, rng))
        };
        let clients: Vec<_> = (0..CLIENTS).map(start).collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    let mut found: BTreeMap<usize, Json> = BTreeMap::new();
    for (promise, read) in met.iter().flat_map(|met| &met.read) {
        let first = found.entry(*promise).or_insert_with(|| read.clone());
        assert_eq!(first, read, "somebody has seen something else");
        assert_ne!(first["state"], "PENDING");
    }
    for promise in 0..PROMISES {
        let who = |done: fn(&Met) -> &Vec<usize>| {
            let mut clients =
                met.iter().enumerate().filter(|(_, met)| done(met).contains(&promise)).map(|(client, _)| client);
            let winner = clients.next().expect("a winner");
            assert_eq!(clients.next(), None, "two winners");
            format!("client-{winner}")
        };
        let promise = &found[&promise];
        assert_eq!(promise["idempotencyKeyForCreate"], who(|met| &met.created));
        assert_eq!(promise["idempotencyKeyForComplete"], who(|met| &met.settled));
    }
    let deadlocks = database.query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    println!("deadlocks that no client has noticed: {}", deadlocks.expect("a count"));
    for server in fleet.servers() {
        for (number, promise) in &found {
            assert_eq!(&server.ask(&Request::get(&format!("/promises/race-{number}"))).json(), promise);
        }
    }
}
