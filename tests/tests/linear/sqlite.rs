//! One server over a file.

use fastrand::Rng;
use resonate_core::time::Millis;

use super::Tally;
use super::clients::history;
use crate::server::child::Start;
use crate::server::seed;
use resonate_process::folder::Folder;

const HISTORIES: usize = 120;

#[test]
fn an_order_explains_what_clients_of_one_server_see() {
    let mut rng = Rng::with_seed(seed());
    let folder = Folder::new();
    let server = Start::new("serve", &folder).flag("--server-report-now", "true").serve();
    let mut tally = Tally::default();
    for number in 0..HISTORIES {
        let name = format!("sqlite-{number}");
        // One machine, one clock.
        let history = history(&name, &[server.http], Millis::ZERO, &mut rng);
        tally.add(&name, &history);
    }
    tally.end();
    server.stop();
}
