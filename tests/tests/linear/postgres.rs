//! Three servers over one database, of which clients ask any.

use fastrand::Rng;
use resonate_core::time::Millis;
use resonate_postgres_cluster::Cluster;
use resonate_process::fleet::Fleet;

use super::Tally;
use super::clients::history;
use crate::server::seed;

const HISTORIES: usize = 80;
const SERVERS: usize = 3;
/// Servers go by the clock of the database, which each of them knows as well as the way there and back lets it.
const TOLERANCE: Millis = Millis::saturating(1_000);

#[test]
fn an_order_explains_what_clients_of_three_servers_see() {
    let mut rng = Rng::with_seed(seed());
    let database = Cluster::shared().database();
    let fleet = Fleet::start(SERVERS, &database.url(), &[("--server-report-now", "true")]);
    let mut tally = Tally::default();
    for number in 0..HISTORIES {
        let name = format!("postgres-{number}");
        let history = history(&name, &fleet.ports(), TOLERANCE, &mut rng);
        tally.add(&name, &history);
    }
    tally.end();
}
