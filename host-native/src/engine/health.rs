//! Whether the store works: what readiness says, and what the log hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::limits::FAILURE_LOG_INTERVAL;
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
}

impl Health {
    pub(super) fn new(store_ok: Arc<AtomicBool>) -> Self {
        Self { store_ok, broken: false, logged_at: None, announced: false }
    }

    /// Whether the connection must be opened anew.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
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
    }

    /// A transaction has succeeded.
    pub(super) fn works(&mut self) {
        if std::mem::take(&mut self.announced) {
            tracing::info!("the store works again");
        }
        self.store_ok.store(true, Ordering::Relaxed);
    }
}
