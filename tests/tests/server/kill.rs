//! Killed at any moment, the server has kept what it has acknowledged, and nothing by halves.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use resonate_tests::folder::Folder;
use rusqlite::Connection;
use serde_json::Value as Json;

use super::child::Server;
use super::load::{self, Ended, Load, SELDOM, Written};
use super::{eventually, seed};

const CLIENTS: usize = 6;

/// Servers one after the other on the same file, and all that their clients were promised.
struct Lives {
    folder: Folder,
    rng: Rng,
    /// What the clients of the last life know.
    written: Vec<Written>,
    known: BTreeMap<String, Json>,
    acknowledged: usize,
}

impl Lives {
    fn new() -> Self {
        let rng = Rng::with_seed(seed());
        Self { folder: Folder::new(), rng, written: Vec::new(), known: BTreeMap::new(), acknowledged: 0 }
    }

    /// A server that knows what the one before it has acknowledged.
    fn start(&mut self) -> Server {
        let server = Server::start(&self.folder);
        let mut known = load::check(&server, &self.written, Ended::Killed);
        load::repeat(&server, &self.written, &mut known);
        self.known.append(&mut known);
        server
    }

    /// A life under load that ends when `wait` returns.
    fn live(&mut self, name: &str, large_one_in: u8, wait: impl FnOnce(&Folder, &mut Rng)) {
        let server = self.start();
        let load = Load::start(&server, name, CLIENTS, large_one_in, &mut self.rng);
        wait(&self.folder, &mut self.rng);
        server.kill();
        (self.written, _) = load.join();
        self.acknowledged += self.written.iter().map(Written::acknowledged).sum::<usize>();
    }

    /// Looks at everything that was ever acknowledged.
    fn end(mut self, acknowledged_min: usize) {
        let server = self.start();
        // A search reads by other indexes than a read by id.
        let found = load::search_all(&server);
        assert_eq!(found.len(), self.known.len());
        assert!(found == self.known, "a promise was lost or changed by a later kill");
        println!("{} writes were acknowledged, {} promises are there", self.acknowledged, found.len());
        assert!(self.acknowledged > acknowledged_min, "only {} writes: this has tested nothing", self.acknowledged);
        server.stop();
        let database = Connection::open(self.folder.file("resonate.db")).expect("a database");
        let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
        assert_eq!(sound, "ok");
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    const ROUNDS: usize = 50;
    const LIFE_MILLIS_MAX: u64 = 160;
    let mut lives = Lives::new();
    for round in 0..ROUNDS {
        lives.live(&format!("round-{round}"), SELDOM, |_, rng| {
            // The moment is what varies.
            std::thread::sleep(Duration::from_millis(rng.u64(..LIFE_MILLIS_MAX)));
        });
    }
    lives.end(ROUNDS * CLIENTS);
}

/// When the database file itself was last written, which only checkpoints do.
fn written_at(folder: &Folder) -> SystemTime {
    let file = std::fs::metadata(folder.file("resonate.db")).expect("a database");
    file.modified().expect("a time of change")
}

#[test]
fn what_was_acknowledged_survives_a_kill_in_the_middle_of_a_checkpoint() {
    const ROUNDS: usize = 6;
    let mut lives = Lives::new();
    for round in 0..ROUNDS {
        lives.live(&format!("round-{round}"), 1, |folder, rng| {
            let before = written_at(folder);
            eventually("a checkpoint", || (written_at(folder) != before).then_some(()));
            std::thread::sleep(Duration::from_micros(rng.u64(..8_000)));
        });
    }
    lives.end(ROUNDS * CLIENTS);
}
