//! What tests rely on when they take a cluster apart.

mod clusters;
mod wires;

use std::time::{Duration, Instant};

/// Longest wait for anything: far above what is normal.
const PATIENCE: Duration = Duration::from_secs(30);

fn eventually(what: &str, mut attempt: impl FnMut() -> bool) {
    let started = Instant::now();
    while !attempt() {
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
