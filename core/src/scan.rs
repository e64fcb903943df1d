//! A partly known, ordered set under each of many owners: the callbacks of a promise, the tasks of a worker. Owns what is known of each set
//! and how far, so that changes on top of loaded pages give the same answer as a scan of the changed store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How much of an owner's set is known: everything up to and including a key, or everything.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Extent<K> {
    UpTo(K),
    Complete,
}

/// Sets of `K` under owners.
#[derive(Clone, Debug)]
pub(crate) struct Scan<K> {
    items: BTreeMap<Arc<str>, BTreeSet<K>>,
    /// Rows that are gone, and that a store may still show. None in a store that knows everything.
    gone: BTreeMap<Arc<str>, BTreeSet<K>>,
    extents: BTreeMap<Arc<str>, Extent<K>>,
    closed: bool,
}

/// The known rows at the front of a set, or the key behind which more must be loaded.
pub(crate) type Front<K> = Result<Vec<K>, Option<K>>;

impl<K: Clone + Ord> Scan<K> {
    /// No rows; `closed` means that every set is known completely.
    pub(crate) fn new(closed: bool) -> Self {
        Self { items: BTreeMap::new(), gone: BTreeMap::new(), extents: BTreeMap::new(), closed }
    }

    pub(crate) fn insert(&mut self, owner: &Arc<str>, key: K) {
        take_from(&mut self.gone, owner, &key);
        add_to(&mut self.items, owner, key);
    }

    pub(crate) fn remove(&mut self, owner: &Arc<str>, key: &K) {
        take_from(&mut self.items, owner, key);
        if !self.closed {
            add_to(&mut self.gone, owner, key.clone());
        }
    }

    /// Takes a loaded page: the rows behind the extent known so far. `complete` means that no row follows.
    pub(crate) fn learn(&mut self, owner: &Arc<str>, rows: impl IntoIterator<Item = K>, complete: bool) {
        let mut last = None;
        for row in rows {
            last = Some(row.clone());
            if !self.gone.get(owner).is_some_and(|gone| gone.contains(&row)) {
                add_to(&mut self.items, owner, row);
            }
        }
        let extent = match (complete, last) {
            (false, Some(last)) => Extent::UpTo(last),
            (true, _) | (false, None) => Extent::Complete,
        };
        self.extents.insert(Arc::clone(owner), extent);
    }

    /// The first `limit` rows of an owner's set.
    pub(crate) fn first(&self, owner: &str, limit: usize) -> Front<K> {
        let rows = self.items.get(owner).into_iter().flatten();
        match self.extents.get(owner) {
            Some(Extent::Complete) => Ok(rows.take(limit).cloned().collect()),
            _ if self.closed => Ok(rows.take(limit).cloned().collect()),
            Some(Extent::UpTo(last)) => {
                let known: Vec<K> = rows.take_while(|row| *row <= last).take(limit).cloned().collect();
                if known.len() == limit { Ok(known) } else { Err(Some(last.clone())) }
            }
            None => Err(None),
        }
    }

    /// All known pairs, for a store that knows everything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &K)> {
        self.items.iter().flat_map(|(owner, set)| set.iter().map(move |key| (owner, key)))
    }

    /// Whether a pair is there, for a store that knows everything.
    pub(crate) fn contains(&self, owner: &str, key: &K) -> bool {
        self.items.get(owner).is_some_and(|set| set.contains(key))
    }

    /// Rows of an owner behind `after`, for a store that knows everything.
    pub(crate) fn behind<'a>(&'a self, owner: &str, after: Option<&'a K>) -> impl Iterator<Item = &'a K> {
        let rows = self.items.get(owner).into_iter().flatten();
        rows.skip_while(move |row| after.is_some_and(|after| *row <= after))
    }
}

/// Sets are filled one by one, here and elsewhere: a set made of a list brings sorting with it, for every type of key.
fn add_to<K: Ord>(sets: &mut BTreeMap<Arc<str>, BTreeSet<K>>, owner: &Arc<str>, key: K) {
    if let Some(set) = sets.get_mut(owner) {
        set.insert(key);
    } else {
        let mut set = BTreeSet::new();
        set.insert(key);
        sets.insert(Arc::clone(owner), set);
    }
}

fn take_from<K: Ord>(sets: &mut BTreeMap<Arc<str>, BTreeSet<K>>, owner: &Arc<str>, key: &K) {
    if let Some(set) = sets.get_mut(owner) {
        set.remove(key);
        if set.is_empty() {
            sets.remove(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_changes_make_one_set() {
        let owner: Arc<str> = "p".into();
        let mut scan: Scan<u32> = Scan::new(false);
        scan.insert(&owner, 25);
        assert_eq!(scan.first("p", 2), Err(None));
        scan.learn(&owner, [10, 20], false);
        assert_eq!(scan.first("p", 2), Ok(vec![10, 20]));
        assert_eq!(scan.first("p", 3), Err(Some(20)), "25 may not be the third: the store has not been read so far");
        scan.remove(&owner, &10);
        scan.learn(&owner, [30], true);
        assert_eq!(scan.first("p", 9), Ok(vec![20, 25, 30]));
    }

    #[test]
    fn what_was_removed_before_it_was_loaded_stays_removed() {
        let owner: Arc<str> = "p".into();
        let mut scan: Scan<u32> = Scan::new(false);
        scan.remove(&owner, &10);
        scan.remove(&owner, &20);
        scan.insert(&owner, 20);
        scan.learn(&owner, [10, 20, 30], true);
        assert_eq!(scan.first("p", 9), Ok(vec![20, 30]));
    }
}
