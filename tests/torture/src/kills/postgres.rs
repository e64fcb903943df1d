//! Two servers over one database of Postgres: one of them is killed, or both, or Postgres itself.

use fastrand::Rng;
use resonate_postgres_cluster::{Settings, Stop};
use resonate_process::fleet::{Fleet, Place};

use super::{Scene, Torment};
use crate::report::Killed;
use crate::whole;

const SERVERS: usize = 2;
/// How often both are killed, and Postgres itself.
const BOTH_ONE_IN: u8 = 8;
const POSTGRES_ONE_IN: u8 = 8;

/// Kills servers over a database again and again, and says how often so far.
#[must_use]
pub fn postgres(torment: &Torment, tell: &dyn Fn(u64)) -> Killed {
    torment.over_databases(tell, |kills, rng, tell| one_database(torment, kills, rng, tell))
}

fn one_database(torment: &Torment, kills: u64, rng: &mut Rng, tell: &dyn Fn(u64)) -> Killed {
    let cluster = Settings::new().start();
    let database = cluster.database();
    let url = database.url();
    let place = || torment.place(Place::of(&url, &[("--tasks-retry-timeout", "500")]));
    let look = |_: &Fleet, _| whole::of_postgres(&url);
    let mut scene = Scene::open((0..SERVERS).map(|_| place()).collect(), rng, Box::new(look));
    while scene.goes_on(kills) {
        let since = scene.shared.ledger().book.events();
        scene.wait_for_more(rng.u64(10..80));
        if rng.u8(..POSTGRES_ONE_IN) == 0 {
            cluster.restart(Stop::Immediate);
            scene.killed.database_kills += 1;
            scene.fleet.wait_until_ready(true);
        }
        let first = rng.usize(..SERVERS);
        let victims = if rng.u8(..BOTH_ONE_IN) == 0 { vec![first, 1 - first] } else { vec![first] };
        victims.iter().for_each(|victim| scene.kill(*victim));
        if victims.len() == 1 && rng.bool() {
            // The other one needs nobody's help.
            scene.wait_for_more(20);
        }
        let shared = scene.shared.clone();
        let held = shared.hold();
        scene.check(false);
        victims.iter().for_each(|victim| scene.replace(*victim));
        (0..SERVERS).for_each(|at| scene.check_answers(at, since));
        drop(held);
        tell(scene.killed.kills);
    }
    scene.end()
}
