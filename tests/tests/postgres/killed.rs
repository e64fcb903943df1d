//! One of several servers dies, and another one takes its place.

use fastrand::Rng;
use resonate_postgres_cluster::Cluster;

use super::fleet::Fleet;
use super::load::Load;
use crate::server::seed;

#[test]
fn servers_that_are_killed_and_replaced_lose_nothing() {
    const SERVERS: usize = 3;
    const ROUNDS: usize = 6;
    let mut rng = Rng::with_seed(seed());
    let database = Cluster::shared().database();
    let mut fleet = Fleet::start(SERVERS, &database.url(), &[]);
    let load = Load::start(&fleet, "killed", 8, &mut rng);
    for _ in 0..ROUNDS {
        load.wait_for_more(rng.u64(50..200));
        let victim = rng.usize(..SERVERS);
        fleet.kill(victim);
        // The others need nobody's help.
        load.wait_for_more(100);
        fleet.replace(victim);
    }
    load.wait_for_more(100);
    load.end(&fleet);
}
