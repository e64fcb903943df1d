//! The same link brings the same world, in the module and beside it: to the byte, what is said of it and its recording.

use fastrand::Rng;
use resonate_sim::{Fault, Options, opened};
use resonate_wasm_driver::Simulation;
use serde_json::json;

/// Worlds, and requests of each at most.
const WORLDS: usize = 16;
const STEPS_MAX: u64 = 1_000;

fn seed() -> u64 {
    let given = std::env::var("SEED").ok().map(|text| text.parse().expect("SEED is an integer"));
    let seed = given.unwrap_or(20_261_123);
    println!("SEED={seed}");
    seed
}

/// Any world: each option is given sometimes.
fn options(rng: &mut Rng) -> Options {
    let mut some = |most: u64| rng.bool().then(|| rng.u64(1..=most));
    let (servers, workers, workflows) = (some(4), some(5), some(20));
    Options {
        seed: rng.u64(..),
        steps: rng.u64(1..=STEPS_MAX),
        servers,
        workers,
        workflows,
        without: Fault::ALL.into_iter().filter(|_| rng.u8(..4) == 0).collect(),
        without_strangers: rng.u8(..4) == 0,
        linearize: rng.u8(..4) == 0,
        ..Options::default()
    }
}

/// What a page hands over of an address: names and values.
fn link(fragment: &str) -> Vec<u8> {
    let parts = fragment.trim_start_matches('#').split('&');
    let pairs: Vec<_> = parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
    json!(pairs).to_string().into_bytes()
}

#[test]
fn native_and_wasm_open_the_same_links_to_the_same_recordings() {
    let mut rng = Rng::with_seed(seed());
    let mut module = Simulation::built().expect("a module");
    for options in std::iter::repeat_with(|| options(&mut rng)).take(WORLDS) {
        let fragment = options.fragment().expect("no more than a page may be asked for");
        let native = opened::open(&link(&fragment)).expect("a link that fits");
        assert!(native.lines().count() > 2, "nothing has happened: {fragment}");
        let said = module.open(&link(&fragment)).expect("no trap").expect("a link that fits");
        // Not assert_eq!: nobody reads two recordings.
        assert!(said == native, "{fragment} is another world in the module");
    }
}

#[test]
fn a_link_that_does_not_fit_is_refused_alike_and_the_next_one_is_opened() {
    let mut module = Simulation::built().expect("a module");
    for fragment in ["#seed=1", "#seed=-1&steps=10", "#seed=1&steps=5001", "#seed=1&steps=10&without=rain"] {
        let native = opened::open(&link(fragment)).expect_err("a link that does not fit");
        assert_eq!(module.open(&link(fragment)).expect("no trap"), Err(native), "{fragment}");
    }
    assert!(module.open(b"seed=1").expect("no trap").is_err(), "no JSON");
    assert!(module.open(&link("#seed=1&steps=10")).expect("no trap").is_ok());
}
