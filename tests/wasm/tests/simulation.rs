//! The same seed brings the same world to the same end, in the module and beside it.

use resonate_sim::{Options, run};
use resonate_wasm_driver::Simulation;

/// Worlds, and requests of each.
const WORLDS: usize = 12;
const STEPS: u64 = 1_000;

#[test]
fn native_and_wasm_run_the_same_seeds_to_the_same_digest() {
    let given = std::env::var("SEED").ok().map(|text| text.parse().expect("SEED is an integer"));
    let seed = given.unwrap_or(20_261_123);
    println!("SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut module = Simulation::built().expect("a module");
    for seed in std::iter::repeat_with(|| rng.u64(..)).take(WORLDS) {
        let native = run(&Options { seed, steps: STEPS, ..Options::default() });
        assert_eq!(module.digest(seed, STEPS).expect("a sound world"), native.digest, "seed {seed}");
    }
}
