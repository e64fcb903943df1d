//! Removing what is settled for long, on request.

use super::{Local, Outcome};
use crate::drive::Store;
use crate::retention::{Purge, Purged};
use crate::time::Timestamp;

impl<S: Store> Local<S> {
    /// Removes what may go of one stretch.
    ///
    /// # Errors
    /// The store's; some may be gone then.
    pub fn purge(&mut self, purge: &Purge, now: Timestamp) -> Outcome<S, Purged> {
        let now = self.clamp(now);
        self.purge_at(purge, now)
    }

    pub(super) fn purge_at(&mut self, purge: &Purge, now: Timestamp) -> Outcome<S, Purged> {
        let stretch = purge.stretch(&mut self.store)?;
        let before = self.purged;
        self.run_at(&purge.requests(&stretch), now)?;
        Ok(purge.outcome(&stretch, self.purged - before))
    }
}
