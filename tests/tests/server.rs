//! The real binary, as its users meet it: over sockets, with signals, broken files, full disks and clients that misbehave.
//!
//! Each test starts servers of its own in a folder of its own and ends them through their handles. Nothing waits for a length of time: waits end
//! with what they wait for, or fail after [`PATIENCE`].

mod auth;
mod bad_http;
pub(crate) mod binary;
mod bodies;
pub(crate) mod child;
pub(crate) mod cli;
mod client;
mod cors;
mod damage;
mod debug;
mod dispatch;
pub(crate) mod events;
mod full_disk;
mod grpc;
mod guarded_poll;
mod kill;
pub(crate) mod load;
mod mcp;
pub(crate) mod metrics;
mod playground;
pub(crate) mod push;
mod quick_start;
mod record;
mod refusals;
mod schemathesis;
mod scopes;
mod shutdown;
mod timers;
mod tokens;
mod wait;
pub(crate) mod wire;

use std::time::{Duration, Instant};

/// Longest wait for anything: far above what is normal, so that a busy machine fails no test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// An instant that no test lives to see.
pub(crate) const FAR: u64 = 4_000_000_000_000;

/// Tries until something is there.
pub(crate) fn eventually<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, attempt)
}

/// The same for what takes its time even where nothing is wrong.
pub(crate) fn eventually_within<T>(patience: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
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
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("SEED") {
        Ok(text) => text.parse().expect("SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("SEED={seed}");
    seed
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time after 1970");
    u64::try_from(since.as_millis()).expect("a time before the end of time")
}
