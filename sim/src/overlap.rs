//! A transaction inside which another one ran: where each of its requests stands. What is there was locked or compared; what was not there may have come
//! meanwhile, and pages only show. So a request stands behind the other transaction, unless only what was there before it explains what it has come to:
//! one that found nothing, or a purge of what has been given a child since. What followed from its requests counts as theirs: what it has not seen to be
//! due a sweep finds. Where each of the two has found nothing of the other, what the inner one asked stands on both sides of what stands before it.
//! Owns that choice; the machines that it asks are thrown away.

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

/// Two transactions of which one ran inside the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overlap<'a> {
    pub(crate) rules: &'a Rules,
    /// What was there before both.
    pub(crate) state: &'a MemoryStore,
    /// The instant of the outer one.
    pub(crate) now: Timestamp,
    /// The requests of the inner one, and what they came to.
    pub(crate) inner: (&'a [Request], &'a Finished),
}

/// What the outer transaction has run, and where each of it stands; what is in neither list stands behind the inner one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Its requests, then what followed from them.
    pub(crate) requests: Vec<Request>,
    /// Before it.
    pub(crate) before: BTreeSet<usize>,
    /// Of the inner one, before even these.
    pub(crate) inner_first: BTreeSet<usize>,
    /// Whether everything comes to what was found at its place.
    pub(crate) have_order: bool,
    /// They have left no trace. Only of a transaction whose answers nobody knows.
    nowhere: BTreeSet<usize>,
}

impl Places {
    fn of(requests: Vec<Request>) -> Self {
        Self { requests, ..Self::default() }
    }

    pub(crate) fn behind(&self) -> impl Iterator<Item = usize> {
        (0..self.requests.len()).filter(|place| self.is_behind(*place))
    }

    fn is_behind(&self, place: usize) -> bool {
        !self.before.contains(&place) && !self.nowhere.contains(&place)
    }
}

/// What of a transaction tells where its requests stand.
#[derive(Clone, Copy, Debug)]
enum Evidence<'a> {
    /// What each came to.
    Outcomes(&'a [&'a Outcome]),
    /// What was written, where its server does not know the outcomes.
    Writes(&'a [Write]),
}

/// What the machine says to each request of both transactions, by its place.
struct Said {
    outer: BTreeMap<usize, Decision>,
    inner: BTreeMap<usize, Decision>,
}

/// What a transaction has run: its requests, then what followed from them.
pub(crate) fn run_by(requests: &[Request], finished: &Finished) -> Vec<Request> {
    let followed = finished.follow_ups.iter().map(|(request, _)| request);
    requests[..finished.outcomes.len()].iter().chain(followed).cloned().collect()
}

/// What a transaction's requests came to, and what followed from them.
pub(crate) fn outcomes(finished: &Finished) -> Vec<&Outcome> {
    finished.outcomes.iter().chain(finished.follow_ups.iter().map(|(_, outcome)| outcome)).collect()
}

/// Whether the machine says what was found, but for what only shows.
pub(crate) fn is_same(found: &Outcome, decision: &Decision) -> bool {
    comparable(&found.reply, true) == comparable(&decision.reply, true) && found.effects == decision.effects
}

