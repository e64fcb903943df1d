//! Purges in the world: when servers walk over what is settled. What may be removed is the machine's to say.

use resonate_core::retention::{Purge, Settled};
use resonate_core::time::Timestamp;

use crate::server::{Origin, Work};
use crate::store::StoreError;
use crate::workflow;
use crate::world::World;

/// Promises that a purge looks at.
const PURGED_MAX: usize = 32;

impl World {
    /// Now and then what was settled a while ago goes. Who has started a workflow wants to see how it ends.
    pub(crate) fn purges(&mut self, now: Timestamp) -> Result<Work, StoreError> {
        let mut work = Work::default();
        if self.is_calm || self.rng.u64(..8) > 0 {
            return Ok(work);
        }
        let age = self.rng.u64(..20_000);
        let settled_before = Timestamp::saturating(now.as_millis() - age);
        let purge = Purge { settled_before, after: None, limit: PURGED_MAX, dry_run: self.rng.u64(..4) == 0 };
        // A walk that has come too far finds what has to stay.
        let walk = if self.rng.bool() { Purge { settled_before: now, ..purge.clone() } } else { purge.clone() };
        let stretch = walk.stretch(&mut self.store)?;
        let rest: Vec<Settled> = stretch.into_iter().filter(|(_, id)| !workflow::is_root(id)).collect();
        purge.requests(&rest).into_iter().for_each(|request| work.push(request, Origin::Own));
        Ok(work)
    }
}
