//! The hunt for mutants: worlds in which one guard is left out, until something notices. Owns what counts as noticing; which guards there are is the
//! core's list.

use fastrand::Rng;
use resonate_core::mutant::Mutant;

use crate::plan::Options;
use crate::to_its_end;
use crate::violation::Violation;
use crate::world::World;

/// Requests of the worlds, in turn: short ones are soon at their end, long ones bring more.
const STEPS: [u64; 3] = [200, 600, 1_200];

/// What a hunt came to.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// Worlds.
    pub worlds: u64,
    /// Requests in all of them.
    pub requests: u64,
    /// What noticed; nothing when the mutant got away.
    pub caught: Option<Caught>,
}

/// Who has noticed, and where.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The property.
    pub by: &'static str,
    /// What contradicts it.
    pub detail: String,
    /// The world.
    pub seed: u64,
}

/// Runs worlds of seeds that follow from this one until something notices the mutant, so many at most. Beside a sound machine whatever servers
/// do differently is noticed; beside one with the same mutant only what is wrong in itself.
#[must_use]
pub fn hunt(mutant: Mutant, beside_sound: bool, seed: u64, worlds_max: u64) -> Hunt {
    let mut rng = Rng::with_seed(seed);
    let mut hunt = Hunt { worlds: 0, requests: 0, caught: None };
    while hunt.caught.is_none() && hunt.worlds < worlds_max {
        let steps = STEPS[(hunt.worlds % STEPS.len() as u64) as usize];
        let options = Options { seed: rng.u64(..), steps, mutant: Some(mutant), beside_sound, ..Options::default() };
        let mut world = World::new(&options);
        to_its_end(&mut world, steps);
        hunt.worlds += 1;
        hunt.requests += world.reference.steps();
        let noticed = world.reference.violation();
        hunt.caught = noticed.map(|Violation { property, detail, .. }| Caught {
            by: property,
            detail: detail.clone(),
            seed: options.seed,
        });
    }
    hunt
}