impl Overlap<'_> {
    /// Where everything stands of an outer transaction whose outcomes are known.
    pub(crate) fn of_finished(&self, requests: &[Request], finished: &Finished) -> Places {
        self.place(Places::of(run_by(requests, finished)), Evidence::Outcomes(&outcomes(finished)))
    }

    /// Where everything stands that may have been run, by what was written.
    pub(crate) fn of_doubtful(&self, requests: &[Request], writes: &[Write]) -> Places {
        let mut places = Places::of(requests.to_vec());
        let mut looked_at = 0;
        while looked_at < places.requests.len() {
            let decisions = self.said(&places).outer;
            let followed: Vec<Request> =
                decisions.range(looked_at..).flat_map(|(_, decision)| decision.follow_ups.iter().cloned()).collect();
            looked_at = places.requests.len();
            places.requests.extend(followed);
        }
        self.place(places, Evidence::Writes(writes))
    }

    /// What the machine says to the inner transaction, which sees nothing of the outer one.
    pub(crate) fn inner_alone(&self) -> Finished {
        let (requests, finished) = self.inner;
        at_hand::run(&mut self.state.clone(), self.rules, &requests[..finished.outcomes.len()], finished.now)
    }

    fn place(&self, places: Places, evidence: Evidence<'_>) -> Places {
        let mut places = self.place_outer(places, evidence);
        // Where nothing stands before it, the inner one is compared as if it was alone.
        let order = if places.before.is_empty() { Some(BTreeSet::new()) } else { self.inner_first(&places, evidence) };
        places.have_order = order.is_some();
        places.inner_first = order.unwrap_or_default();
        places
    }

    /// Lets the machine run everything at its place, and moves who does not come to what was found, until nobody is left or can be.
    fn place_outer(&self, mut places: Places, evidence: Evidence<'_>) -> Places {
        let mut all_before = None;
        loop {
            let decisions = self.said(&places).outer;
            let wrong = decisions.iter().find(|(place, decision)| !explains(evidence, **place, decision));
            let Some((&wrong, _)) = wrong else { return places };
            let if_before = all_before.get_or_insert_with(|| {
                let all = (0..places.requests.len()).collect();
                self.said(&Places { before: all, ..Places::of(places.requests.clone()) }).outer
            });
            // What stands before the inner transaction may need those of its own that were before it.
            let movable = if places.before.contains(&wrong) { 0..wrong } else { wrong..wrong + 1 };
            let is_moved = |place: &usize| places.is_behind(*place) && explains(evidence, *place, &if_before[place]);
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

    /// What of the inner transaction comes to what was found only before what stands before it; nothing where no such order explains everything.
    fn inner_first(&self, places: &Places, evidence: Evidence<'_>) -> Option<BTreeSet<usize>> {
        let found = outcomes(self.inner.1);
        let mut moved = places.clone();
        loop {
            let said = self.said(&moved);
            if said.outer.iter().any(|(place, decision)| !explains(evidence, *place, decision)) {
                return None;
            }
            let wrong = said.inner.iter().find(|(place, decision)| !is_same(found[**place], decision));
            let Some((&wrong, _)) = wrong else { return Some(moved.inner_first) };
            let count = moved.inner_first.len();
            // It may need those of its own transaction that were before it.
            moved.inner_first.extend(if moved.inner_first.contains(&wrong) { 0..wrong } else { wrong..wrong + 1 });
            if moved.inner_first.len() == count {
                return None;
            }
        }
    }

    /// What the machine says to everything at its place.
    fn said(&self, places: &Places) -> Said {
        let mut store = self.state.clone();
        let mut take =
            |requests: &[Request], place: usize, now| (place, store.apply(self.rules, &requests[place], now));
        let (requests, finished) = self.inner;
        let ran = run_by(requests, finished);
        let mut inner: BTreeMap<usize, Decision> =
            places.inner_first.iter().map(|place| take(&ran, *place, finished.now)).collect();
        let mut outer: BTreeMap<usize, Decision> =
            places.before.iter().map(|place| take(&places.requests, *place, self.now)).collect();
        let others = (0..ran.len()).filter(|place| !places.inner_first.contains(place));
        inner.extend(others.map(|place| take(&ran, place, finished.now)));
        outer.extend(places.behind().map(|place| take(&places.requests, place, self.now)));
        Said { outer, inner }
    }
}

fn explains(evidence: Evidence<'_>, place: usize, decision: &Decision) -> bool {
    match evidence {
        Evidence::Outcomes(outcomes) => is_same(outcomes[place], decision),
        Evidence::Writes(writes) => have_trace(&decision.writes, writes),
    }
}

/// Whether each of some writes has one of its kind at its place among those that were committed.
fn have_trace(writes: &[Write], committed: &[Write]) -> bool {
    let place = |write: &Write| (discriminant(write), Touched::by(std::slice::from_ref(write)));
    let committed: Vec<_> = committed.iter().map(place).collect();
    writes.iter().all(|write| committed.contains(&place(write)))
}

#[cfg(test)]
mod tests {
    use resonate_core::id::Id;
    use resonate_core::promise::Tags;
    use resonate_core::request::CreatePromise;
    use resonate_core::value::Value;

    use super::*;

    const NOW: Timestamp = Timestamp::saturating(1_000);

    fn id(id: &str) -> Id {
        Id::parse(id).expect("an id")
    }

    fn create(promise: &str) -> Request {
        let tags: Tags = serde_json::from_str(r#"{"resonate:target": "poll://any@g"}"#).expect("tags");
        let timeout_at = Timestamp::saturating(1_000_000);
        Request::CreatePromise(CreatePromise { id: id(promise), timeout_at, param: Value::default(), tags, key: None })
    }

    fn callback() -> Request {
        Request::RegisterCallback { awaited: id("awaited"), awaiter: id("awaiter") }
    }

    fn alone(requests: &[Request]) -> Finished {
        at_hand::run(&mut MemoryStore::new(), &Rules::default(), requests, NOW)
    }

    fn places(outer: &[Request], inner: &[Request]) -> Places {
        let (rules, state, found) = (Rules::default(), MemoryStore::new(), alone(inner));
        let overlap = Overlap { rules: &rules, state: &state, now: NOW, inner: (inner, &found) };
        overlap.of_finished(outer, &alone(outer))
    }

    #[test]
    fn who_has_not_found_what_the_inner_one_created_stands_before_it() {
        let places = places(&[callback(), create("awaiter")], &[create("awaited")]);
        assert_eq!((places.before, places.inner_first), ([0].into(), BTreeSet::new()));
    }

    /// Each callback was refused for want of a promise that the other transaction created: awaited, then awaiter.
    #[test]
    fn where_neither_has_found_what_the_other_created_the_inner_one_stands_on_both_sides() {
        let places = places(&[create("awaited"), callback()], &[create("awaiter"), callback()]);
        assert_eq!((places.before, places.inner_first), ([0, 1].into(), [1].into()));
        assert!(places.have_order);
    }

    #[test]
    fn no_order_explains_that_both_have_created_the_same() {
        let places = places(&[create("awaited")], &[create("awaited")]);
        assert!(!places.have_order);
    }

    #[test]
    fn who_has_seen_nothing_that_matters_stands_behind() {
        let places = places(&[create("awaited"), create("other")], &[create("awaiter"), callback()]);
        assert_eq!((places.before, places.inner_first), (BTreeSet::new(), BTreeSet::new()));
    }
}
