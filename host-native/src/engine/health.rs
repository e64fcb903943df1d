//! Whether the store works: what readiness says, and what the log hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::limits::{FAILURE_LOG_INTERVAL, FAILURE_PAUSE};
use crate::store::Error;

/// Whether the store works.
#[derive(Debug)]
pub(super) struct Health {
    /// For readiness.
    store_ok: Arc<AtomicBool>,
    /// The last transaction failed: the connection is opened anew before the next.
    broken: bool,
    /// When a failure was last logged: a broken disk must not fill another one with logs.
    logged_at: Option<Instant>,
    /// Whether the log has heard of a failure and not of the recovery.
    announced: bool,
    /// When the store may be opened anew.
    try_at: Option<Instant>,
}

impl Health {
    pub(super) fn new(store_ok: Arc<AtomicBool>) -> Self {
        Self { store_ok, broken: false, logged_at: None, announced: false, try_at: None }
    }

    /// Whether the connection must be opened anew.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether it is time to open the store anew.
    pub(super) fn may_try(&self) -> bool {
        self.broken && self.try_at.is_none_or(|try_at| try_at <= Instant::now())
    }

    /// Opening it anew has failed after so long. As long again requests are refused at once, instead of waiting for another attempt each.
    pub(super) fn tried_in_vain(&mut self, took: Duration) {
        self.try_at = Some(Instant::now() + took.min(FAILURE_PAUSE));
    }

    /// The store has failed.
    pub(super) fn failed(&mut self, error: &Error) {
        if self.logged_at.is_none_or(|logged_at| logged_at.elapsed() > FAILURE_LOG_INTERVAL) {
            tracing::error!(%error, "the store failed: requests are refused until it works again");
            self.logged_at = Some(Instant::now());
            self.announced = true;
        }
        self.store_ok.store(false, Ordering::Relaxed);
        self.broken = true;
    }

    /// The connection is a new one; whether the store works shows with the next transaction.
    pub(super) fn reopened(&mut self) {
        self.broken = false;
        self.try_at = None;
    }

    /// A transaction has succeeded.
    pub(super) fn works(&mut self) {
        if std::mem::take(&mut self.announced) {
            tracing::info!("the store works again");
        }
        self.store_ok.store(true, Ordering::Relaxed);
    }
}
