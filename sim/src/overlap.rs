//! A transaction inside which another one ran: where each of its requests stands. What is there was locked or compared; what was not there may have come
//! meanwhile, and pages only show. So a request stands behind the other transaction, unless only what was there before it explains what it has come to:
//! one that found nothing, or a purge of what has been given a child since. Owns that choice; both machines that it asks are thrown away.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

use resonate_core::Decision;
use resonate_core::at_hand;
use resonate_core::batch::{Finished, Outcome};
use resonate_core::memory::MemoryStore;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;

use crate::answer::comparable;
use crate::neighbourhood::Touched;

/// Where requests stand beside a transaction that ran inside theirs; what is in neither list stands behind it.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Before it.
    pub(crate) before: BTreeSet<usize>,
    /// They have left no trace. Only of a transaction whose answers nobody knows.
    pub(crate) nowhere: BTreeSet<usize>,
}

impl Places {
    pub(crate) fn is_behind(&self, place: usize) -> bool {
        !self.before.contains(&place) && !self.nowhere.contains(&place)
    }
}

/// The other transaction: its requests, and what they came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inner<'a> {
    pub(crate) requests: &'a [Request],
    pub(crate) finished: &'a Finished,
}

/// What of a transaction tells where its requests stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Evidence<'a> {
    /// Their outcomes.
    Outcomes(&'a [Outcome]),
    /// What was written, where its server does not know the outcomes.
    Writes(&'a [Write]),
}

/// Places requests by what the machine says to them in the order that comes of it, from the state before both transactions: whoever does not come to what
/// was found is moved, until nobody is left or can be.
pub(crate) fn places(
    rules: &Rules,
    state: &MemoryStore,
    requests: &[Request],
    now: Timestamp,
    evidence: Evidence<'_>,
    inner: Inner<'_>,
) -> Places {
    let decided_at = |places: &Places| decisions(rules, state, requests, now, places, inner);
    let (mut places, mut ahead) = (Places::default(), None);
    loop {
        let found = decided_at(&places);
        let wrong = found.iter().find(|(place, decision)| !explains(evidence, **place, decision));
        let Some((&wrong, _)) = wrong else { return places };
        let ahead = ahead.get_or_insert_with(|| {
            let all = Places { before: (0..requests.len()).collect(), nowhere: BTreeSet::new() };
            decided_at(&all)
        });
        // What stands before the other transaction may need those of its own that were before it.
        let movable = if places.before.contains(&wrong) { 0..wrong } else { wrong..wrong + 1 };
        let is_moved = |place: &usize| places.is_behind(*place) && explains(evidence, *place, &ahead[place]);
        let moved: Vec<usize> = movable.filter(is_moved).collect();
        if !moved.is_empty() {
            places.before.extend(moved);
        } else if let Evidence::Writes(_) = evidence {
            places.before.remove(&wrong);
            places.nowhere.insert(wrong);
        } else {
            // Nothing explains it: the comparison says so.
            return places;
        }
    }
}

/// What the machine says to requests at their places, without what follows from them.
fn decisions(
    rules: &Rules,
    state: &MemoryStore,
    requests: &[Request],
    now: Timestamp,
    places: &Places,
    inner: Inner<'_>,
) -> BTreeMap<usize, Decision> {
    let mut store = state.clone();
    let take = |store: &mut MemoryStore, place: usize| (place, store.apply(rules, &requests[place], now));
    let mut decisions: BTreeMap<usize, Decision> = places.before.iter().map(|place| take(&mut store, *place)).collect();
    let answered = &inner.requests[..inner.finished.outcomes.len()];
    at_hand::run(&mut store, rules, answered, inner.finished.now);
    let behind = (0..requests.len()).filter(|place| places.is_behind(*place));
    decisions.extend(behind.map(|place| take(&mut store, place)));
    decisions
}

fn explains(evidence: Evidence<'_>, place: usize, decision: &Decision) -> bool {
    match evidence {
        Evidence::Outcomes(outcomes) => {
            let found = &outcomes[place];
            comparable(&found.reply, true) == comparable(&decision.reply, true) && found.effects == decision.effects
        }
        Evidence::Writes(writes) => have_trace(&decision.writes, writes),
    }
}

/// Whether each of some writes has one of its kind at its place among those that were committed.
fn have_trace(writes: &[Write], committed: &[Write]) -> bool {
    let place = |write: &Write| (discriminant(write), Touched::by(std::slice::from_ref(write)));
    let committed: Vec<_> = committed.iter().map(place).collect();
    writes.iter().all(|write| committed.contains(&place(write)))
}
