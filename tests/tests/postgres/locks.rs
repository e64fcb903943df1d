//! Somebody else holds a row for long: who needs it is refused, and nobody else.

use resonate_postgres_cluster::Cluster;
use serde_json::json;

use super::fleet::Fleet;
use super::load::Load;
use crate::server::load::TIMEOUT;
use crate::server::seed;
use crate::server::wire::Request;

fn create(id: &str) -> Request {
    Request::write(id, "create", "k", &json!({"timeout": TIMEOUT}))
}

#[test]
fn a_locked_row_fails_only_those_who_need_it() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let database = Cluster::shared().database();
    let fleet = Fleet::start(2, &database.url(), &[("--storage-postgres-statement-timeout", "500")]);
    let resolve = Request::write("locked", "resolve", "k", &json!({}));
    let server = fleet.servers().next().expect("a server");
    assert_eq!(server.ask(&create("locked")).status, 201);
    let load = Load::start(&fleet, "beside", 8, &mut rng);
    let lock = database.begin("SELECT * FROM promises WHERE id = 'locked' FOR UPDATE");
    for _ in 0..3 {
        for server in fleet.servers() {
            assert_eq!(server.ask(&resolve).status, 503);
            // Readers wait for nobody.
            assert_eq!(server.ask(&Request::get("/promises/locked")).json()["state"], "PENDING");
        }
    }
    load.wait_for_more(100);
    assert_eq!(load.refused(), 0, "others are refused too");
    drop(lock);
    assert_eq!(server.ask(&resolve).status, 201);
    load.end(&fleet);
}
