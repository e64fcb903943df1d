//! Removing what is settled for long: a walk over settled promises in the order of their settlement, a bounded stretch at a time. Which of them may
//! go is `decide/purge_promise.rs`'s to say; when to walk is the host's.

use crate::drive::{Store, Tx};
use crate::id::Id;
use crate::reply::Reply;
use crate::request::Request;
use crate::time::Timestamp;

/// A place in the order of settlement: when a promise was settled, and its id.
pub type Settled = (Timestamp, Id);

/// One stretch of the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Only what was settled before this instant.
    pub settled_before: Timestamp,
    /// Only what lies behind this place.
    pub after: Option<Settled>,
    /// Promises that are looked at, at least 1.
    pub limit: usize,
    /// Whether nothing is removed, only counted.
    pub dry_run: bool,
}

/// What a stretch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purged {
    /// Promises that were looked at.
    pub examined: usize,
    /// Promises that are gone, or would be; more than were looked at where others were kept by them only.
    pub purged: usize,
    /// Where to go on; nothing at the end of the walk.
    pub next: Option<Settled>,
}

/// Whether a request has removed a promise, or would have.
#[must_use]
pub fn purges(request: &Request, reply: &Reply) -> bool {
    matches!((request, reply), (Request::PurgePromise { .. }, Reply::Done))
}

impl Purge {
    /// The promises of this stretch.
    ///
    /// # Errors
    /// The store's.
    pub fn stretch<S: Store>(&self, store: &mut S) -> Result<Vec<Settled>, S::Error> {
        store.begin()?.settled(self.after.as_ref(), self.settled_before, self.limit)
    }

    /// The requests that remove what may go of a stretch.
    #[must_use]
    pub fn requests(&self, stretch: &[Settled]) -> Vec<Request> {
        let Self { settled_before, dry_run, after: _, limit: _ } = *self;
        let request = |(_, id): &Settled| Request::PurgePromise { id: id.clone(), settled_before, dry_run };
        stretch.iter().map(request).collect()
    }

    /// What a stretch came to of which so many promises are gone.
    #[must_use]
    pub fn outcome(&self, stretch: &[Settled], purged: usize) -> Purged {
        let next = stretch.last().filter(|_| stretch.len() == self.limit).cloned();
        Purged { examined: stretch.len(), purged, next }
    }
}
