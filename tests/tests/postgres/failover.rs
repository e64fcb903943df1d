//! The primary dies and its standby takes over.

use fastrand::Rng;
use resonate_postgres_cluster::{Settings, Stop};

use super::fleet::Fleet;
use super::load::Load;
use crate::server::seed;

#[test]
fn a_synchronous_standby_takes_over_with_everything_that_was_acknowledged() {
    let mut rng = Rng::with_seed(seed());
    let primary = Settings::new().start();
    let standby = primary.standby("second");
    primary.require("second");
    let database = primary.database();
    let url = database.url_by(&[primary.port(), standby.port()]) + "?target_session_attrs=read-write";
    let fleet = Fleet::start(2, &url, &[]);
    let load = Load::start(&fleet, "failover", 8, &mut rng);
    load.wait_for_more(300);
    primary.stop(Stop::Immediate);
    // Nobody has told the standby yet.
    fleet.wait_until_ready(false);
    standby.promote();
    fleet.wait_until_ready(true);
    load.wait_for_more(300);
    load.end(&fleet);
}
