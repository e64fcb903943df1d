//! What the tests of the machine share: random requests, a world that checks every property at every step, names of requests and replies.

#![allow(dead_code, reason = "each test crate uses a part of it")]

pub(crate) mod parts;
pub(crate) mod world;

#[allow(unused_imports, reason = "each test crate uses a part of it")]
pub(crate) use resonate_sim::{generator, names};

use resonate_core::id::Id;
use resonate_core::time::{Millis, Timestamp};

#[allow(unused_imports, reason = "each test crate uses a part of it")]
pub(crate) use generator::NEW_YEAR;

/// The seed of this run: `SEED` where it is set, else a new one. Shown at the start, so that a failure can be run again.
#[allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a test has an environment and an output")]
pub(crate) fn seed(test: &str) -> u64 {
    let given = std::env::var("SEED").ok().map(|text| text.parse().expect("SEED is an integer"));
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("{test}: SEED={seed}");
    seed
}

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).expect("an id")
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::saturating(millis)
}

pub(crate) fn ms(millis: u64) -> Millis {
    Millis::saturating(millis)
}
