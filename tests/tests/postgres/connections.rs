//! Connections to Postgres are cut, or there are too few.

use fastrand::Rng;
use resonate_postgres_cluster::{Cluster, Settings};

use super::fleet::{Fleet, Place};
use super::load::Load;
use crate::server::seed;

#[test]
fn connections_may_be_cut_one_by_one_under_load() {
    const CUTS: usize = 40;
    let mut rng = Rng::with_seed(seed());
    let database = Cluster::shared().database();
    let fleet = Fleet::start(2, &database.url(), &[]);
    let load = Load::start(&fleet, "cut", 8, &mut rng);
    for _ in 0..CUTS {
        load.wait_for_more(rng.u64(1..30));
        assert!(database.terminate_one());
    }
    load.wait_for_more(100);
    assert!(database.terminate_all() > 0);
    load.wait_for_more(100);
    load.end(&fleet);
}

#[test]
fn servers_make_do_with_the_connections_that_there_are() {
    /// The log tells of it, and does not go on about it.
    const LOG_LINES_MAX: usize = 40;
    let mut rng = Rng::with_seed(seed());
    // Three of them are for superusers, three for two servers that would rather have one for each thing that they do.
    let cluster = Settings::new().set("max_connections", "6").start();
    let database = cluster.database();
    cluster.query(&format!("CREATE ROLE app LOGIN; ALTER DATABASE {} OWNER TO app", database.name())).expect("a role");
    let url = database.url().replace("postgres@", "app@");
    let fleet = Fleet::start(2, &url, &[]);
    let load = Load::start(&fleet, "crowded", 8, &mut rng);
    load.wait_for_more(300);
    fleet.wait_until_ready(true);
    assert_eq!(load.refused(), 0);
    // Whoever finds none at all says so.
    let refused = Place::of(&url, &[]).refused();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("connection slots"), "{}", refused.stderr);
    load.wait_for_more(100);
    load.end(&fleet);
    for server in fleet.servers() {
        let log = server.log();
        let lines = log.lines().count();
        assert!(log.contains("connection slots") && lines < LOG_LINES_MAX, "{lines} lines:\n{log}");
    }
}
