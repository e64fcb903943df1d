//! What must always be true, as functions over snapshots: the protocol's catalogue of properties. A checker reports a violation by its name.
//! Owns the statements and their names; makes no change, and no host needs it to run.
//!
//! Names begin with what a property speaks of: `well_formed` of one record, `consistent` of several, `preserved` of what must not move,
//! `monotone` of what may move one way. A transition is one request, of a client or of the background, never a whole transaction.

mod cause;
mod obligations;
mod promise_state;
mod promise_step;
mod purge;
mod store_state;
mod task_lease_step;
mod task_state;
mod task_step;

use std::fmt::Debug;

use crate::id::Id;
use crate::promise::{Promise, PromiseState};
use crate::request::Request;
use crate::rules::Rules;
use crate::snapshot::Snapshot;
use crate::task::Task;
use crate::time::{Millis, Timestamp};

/// A state as it was reached, with the instant and the dials of the transition that led to it.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The state.
    pub state: &'a Snapshot,
    /// The instant, not earlier than that of any transition before.
    pub now: Timestamp,
    /// The dials.
    pub rules: &'a Rules,
}

/// One transition.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The state before.
    pub before: &'a Snapshot,
    /// The state after.
    pub after: &'a Snapshot,
    /// What happened.
    pub request: &'a Request,
    /// When it happened.
    pub now: Timestamp,
    /// The dials.
    pub rules: &'a Rules,
}

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name in the catalogue.
    pub property: &'static str,
    /// The records that contradict it.
    pub detail: String,
}

