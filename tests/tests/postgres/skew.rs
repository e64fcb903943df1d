//! The clocks of servers differ, by hours: it is the database's that counts.

use std::collections::BTreeSet;
use std::process::Command;

use resonate_postgres_cluster::Cluster;
use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::fleet::{Fleet, Place};
use crate::server::child::Server;
use crate::server::events::Events;
use crate::server::now_millis;

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

#[test]
fn servers_with_clocks_of_their_own_agree_on_time() {
    const ROUNDS: usize = 3;
    const LEAD_MILLIS: u64 = 4_000;
    let folder = Folder::new();
    let shim = shim(&folder);
    let database = Cluster::shared().database();
    let url = database.url();
    let place = |seconds: &'static str| {
        let place = Place::of(&url, &[]);
        if seconds == "0" { place } else { place.variable("LD_PRELOAD", &shim).variable("SKEW_SECONDS", seconds) }
    };
    let fleet = Fleet::at(vec![place("3600"), place("-3600"), place("0")]);
    let servers: Vec<_> = fleet.servers().collect();
    // What they log shows that their clocks do differ.
    let hours: BTreeSet<String> =
        servers.iter().map(|server| server.log()["time=YYYY-MM-DDT".len()..][..2].to_owned()).collect();
    assert_eq!(hours.len(), servers.len(), "{hours:?}");
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
