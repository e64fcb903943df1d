//! Workers of several servers carry out workflows together, while servers and connections to Postgres die: each task is held by one worker at a
//! time, and has one result.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use resonate_postgres_cluster::Cluster;
use serde_json::{Value as Json, json};

use super::fleet::Fleet;
use crate::server::events::Events;
use crate::server::wire::{Connection, Request};
use crate::server::{FAR, eventually_within, seed};

const SERVERS: usize = 3;
const WORKERS: usize = 6;
const WORKFLOWS: usize = 60;
/// A message that a server has claimed and died with is anybody's only after its claim.
const PATIENCE: Duration = Duration::from_secs(90);

/// What workers and their clients know together.
struct Ledger {
    over: AtomicBool,
    /// Who has acquired each version of a task.
    held: Mutex<BTreeMap<(String, u64), String>>,
    /// The result of each task that somebody was told of.
    fulfilled: Mutex<BTreeMap<String, Json>>,
}

impl Ledger {
    fn note<K: Ord + std::fmt::Debug, V: std::fmt::Debug>(book: &Mutex<BTreeMap<K, V>>, key: K, entry: V) {
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(!book.contains_key(&key), "{key:?} twice: {:?} and {entry:?}", book[&key]);
        book.insert(key, entry);
    }
}

/// Asks any of several servers; none when it cannot, and nobody knows then what it has done.
fn ask(ports: &[u16], rng: &mut Rng, kind: &str, data: &Json) -> Option<(u16, Json)> {
    let mut connection = Connection::open(ports[rng.usize(..ports.len())]).ok()?;
    let answer = connection.send(&Request::call(kind, data)).ok()?;
    let known = [200, 300, 404, 409, 503];
    assert!(known.contains(&answer.status), "{kind} {data}: {} {}", answer.status, answer.text());
    (answer.status != 503).then(|| (answer.status, answer.json()["data"].clone()))
}

/// The same until one of them can.
fn insist(ports: &[u16], rng: &mut Rng, kind: &str, data: &Json) -> (u16, Json) {
    eventually_within(PATIENCE, kind, || ask(ports, rng, kind, data))
}

/// A worker: takes what comes, a parent's part or a child's.
fn work(name: &str, ports: &[u16], mut rng: Rng, ledger: &Ledger) {
    while !ledger.over.load(Relaxed) {
        let port = ports[rng.usize(..ports.len())];
        let Some(events) = Events::connect(port, &format!("/poll/workers/{name}"), "") else { continue };
        for message in events {
            let task = &message["data"]["task"];
            let (id, version) = (task["id"].as_str().expect("an id"), task["version"].as_u64().expect("a version"));
            take(name, id, version, ports, &mut rng, ledger);
        }
    }
}

fn take(name: &str, id: &str, version: u64, ports: &[u16], rng: &mut Rng, ledger: &Ledger) {
    let claim = json!({"id": id, "version": version, "pid": name, "ttl": 2_000});
    let Some((200, held)) = ask(ports, rng, "task.acquire", &claim) else { return };
    let version = held["task"]["version"].as_u64().expect("a version");
    Ledger::note(&ledger.held, (id.to_owned(), version), name.to_owned());
    if let Some(number) = id.strip_prefix("parent-") {
        // Whoever loses the task on the way leaves it to others.
        let child = format!("child-{number}");
        let tags = json!({"resonate:target": "poll://any@workers"});
        let create = json!({"kind": "promise.create", "data": {"id": child, "timeoutAt": FAR, "tags": tags}});
        let fence = json!({"id": id, "version": version, "action": create});
        let Some((200, _)) = ask(ports, rng, "task.fence", &fence) else { return };
        let callback = json!({"kind": "promise.register_callback", "data": {"awaited": child, "awaiter": id}});
        let suspend = json!({"id": id, "version": version, "actions": [callback]});
        // 300: the child is there already.
        let Some((300, _)) = ask(ports, rng, "task.suspend", &suspend) else { return };
    }
    let value = json!({"data": format!("{name}:{version}")});
    let settle = json!({"kind": "promise.settle", "data": {"id": id, "state": "resolved", "value": value}});
    if let Some((200, done)) = ask(ports, rng, "task.fulfill", &json!({"id": id, "version": version, "action": settle}))
    {
        assert_eq!(done["promise"]["value"], value);
        Ledger::note(&ledger.fulfilled, id.to_owned(), value);
    }
}

/// Waits until a workflow and its child are done, and holds them to what workers were told.
fn check(number: usize, ports: &[u16], rng: &mut Rng, ledger: &Ledger) {
    for id in [format!("parent-{number}"), format!("child-{number}")] {
        let promise = eventually_within(PATIENCE, &format!("{id} is done"), || {
            let (status, data) = ask(ports, rng, "promise.get", &json!({"id": id}))?;
            (status == 200 && data["promise"]["state"] == "resolved").then(|| data["promise"].clone())
        });
        let (_, data) = insist(ports, rng, "task.get", &json!({"id": id}));
        assert_eq!(data["task"]["state"], "fulfilled");
        let fulfilled = ledger.fulfilled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = fulfilled.get(&id) {
            assert_eq!(&promise["value"], told, "somebody was told of another result");
        }
        let value = promise["value"]["data"].as_str().expect("a result");
        let (name, version) = value.split_once(':').expect("a holder");
        let version = version.parse().expect("a version");
        let held = ledger.held.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(held[&(id, version)], name, "the result is of somebody else than the holder");
        assert_eq!(data["task"]["version"], version, "somebody has acquired it later");
    }
}

#[test]
fn workflows_across_servers_have_one_result_each_while_servers_and_connections_die() {
    let mut rng = Rng::with_seed(seed());
    let database = Cluster::shared().database();
    let mut fleet = Fleet::start(SERVERS, &database.url(), &[("--tasks-retry-timeout", "1000")]);
    let ports = fleet.ports();
    let ledger = Ledger { over: AtomicBool::new(false), held: Mutex::default(), fulfilled: Mutex::default() };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let (ports, ledger, rng) = (&ports, &ledger, rng.fork());
                scope.spawn(move || work(&format!("w{number}"), ports, rng, ledger))
            })
            .collect();
        for number in 0..WORKFLOWS {
            let tags = json!({"resonate:target": "poll://any@workers"});
            let create = json!({"id": format!("parent-{number}"), "timeoutAt": FAR, "tags": tags});
            assert_eq!(insist(&ports, &mut rng, "promise.create", &create).0, 200);
            if number % 5 == 0 {
                let _ = database.terminate_one();
            }
            if number % (WORKFLOWS / 4) == 7 {
                let victim = rng.usize(..SERVERS);
                fleet.kill(victim);
                fleet.replace(victim);
            }
        }
        (0..WORKFLOWS).for_each(|number| check(number, &ports, &mut rng, &ledger));
        ledger.over.store(true, Relaxed);
        // Their connections end with the servers.
        drop(fleet);
        workers.into_iter().for_each(|worker| worker.join().expect("a worker"));
    });
    println!(
        "{} tasks were acquired, {} fulfilled",
        ledger.held.into_inner().unwrap().len(),
        ledger.fulfilled.into_inner().unwrap().len()
    );
}
