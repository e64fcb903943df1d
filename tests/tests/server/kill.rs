//! Killed at any moment, the server has kept what it has acknowledged, and nothing by halves.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use resonate_tests::folder::Folder;
use rusqlite::Connection;

use super::child::Server;
use super::load::{self, Ended, Load};
use super::seed;

const ROUNDS: usize = 50;
const CLIENTS: usize = 6;
/// Longest life of a server, once it answers.
const LIFE_MILLIS_MAX: u64 = 160;

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let mut rng = Rng::with_seed(seed());
    let folder = Folder::new();
    let (mut known, mut acknowledged) = (BTreeMap::new(), 0);
    let mut written = Vec::new();
    for round in 0..ROUNDS {
        let server = Server::start(&folder);
        known.append(&mut load::check(&server, &written, Ended::Killed));
        let load = Load::start(&server, &format!("round-{round}"), CLIENTS, &mut rng);
        // The moment is what varies: from before the first commit to the middle of a checkpoint.
        std::thread::sleep(Duration::from_millis(rng.u64(..LIFE_MILLIS_MAX)));
        server.kill();
        (written, _) = load.join();
        acknowledged += written.iter().map(load::Written::acknowledged).sum::<usize>();
    }
    let server = Server::start(&folder);
    known.append(&mut load::check(&server, &written, Ended::Killed));
    // A search reads by other indexes than a read by id.
    let found = load::search_all(&server);
    assert_eq!(found.len(), known.len());
    assert!(found == known, "a promise was lost or changed by a later kill");
    println!("{acknowledged} writes were acknowledged, {} promises are there", known.len());
    assert!(acknowledged > ROUNDS * CLIENTS, "only {acknowledged} writes: this has tested nothing");
    server.stop();

    let database = Connection::open(folder.file("resonate.db")).expect("a database");
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(sound, "ok");
}
