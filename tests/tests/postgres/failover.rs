//! The primary dies and its standby takes over.

use fastrand::Rng;
use resonate_postgres_cluster::{Settings, Stop};
use serde_json::json;

use super::fleet::Fleet;
use super::load::Load;
use crate::server::load::TIMEOUT;
use crate::server::wire::Request;
use crate::server::{eventually, seed};

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

#[test]
fn what_a_synchronous_standby_has_not_confirmed_is_not_acknowledged() {
    let primary = Settings::new().start();
    let standby = primary.standby("second");
    let database = primary.database();
    let fleet = Fleet::start(1, &database.url(), &[("--storage-postgres-statement-timeout", "500")]);
    let server = fleet.servers().next().expect("a server");
    let create = |id: &str| server.ask(&Request::write(id, "create", "k", &json!({"timeout": TIMEOUT}))).status;
    primary.require("second");
    assert_eq!(create("before"), 201);
    standby.stop(Stop::Fast);
    // Postgres calls a commit done whose wait for the standby was cancelled: nothing may cancel it.
    assert_eq!(create("meanwhile"), 503);
    standby.start();
    fleet.wait_until_ready(true);
    let created = eventually("it works again", || Some(create("meanwhile")).filter(|status| *status != 503));
    assert!([200, 201].contains(&created), "{created}");
}
