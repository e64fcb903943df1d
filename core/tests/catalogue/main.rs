//! The catalogue itself: it is complete, and every property in it can fail. Each row damages a sane state or a sane step and names what must
//! be found.

mod names;
mod restore;
mod sane;
mod states;
mod steps;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use resonate_core::property::{
    Check, Moment, Step, Violation, catalogue, check_configuration, check_state, check_step,
};
use resonate_core::request::Request;
use resonate_core::rules::Rules;

use names::NAMES;
use sane::{NOW, before, sane, task};
use states::STATES;
use steps::STEPS;
use support::parts::execute;
use support::{id, ms};

/// What the types of a snapshot hold by themselves: sets, and addresses that were parsed.
const HELD_BY_TYPES: [&str; 4] = [
    "well_formed_promise_callbacks_unique",
    "well_formed_promise_listeners_unique",
    "well_formed_task_resumes_unique",
    "consistent_listener_addresses_deliverable",
];

fn names(violations: &[Violation]) -> BTreeSet<&'static str> {
    violations.iter().map(|violation| violation.property).collect()
}

#[test]
fn the_catalogue_is_complete_and_names_nothing_twice() {
    let known: Vec<&str> = catalogue().map(|property| property.name).collect();
    let expected: BTreeSet<&str> = NAMES.iter().copied().collect();
    assert_eq!(known.iter().copied().collect::<BTreeSet<_>>(), expected);
    assert_eq!(known.len(), NAMES.len());
}

#[test]
fn a_sane_state_has_no_violation() {
    let rules = Rules::default();
    assert_eq!(check_state(&Moment { state: &sane(), now: NOW, rules: &rules }), []);
}

#[test]
fn every_state_property_can_fail() {
    let rules = Rules::default();
    let mut shown: BTreeSet<&str> = HELD_BY_TYPES.into();
    for (name, damage) in STATES {
        let mut state = sane();
        damage(&mut state);
        let found = names(&check_state(&Moment { state: &state, now: NOW, rules: &rules }));
        assert!(found.contains(name), "{name}: found {found:?}");
        shown.insert(name);
    }
    let all = catalogue().filter(|property| matches!(property.check, Check::State(_))).map(|property| property.name);
    assert_eq!(shown, all.collect());
}

#[test]
fn every_property_of_configurations_can_fail() {
    let rules = Rules { retry_timeout: ms(0), ..Rules::default() };
    assert_eq!(names(&check_configuration(&rules)), ["well_formed_config_retry_positive"].into());
}

#[test]
fn every_step_property_can_fail() {
    let rules = Rules::default();
    let before = before();
    let request = Request::TimeOutPromise { id: id("nobody") };
    let mut shown = BTreeSet::new();
    let unchanged = Step { before: &before, after: &before, request: &request, now: NOW, rules: &rules };
    assert_eq!(check_step(&unchanged), []);
    for (name, damage) in STEPS {
        let mut after = before.clone();
        damage(&mut after);
        let step = Step { before: &before, after: &after, request: &request, now: NOW, rules: &rules };
        let found = names(&check_step(&step));
        assert!(found.contains(name), "{name}: found {found:?}");
        shown.insert(*name);
    }
    let all = catalogue()
        .filter(|property| matches!(property.check, Check::Step(_) | Check::Background(_)))
        .map(|property| property.name);
    assert_eq!(shown, all.collect());
}

#[test]
fn a_client_may_do_what_the_background_may_not() {
    let rules = Rules::default();
    let before = sane();
    let mut after = before.clone();
    task("run", &mut after, |task| *task = task.halted());
    after.messages.remove(&execute(&id("run")));
    let halt = Request::HaltTask { id: id("run") };
    let step = Step { before: &before, after: &after, request: &halt, now: NOW, rules: &rules };
    assert_eq!(check_step(&step), []);
}
