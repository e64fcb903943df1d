//! What is known of promises.

use resonate_core::id::Id;
use resonate_core::promise::{Promise, PromiseState, tag};
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;

use super::{Asked, Book, Settlement};

/// What is known of a promise.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// How it was shown last, and after how many events.
    shown: Option<(Promise, u64)>,
    /// Creations that may have taken effect.
    pub(super) creations: Vec<Asked>,
    /// Settlements that may have taken effect.
    pub(super) settlements: Vec<Settlement>,
}

/// Without what answers do not show.
fn plain(promise: &Promise) -> Promise {
    Promise { has_waiters: false, ..promise.clone() }
}

impl Known {
    /// Somebody who asked after `begun` events is shown this.
    pub(super) fn show(&mut self, promise: &Promise, begun: u64, at: u64) -> Option<String> {
        let new = plain(promise);
        let Some((old, when)) = &mut self.shown else {
            let wrong = (!self.explains(&new, now_or_later(&new))).then(|| format!("nobody has asked for {new:?}"));
            self.shown = Some((new, at));
            return wrong;
        };
        if *old == new {
            return None;
        }
        let settles = old.settled_at.is_none() && new.settled_at.is_some();
        let is_late = new.settled_at.is_none() && old.settled_at.is_some() && begun <= *when;
        let (before, after) = if is_late { (&new, &*old) } else { (&*old, &new) };
        let follows = (settles || is_late) && follows(before, after, &self.settlements, now_or_later(after));
        let wrong =
            (!follows).then(|| format!("shown {old:?} after {when} events, and {new:?} to who asked after {begun}"));
        if settles {
            (*old, *when) = (new, at);
        }
        wrong
    }

    /// Whether it was acknowledged before so many events.
    pub(super) fn is_known_before(&self, events: u64) -> bool {
        self.shown.as_ref().is_some_and(|(_, at)| *at < events)
    }

    /// After how many events something was last learnt about it.
    #[must_use]
    pub fn changed_at(&self) -> Option<u64> {
        self.shown.as_ref().map(|(_, at)| *at)
    }

    /// Whether it belongs to the API of 2023.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.creations.iter().any(|asked| asked.tags.contains_key("rest"))
    }

    /// What a promise contradicts that was found.
    pub(super) fn check(&self, id: &str, found: Option<&Promise>, now: u64) -> Option<String> {
        match (&self.shown, found.map(plain)) {
            (None, None) => None,
            (Some((shown, _)), None) => Some(format!("{id} is gone: {shown:?}")),
            (None, Some(found)) => (!self.explains(&found, now)).then(|| {
                format!("half of what was asked for: {found:?} of {:?}, {:?}", self.creations, self.settlements)
            }),
            (Some((shown, _)), Some(found)) => {
                let fits = *shown == found || follows(shown, &found, &self.settlements, now);
                (!fits).then(|| format!("{id} was acknowledged as {shown:?} and is {found:?}"))
            }
        }
    }

    /// Whether it is what somebody has asked for, whole.
    fn explains(&self, found: &Promise, now: u64) -> bool {
        self.creations.iter().any(|asked| {
            let born = asked.born(found);
            born == *found || follows(&born, found, &self.settlements, now)
        })
    }
}

/// An answer may tell of a deadline that this machine's clock has not noticed yet.
fn now_or_later(promise: &Promise) -> u64 {
    resonate_process::now_millis().max(promise.settled_at.map_or(0, Timestamp::as_millis))
}

/// Whether a pending promise can have become this one.
fn follows(before: &Promise, after: &Promise, settlements: &[Settlement], now: u64) -> bool {
    if before.settled_at.is_some() {
        return false;
    }
    let by_deadline = before.is_overdue(Timestamp::saturating(now)) && before.settled_by_deadline() == *after;
    let dated = after.settled_at.is_some_and(|at| before.created_at <= at && at < before.timeout_at);
    let by_client = dated
        && settlements.iter().any(|asked| {
            let Settlement { id: _, state, value, key } = asked.clone();
            let settled = Promise { state, value, complete_key: key, settled_at: after.settled_at, ..before.clone() };
            settled == *after
        });
    by_deadline || by_client
}

impl Asked {
    /// The whole promise, born when `found` was.
    fn born(&self, found: &Promise) -> Promise {
        Promise {
            id: Id::parse(&self.id).expect("an id"),
            state: PromiseState::Pending,
            param: self.param.clone(),
            value: resonate_core::value::Value::default(),
            tags: self.tags.clone(),
            timeout_at: Timestamp::saturating(self.timeout_at),
            created_at: found.created_at,
            settled_at: None,
            create_key: self.key.clone(),
            complete_key: None,
            has_waiters: false,
        }
    }
}

impl Book {
    pub(super) fn check_promises(&self, found: &Snapshot, now: u64) -> Vec<String> {
        let id = |text: &str| Id::parse(text).expect("an id");
        let known = self.promises.iter().filter_map(|(name, known)| {
            known.check(name, found.promises.get(&id(name)).map(|promise| &**promise), now)
        });
        let strangers = found.promises.values().filter(|promise| {
            !self.promises.contains_key(promise.id.as_str())
                && !promise.tags.get(tag::SCHEDULE).is_some_and(|schedule| self.schedules.contains_key(schedule))
        });
        known.chain(strangers.map(|promise| format!("nobody has asked for {promise:?}"))).collect()
    }
}
