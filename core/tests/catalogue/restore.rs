//! Which states a store can be opened with.

use resonate_core::memory::MemoryStore;
use resonate_core::property::{Moment, check_state};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::MILLIS_MAX;

use crate::sane::{NOW, message, promise, sane, task, unblock};
use crate::support::id;

fn refusal(damage: fn(&mut Snapshot)) -> String {
    let mut state = sane();
    damage(&mut state);
    MemoryStore::restore(&Rules::default(), &state).expect_err("a damaged state").to_string()
}

#[test]
fn what_was_stored_under_lax_dials_opens_under_strict_ones() {
    let strict = Rules { strict: true, ..Rules::default() };
    let state = sane();
    let found = check_state(&Moment { state: &state, now: NOW, rules: &strict });
    assert!(!found.is_empty(), "a strict server would not have let anybody wait for a promise without tags");
    let store = MemoryStore::restore(&strict, &state).expect("a state that was reached under other dials");
    assert_eq!(store.snapshot(), state);
}

#[test]
fn a_version_to_which_nothing_can_be_added_is_refused() {
    let far = refusal(|state| task("held", state, |task| task.version = MILLIS_MAX));
    assert!(far.ends_with("task 'held' has a version or a counter out of range"), "{far}");
    let far = refusal(|state| task("halted", state, |task| task.executes = u32::MAX));
    assert!(far.ends_with("task 'halted' has a version or a counter out of range"), "{far}");
    let far = refusal(|state| message(state, &unblock("done"), |entry| entry.version = MILLIS_MAX));
    assert!(far.ends_with("message 'done' has a version or a counter out of range"), "{far}");
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a test measures what it costs")]
fn took(work: impl FnOnce()) -> std::time::Duration {
    let started = std::time::Instant::now();
    work();
    started.elapsed()
}

#[test]
fn tens_of_thousands_that_wait_are_checked_in_no_time() {
    let mut state = sane();
    let (task, asleep) = (state.tasks[&id("asleep")].clone(), state.promises[&id("asleep")].clone());
    for number in 0..40_000 {
        let name = id(&format!("asleep.{number:05}"));
        promise("asleep", &mut state, |promise| promise.id = name.clone());
        let another = state.promises.insert(id("asleep"), asleep.clone()).expect("it was there");
        state.promises.insert(name.clone(), another);
        let mut another = task.clone();
        std::sync::Arc::make_mut(&mut another).id = name.clone();
        state.tasks.insert(name.clone(), another);
        state.callbacks.insert((id("wait"), name));
    }
    let took = took(|| {
        assert_eq!(check_state(&Moment { state: &state, now: NOW, rules: &Rules::default() }), []);
        MemoryStore::restore(&Rules::default(), &state).expect("a sane state");
    });
    // One look at every waiter for every task would take a minute.
    assert!(took.as_secs() < 10, "{took:?}");
}
