//! One server on a file.

use std::time::Duration;

use fastrand::Rng;
use resonate_process::fleet::Place;

use super::{Scene, Torment};
use crate::report::Killed;
use crate::whole;

/// A server lives at most so long under load.
const LIFE_MILLIS_MAX: u64 = 300;
/// Of so many kills one comes before anything else, and one while the next server starts.
const EARLY_ONE_IN: u8 = 20;
/// A server that is killed while it starts lives at most so long: a start takes a little less.
const START_MILLIS_MAX: u64 = 25;
/// SQLite's own check goes through everything.
const THOROUGH_ONE_IN: u64 = 10;

/// Kills a server on a file again and again, and says how often so far.
#[must_use]
pub fn sqlite(torment: &Torment, tell: &dyn Fn(u64)) -> Killed {
    torment.over_databases(tell, |kills, rng, tell| one_file(torment, kills, rng, tell))
}

fn one_file(torment: &Torment, kills: u64, rng: &mut Rng, tell: &dyn Fn(u64)) -> Killed {
    let place = torment.place(Place::new(&[("--tasks-retry-timeout", "500")]));
    let look =
        |fleet: &resonate_process::fleet::Fleet, is_thorough| whole::of_file(fleet.place(0).folder(), is_thorough);
    let mut scene = Scene::open(vec![place], rng, Box::new(look));
    let mut since = 0;
    while scene.goes_on(kills) {
        // The moment is what varies.
        if rng.u8(..EARLY_ONE_IN) > 0 {
            std::thread::sleep(Duration::from_millis(rng.u64(..LIFE_MILLIS_MAX)));
        }
        scene.kill(0);
        let shared = scene.shared.clone();
        let held = shared.hold();
        while scene.goes_on(kills) && rng.u8(..EARLY_ONE_IN) == 0 {
            scene.stillborn(0, Duration::from_millis(rng.u64(..START_MILLIS_MAX)));
        }
        let before = std::mem::replace(&mut since, shared.ledger().book.events());
        scene.check(scene.killed.kills.is_multiple_of(THOROUGH_ONE_IN));
        scene.replace(0);
        scene.check_answers(0, before);
        drop(held);
        tell(scene.killed.kills);
    }
    scene.end()
}
