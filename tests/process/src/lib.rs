//! The real server as a child process, and what goes over its sockets as bytes: for tests that kill it, starve it and talk to it as they like. Knows
//! nothing of what a promise is. It is for tests: what cannot be done panics and says why.

pub mod binary;
pub mod child;
pub mod events;
pub mod fleet;
pub mod folder;
pub mod wire;

use std::time::{Duration, Instant};

/// Longest wait for anything: far above what is normal, so that a busy machine fails no test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An instant that no test lives to see.
pub const FAR: u64 = 4_000_000_000_000;

/// Tries until something is there.
pub fn eventually<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, attempt)
}

/// The same for what takes its time even where nothing is wrong.
///
/// # Panics
/// When it is not there in time.
pub fn eventually_within<T>(patience: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(started.elapsed() < patience, "{what}: not within {patience:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The seed of this run: of the variable `SEED`, else a new one. It is printed, so that a failure can be run again.
#[must_use]
pub fn seed() -> u64 {
    let seed = match std::env::var("SEED") {
        Ok(text) => text.parse().expect("SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("SEED={seed}");
    seed
}

/// Now, in milliseconds since 1970.
#[must_use]
pub fn now_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time after 1970");
    u64::try_from(since.as_millis()).expect("a time before the end of time")
}
