//! What is judged by the neighbourhood of a change is judged as by the whole state, of sound states and of damaged ones.

use std::collections::BTreeSet;
use std::sync::Arc;

use fastrand::Rng;
use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::message::MessageKey;
use resonate_core::promise::{PromiseState, tag};
use resonate_core::property::{Moment, Step, Violation, check_state, check_step};
use resonate_core::request::Request;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::TaskState;
use resonate_core::time::{Millis, Timestamp};

use super::{Bonds, Touched};
use crate::{Options, plan::Plan, world::World};

/// States that are damaged, and damages of each.
const WORLDS: u64 = 60;
const DAMAGES: usize = 200;

fn names(violations: Vec<Violation>) -> BTreeSet<(&'static str, String)> {
    violations.into_iter().map(|violation| (violation.property, violation.detail)).collect()
}

fn one_of<'a, T>(rng: &mut Rng, mut all: impl ExactSizeIterator<Item = &'a T>) -> Option<&'a T> {
    let count = all.len() as u64;
    if count == 0 { None } else { all.nth(rng.u64(..count) as usize) }
}

fn any_id(rng: &mut Rng, state: &Snapshot) -> Id {
    let known = one_of(rng, state.promises.keys()).cloned();
    known.unwrap_or_else(|| Id::parse("nobody").expect("an id"))
}

/// Makes a state wrong, mostly, and says which rows were changed.
fn damage(rng: &mut Rng, state: &mut Snapshot) -> Touched {
    let mut touched = Touched::default();
    let id = any_id(rng, state);
    match rng.u64(..5) {
        0 => damage_promise(rng, state, &id),
        1 => damage_task(rng, state, &id),
        2 => {
            let pair = one_of(rng, state.callbacks.iter()).cloned().unwrap_or_else(|| (id.clone(), id.clone()));
            let wrong = (any_id(rng, state), any_id(rng, state));
            state.callbacks.remove(&pair);
            touched.ids.extend([pair.0, pair.1]);
            if rng.bool() {
                touched.ids.extend([wrong.0.clone(), wrong.1.clone()]);
                state.callbacks.insert(wrong);
            }
        }
        3 => {
            let address = Address::parse("http://nowhere.test/").expect("an address");
            state.listeners.insert((id.clone(), address));
        }
        _ => damage_message(rng, state, &id, &mut touched),
    }
    touched.everything = !state.promises.contains_key(&id);
    touched.ids.insert(id);
    touched
}

fn damage_promise(rng: &mut Rng, state: &mut Snapshot, id: &Id) {
    let Some(row) = state.promises.get_mut(id) else { return };
    let promise = Arc::make_mut(row);
    match rng.u64(..8) {
        0 => promise.state = PromiseState::ALL[rng.u64(..5) as usize],
        1 => promise.settled_at = None,
        2 => promise.settled_at = Some(promise.timeout_at),
        3 => promise.created_at = promise.timeout_at,
        4 => promise.value.data = Some("damage".to_owned()),
        5 => drop(promise.tags.insert(tag::TIMER.to_owned(), "true".to_owned())),
        6 => drop(promise.tags.remove(tag::TARGET)),
        _ => drop(state.promises.remove(id)),
    }
}

fn damage_task(rng: &mut Rng, state: &mut Snapshot, id: &Id) {
    let Some(row) = state.tasks.get_mut(id) else { return };
    let task = Arc::make_mut(row);
    match rng.u64(..6) {
        0 => task.state = TaskState::ALL[rng.u64(..5) as usize],
        1 => task.version += rng.u64(1..3),
        2 => task.lease = None,
        3 => task.retry_at = None,
        4 => drop(task.resumes.insert(id.clone())),
        _ => drop(state.tasks.remove(id)),
    }
}

fn damage_message(rng: &mut Rng, state: &mut Snapshot, id: &Id, touched: &mut Touched) {
    let key = one_of(rng, state.messages.keys()).cloned().unwrap_or_else(|| MessageKey::Execute { task: id.clone() });
    touched.ids.insert(key.id().clone());
    let Some(row) = state.messages.get_mut(&key) else { return };
    let entry = Arc::make_mut(row);
    match rng.u64(..3) {
        0 => entry.version += 1,
        1 => entry.address = Address::parse("http://elsewhere.test/").expect("an address"),
        _ => drop(state.messages.remove(&key)),
    }
}

/// Judges the change from one state to another, whole and by what was touched.
fn compare(before: &Snapshot, after: &Snapshot, touched: &Touched, now: Timestamp, plan: &Plan) -> usize {
    let (bonds, bonds_after) = (Bonds::of(before), Bonds::of(after));
    let frame = bonds.frame(touched, before);
    let cut_before = bonds.cut(touched, &frame, before);
    let cut_after = bonds_after.cut(touched, &frame, after);
    let rules = &plan.rules;
    let request = &Request::GetPromise { id: touched.ids.first().expect("something was touched").clone() };
    let whole = names(check_state(&Moment { state: after, now, rules }));
    let cut = names(check_state(&Moment { state: &cut_after, now, rules }));
    assert_eq!(whole, cut, "the state around {touched:?}");
    let whole = names(check_step(&Step { before, after, request, now, rules }));
    let cut = names(check_step(&Step { before: &cut_before, after: &cut_after, request, now, rules }));
    assert_eq!(whole, cut, "the step around {touched:?}");
    whole.len()
}

#[test]
fn a_neighbourhood_is_judged_as_the_whole_state_is() {
    let given = std::env::var("SEED").ok().map(|text| text.parse().expect("SEED is an integer"));
    let seed = given.unwrap_or(20_261_123);
    println!("a_neighbourhood_is_judged_as_the_whole_state_is: SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let (mut found, mut kinds) = (0, BTreeSet::new());
    for _ in 0..WORLDS {
        let mut world = World::new(&Options { seed: rng.u64(..), steps: 400, ..Options::default() });
        world.run(400);
        let now = world.instant() + Millis::saturating(60_000);
        let before = world.reference.state().clone();
        for _ in 0..DAMAGES {
            let mut after = before.clone();
            let touched = damage(&mut rng, &mut after);
            found += compare(&before, &after, &touched, now, &world.plan);
            let moment = Moment { state: &after, now, rules: &world.plan.rules };
            kinds.extend(check_state(&moment).into_iter().map(|violation| violation.property));
        }
    }
    assert!(found > 1_000 && kinds.len() > 25, "{found} of kinds {kinds:?}");
}
