//! Purges in the world: when servers walk over what is settled, and where a removal stands beside another transaction. Owns the order of the two;
//! what may be removed is the machine's to say.

use std::collections::BTreeSet;

use resonate_core::id::Id;
use resonate_core::request::Request;
use resonate_core::retention::{Purge, Settled};
use resonate_core::time::Timestamp;
use resonate_core::write::Write;

use crate::server::{Origin, Work};
use crate::store::{Committed, StoreError};
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

    /// The places of requests that have removed a promise before the other transaction, which ran inside theirs: it has created what would keep the
    /// promise. Whoever creates something does not look at what that names, and what is not there cannot be locked.
    pub(crate) fn purged_before(&self, requests: &[Request], own: &Committed, other: &Committed) -> BTreeSet<usize> {
        let promises = &self.reference.state().promises;
        let born = other
            .writes
            .iter()
            .filter_map(|write| if let Write::InsertPromise(born) = write { Some(born) } else { None });
        let removed: BTreeSet<&Id> = own
            .writes
            .iter()
            .filter_map(|write| if let Write::DeletePromise { id } = write { Some(id) } else { None })
            .collect();
        let is_kept = |id: &Id| {
            let lineage = promises.get(id).map(|promise| promise.lineage()).unwrap_or_default();
            born.clone().any(|born| born.callers().contains(id) || lineage.contains(&born.id))
        };
        // What is removed takes callers along that stayed because of it.
        let is_early = |id: &Id| {
            let (mut open, mut seen) = (vec![id.clone()], BTreeSet::new());
            while let Some(id) = open.pop() {
                if removed.contains(&id) && seen.insert(id.clone()) {
                    if is_kept(&id) {
                        return true;
                    }
                    open.extend(promises.get(&id).map(|promise| promise.callers()).unwrap_or_default());
                }
            }
            false
        };
        let places = requests.iter().enumerate().filter(
            |(_, request)| matches!(request, Request::PurgePromise { id, dry_run: false, settled_before: _ } if is_early(id)),
        );
        places.map(|(place, _)| place).collect()
    }
}
