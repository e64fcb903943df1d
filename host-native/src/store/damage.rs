//! Reports of rows that cannot be read. A row is met again and again by whoever asks for it: the log hears of it now and then, not each time.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::Error;

/// Shortest time between two reports.
const INTERVAL: Duration = Duration::from_secs(10);

/// When the last report was made, and how many were kept back since.
static LAST: Mutex<(Option<Instant>, u64)> = Mutex::new((None, 0));

/// Reports a row that was passed over.
pub fn report(error: &Error) {
    let Ok(mut last) = LAST.lock() else { return };
    if last.0.is_some_and(|reported| reported.elapsed() < INTERVAL) {
        last.1 += 1;
        return;
    }
    tracing::error!(%error, not_logged_before = last.1, "passed over a row that cannot be read");
    *last = (Some(Instant::now()), 0);
}