/// How a property is checked: each function adds what contradicts it.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// At every state.
    State(fn(&Moment<'_>, &mut Details)),
    /// At every transition.
    Step(fn(&Step<'_>, &mut Details)),
    /// At every transition that no client asked for.
    Background(fn(&Step<'_>, &mut Details)),
    /// Before anything happens.
    Configuration(fn(&Rules, &mut Details)),
}

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// Its check.
    pub check: Check,
}

/// What contradicts a property.
#[derive(Debug, Default)]
pub struct Details(Vec<String>);

impl Details {
    /// Notes a contradiction unless the property holds.
    fn expect(&mut self, holds: bool, what: impl Debug) {
        if !holds {
            self.note(&what);
        }
    }

    #[cold]
    fn note(&mut self, what: &dyn Debug) {
        self.0.push(format!("{what:?}"));
    }
}

/// Whether `then` holds wherever `when` does.
const fn implies(when: bool, then: bool) -> bool {
    !when || then
}

/// The part of the catalogue that speaks of configurations.
const CONFIGURATION: &[Property] =
    &[Property { name: "well_formed_config_retry_positive", check: Check::Configuration(retry_positive) }];

fn retry_positive(rules: &Rules, details: &mut Details) {
    details.expect(rules.retry_timeout > Millis::ZERO, rules);
}

/// The parts are kept apart for programs that check states only.
const STATES: &[&[Property]] = &[promise_state::PROPERTIES, task_state::PROPERTIES, store_state::PROPERTIES];
const STEPS: &[&[Property]] = &[
    promise_step::PROPERTIES,
    task_step::PROPERTIES,
    task_lease_step::PROPERTIES,
    obligations::PROPERTIES,
    purge::PROPERTIES,
    cause::PROPERTIES,
];
const CONFIGURATIONS: &[&[Property]] = &[CONFIGURATION];

/// The whole catalogue.
pub fn catalogue() -> impl Iterator<Item = &'static Property> {
    [STATES, STEPS, CONFIGURATIONS].into_iter().flatten().copied().flatten()
}

/// What contradicts the state properties.
#[must_use]
pub fn check_state(moment: &Moment<'_>) -> Vec<Violation> {
    violations(STATES, |check, details| match check {
        Check::State(check) => check(moment, details),
        Check::Step(_) | Check::Background(_) | Check::Configuration(_) => {}
    })
}

/// What contradicts the step properties, those of the background where no client asked for the step.
#[must_use]
pub fn check_step(step: &Step<'_>) -> Vec<Violation> {
    let background = step.request.is_background();
    violations(STEPS, |check, details| match check {
        Check::Step(check) => check(step, details),
        Check::Background(check) if background => check(step, details),
        Check::Background(_) | Check::State(_) | Check::Configuration(_) => {}
    })
}

/// What contradicts the properties of configurations.
#[must_use]
pub fn check_configuration(rules: &Rules) -> Vec<Violation> {
    violations(CONFIGURATIONS, |check, details| match check {
        Check::Configuration(check) => check(rules, details),
        Check::State(_) | Check::Step(_) | Check::Background(_) => {}
    })
}

fn violations(parts: &[&'static [Property]], run: impl Fn(Check, &mut Details)) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut details = Details::default();
    for property in parts.iter().copied().flatten() {
        run(property.check, &mut details);
        found.extend(details.0.drain(..).map(|detail| Violation { property: property.name, detail }));
    }
    found
}

impl<'a> Moment<'a> {
    fn expect_promises(&self, details: &mut Details, holds: impl Fn(&Promise) -> bool) {
        for promise in self.state.promises.values() {
            details.expect(holds(promise), promise);
        }
    }

    fn expect_tasks(&self, details: &mut Details, holds: impl Fn(&Task) -> bool) {
        for task in self.state.tasks.values() {
            details.expect(holds(task), task);
        }
    }

    fn promise(&self, id: &Id) -> Option<&'a Promise> {
        self.state.promises.get(id).map(|promise| &**promise)
    }
}

impl<'a> Step<'a> {
    /// Promises that were there before and are there after.
    fn promises(&self) -> impl Iterator<Item = (&'a Promise, &'a Promise)> {
        let after = &self.after.promises;
        self.before.promises.iter().filter_map(|(id, before)| Some((&**before, &**after.get(id)?)))
    }

    /// Promises that were not there before.
    fn new_promises(&self) -> impl Iterator<Item = &'a Promise> {
        let before = &self.before.promises;
        self.after.promises.iter().filter(|(id, _)| !before.contains_key(*id)).map(|(_, after)| &**after)
    }

    /// Tasks that were there before and are there after.
    fn tasks(&self) -> impl Iterator<Item = (&'a Task, &'a Task)> {
        let after = &self.after.tasks;
        self.before.tasks.iter().filter_map(|(id, before)| Some((&**before, &**after.get(id)?)))
    }

    /// Tasks that were not there before.
    fn new_tasks(&self) -> impl Iterator<Item = &'a Task> {
        let before = &self.before.tasks;
        self.after.tasks.iter().filter(|(id, _)| !before.contains_key(*id)).map(|(_, after)| &**after)
    }

    fn expect_promises(&self, details: &mut Details, holds: impl Fn(&Promise, &Promise) -> bool) {
        for (before, after) in self.promises() {
            details.expect(holds(before, after), (before, after));
        }
    }

    fn expect_tasks(&self, details: &mut Details, holds: impl Fn(&Task, &Task) -> bool) {
        for (before, after) in self.tasks() {
            details.expect(holds(before, after), (before, after));
        }
    }

    fn promise_before(&self, id: &Id) -> Option<&'a Promise> {
        self.before.promises.get(id).map(|promise| &**promise)
    }

    fn promise_after(&self, id: &Id) -> Option<&'a Promise> {
        self.after.promises.get(id).map(|promise| &**promise)
    }

    /// Whether this step may remove a promise, with all that is its.
    fn purges(&self, id: &Id) -> bool {
        let settled_at = self.promise_before(id).and_then(|promise| promise.settled_at);
        matches!(self.request, Request::PurgePromise { id: purged, settled_before, dry_run: false }
            if purged == id && settled_at.is_some_and(|at| at < *settled_before))
    }

    /// Callbacks that left in this step, as (awaited promise, awaiting task); those of a task that is removed wake nobody.
    fn consumed_callbacks(&self) -> impl Iterator<Item = &'a (Id, Id)> {
        self.before.callbacks.difference(&self.after.callbacks).filter(|(_, awaiter)| !self.purges(awaiter))
    }
}

fn is_settled(promise: &Promise) -> bool {
    promise.state != PromiseState::Pending
}

/// Whether the promise is pending for every reader at `now`.
fn is_live(promise: &Promise, now: Timestamp) -> bool {
    !is_settled(promise) && !promise.is_overdue(now)
}
