//! Postgres goes away and comes back; servers say so, and need no restart.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fastrand::Rng;
use resonate_postgres_cluster::{Cluster, Settings, Stop, Wire};

use serde_json::json;

use super::fleet::{Fleet, Place};
use super::load::Load;
use crate::server::wire::{Connection, Request};
use crate::server::{FAR, eventually, seed};

/// How long Postgres is out of reach.
const OUTAGE: Duration = Duration::from_secs(10);

#[test]
fn postgres_may_be_restarted_under_load() {
    let mut rng = Rng::with_seed(seed());
    let cluster = Settings::new().start();
    let database = cluster.database();
    let fleet = Fleet::start(2, &database.url(), &[]);
    let load = Load::start(&fleet, "restarted", 8, &mut rng);
    for how in [Stop::Fast, Stop::Immediate, Stop::Immediate, Stop::Fast] {
        load.wait_for_more(rng.u64(50..200));
        cluster.restart(how);
    }
    load.wait_for_more(100);
    cluster.stop(Stop::Fast);
    fleet.wait_until_ready(false);
    cluster.start();
    fleet.wait_until_ready(true);
    load.wait_for_more(100);
    load.end(&fleet);
}

/// An outage of the wire between servers and Postgres, under load.
fn outage(name: &'static str, flags: &[(&str, &str)], begin: impl Fn(&Wire)) {
    let mut rng = Rng::with_seed(seed());
    let database = Cluster::shared().database();
    let wire = Wire::to(Cluster::shared().port());
    let fleet = Fleet::start(2, &database.url_by(&[wire.port()]), flags);
    let load = Load::start(&fleet, name, 8, &mut rng);
    load.wait_for_more(200);
    begin(&wire);
    let (began, refused) = (Instant::now(), load.refused());
    fleet.wait_until_ready(false);
    std::thread::sleep(OUTAGE.saturating_sub(began.elapsed()));
    assert!(load.refused() > refused, "clients are told");
    wire.go_on();
    fleet.wait_until_ready(true);
    load.wait_for_more(200);
    load.end(&fleet);
}

#[test]
fn a_postgres_that_refuses_is_an_outage_and_no_more() {
    outage("unreachable", &[], |wire| {
        wire.refuse();
        wire.cut();
    });
}

#[test]
fn a_postgres_that_is_silent_is_an_outage_and_no_more() {
    outage("silent", &[], Wire::hold);
}

#[test]
fn a_server_that_is_cut_off_lets_go_of_what_it_has_locked() {
    let database = Cluster::shared().database();
    let wire = Wire::to(Cluster::shared().port());
    let url = [database.url_by(&[wire.port()]), database.url()];
    let fleet = Fleet::at(url.iter().map(|url| Place::of(url, &[])).collect());
    let servers: Vec<_> = fleet.servers().collect();
    let create = Request::call("promise.create", &json!({"id": "wanted", "timeoutAt": FAR}));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = Connection::open(servers[0].http).expect("a server");
            while !over.load(Relaxed) {
                // Creating what is there locks it, and changes nothing.
                let _ = connection.send(&create);
            }
        });
        let wanted = "SELECT count(*) FROM (SELECT * FROM promises WHERE id = 'wanted' FOR UPDATE SKIP LOCKED) AS free";
        eventually("the wire is cut in the middle of a transaction", || {
            wire.hold();
            let there = database.query("SELECT count(*) FROM promises").expect("a count") == "1";
            if there && database.query(wanted).expect("a count") == "0" {
                return Some(());
            }
            wire.go_on();
            None
        });
        over.store(true, Relaxed);
        let settle = Request::call("promise.settle", &json!({"id": "wanted", "state": "resolved"}));
        eventually("the other server gets it", || (servers[1].ask(&settle).status == 200).then_some(()));
        wire.go_on();
    });
    fleet.wait_until_ready(true);
    let get = Request::call("promise.get", &json!({"id": "wanted"}));
    let read: Vec<_> = servers.iter().map(|server| server.ask(&get).json()).collect();
    assert_eq!((&read[0], &read[0]["data"]["promise"]["state"]), (&read[1], &json!("resolved")));
}
