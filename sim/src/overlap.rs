//! A transaction inside which another one ran: where each of its requests stands. What is there was locked or compared; what was not there may have come
//! meanwhile, and pages only show. So a request stands behind the other transaction, unless only what was there before it explains what it has come to:
//! one that found nothing, or a purge of what has been given a child since. Owns that choice; both machines that it asks are thrown away.

use std::collections::BTreeSet;
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
use crate::reference::decided;

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

/// Places requests by what the machine says to them behind and before the other transaction, from the state before both.
pub(crate) fn places(
    rules: &Rules,
    state: &MemoryStore,
    requests: &[Request],
    now: Timestamp,
    evidence: Evidence<'_>,
    inner: Inner<'_>,
) -> Places {
    let mut behind = state.clone();
    let answered = &inner.requests[..inner.finished.outcomes.len()];
    at_hand::run(&mut behind, rules, answered, inner.finished.now);
    let (mut places, mut before) = (Places::default(), None);
    for (place, request) in requests.iter().enumerate() {
        let decision = decided(rules, request, now, &behind);
        if !explains(evidence, place, &decision) {
            let before = before.get_or_insert_with(|| decisions(&mut state.clone(), rules, requests, now));
            if explains(evidence, place, &before[place]) {
                places.before.insert(place);
            } else if let Evidence::Writes(_) = evidence {
                places.nowhere.insert(place);
            }
        }
        // What stands elsewhere is not seen by those that stand behind.
        if places.is_behind(place) {
            behind.apply(rules, request, now);
        }
    }
    places
}

/// Requests in order, without what follows from them.
fn decisions(store: &mut MemoryStore, rules: &Rules, requests: &[Request], now: Timestamp) -> Vec<Decision> {
    requests.iter().map(|request| store.apply(rules, request, now)).collect()
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
