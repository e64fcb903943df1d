//! Servers that are killed a few times.

use resonate_process::seed;
use resonate_torture::kills::{self, Torment};

#[test]
fn what_a_server_on_a_file_has_acknowledged_survives_kills() {
    let killed = kills::sqlite(&Torment { binary: None, seed: seed(), kills: 14 }, &|_| {});
    println!("{killed}");
    assert!(killed.violations.is_empty() && killed.counts.acknowledged > 100, "{killed}");
}

#[test]
fn what_servers_over_postgres_have_acknowledged_survives_kills() {
    let killed = kills::postgres(&Torment { binary: None, seed: seed(), kills: 6 }, &|_| {});
    println!("{killed}");
    assert!(killed.violations.is_empty() && killed.counts.acknowledged > 100, "{killed}");
}
