//! Where the seeds of these tests come from.

/// A seed of this run: `SEED` where it is set. `resonate sim` is for new ones.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("SEED").ok().map(|text| text.parse().expect("SEED is an integer"));
    let seed = given.unwrap_or(20_261_123);
    println!("SEED={seed}");
    seed
}
