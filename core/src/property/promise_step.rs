//! Step properties of promises.

use super::Check::{Background, Step as EveryStep};
use super::{Details, Property, Step, implies, is_settled};
use crate::id::Id;
use crate::promise::{Promise, PromiseState, verdict_at_deadline};
use crate::request::{FencedAction, Request};

pub(super) const PROPERTIES: &[Property] = &[
    Property { name: "preserved_promise_birth_fields_immutable", check: EveryStep(birth_fields_immutable) },
    Property { name: "preserved_settled_promise_record", check: EveryStep(settled_record) },
    Property { name: "preserved_promise_state_frozen_once_settled", check: EveryStep(state_frozen_once_settled) },
    Property { name: "preserved_promise_settlement_is_one_way", check: EveryStep(settlement_is_one_way) },
    Property { name: "consistent_promise_settled_at_moves_with_state", check: EveryStep(settled_at_moves_with_state) },
    Property { name: "preserved_promise_value_until_settlement", check: EveryStep(value_until_settlement) },
    Property { name: "preserved_promise_no_duplicate_ids", check: EveryStep(no_duplicate_ids) },
    Property { name: "monotone_promise_set_grows", check: EveryStep(set_grows) },
    Property { name: "monotone_promise_callbacks_grow_while_pending", check: EveryStep(callbacks_grow) },
    Property { name: "monotone_promise_listeners_grow_while_pending", check: EveryStep(listeners_grow) },
    Property { name: "monotone_promise_callbacks_shrink_once_settled", check: EveryStep(callbacks_shrink) },
    Property { name: "monotone_promise_listeners_shrink_once_settled", check: EveryStep(listeners_shrink) },
    Property { name: "consistent_promise_state_edge_admissible", check: EveryStep(state_edge_admissible) },
    Property { name: "consistent_promise_settlement_stamp", check: EveryStep(settlement_stamp) },
    Property { name: "preserved_timedout_is_server_owned", check: EveryStep(timedout_is_server_owned) },
    Property { name: "preserved_promise_create_key", check: EveryStep(create_key) },
    Property { name: "consistent_promise_complete_key", check: EveryStep(complete_key) },
    Property { name: "consistent_new_promise_born_clean", check: EveryStep(born_clean) },
    Property { name: "consistent_promise_state_edge_internal_admissible", check: Background(internal_edge) },
];

fn birth_fields_immutable(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| {
        before.param == after.param
            && before.tags == after.tags
            && before.timeout_at == after.timeout_at
            && before.created_at == after.created_at
    });
}

fn settled_record(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| {
        let same = before.state == after.state && before.value == after.value && before.settled_at == after.settled_at;
        implies(is_settled(before), same)
    });
}

fn state_frozen_once_settled(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| implies(is_settled(before), before.state == after.state));
}

fn settlement_is_one_way(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| implies(is_settled(before), is_settled(after)));
}

fn settled_at_moves_with_state(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| {
        (before.settled_at != after.settled_at) == (before.state != after.state)
    });
}

fn value_until_settlement(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| is_settled(after) || before.value == after.value);
}

fn no_duplicate_ids(step: &Step<'_>, details: &mut Details) {
    for (id, promise) in &step.after.promises {
        details.expect(*id == promise.id, (id, promise));
    }
}

fn set_grows(step: &Step<'_>, details: &mut Details) {
    for id in step.before.promises.keys() {
        details.expect(step.after.promises.contains_key(id) || step.purges(id), id);
    }
}

fn settled_after(step: &Step<'_>, awaited: &Id) -> bool {
    step.promise_after(awaited).is_some_and(is_settled)
}

fn settled_before(step: &Step<'_>, awaited: &Id) -> bool {
    step.promise_before(awaited).is_some_and(is_settled)
}

fn callbacks_grow(step: &Step<'_>, details: &mut Details) {
    for callback in step.consumed_callbacks() {
        details.expect(settled_after(step, &callback.0), callback);
    }
}

fn listeners_grow(step: &Step<'_>, details: &mut Details) {
    for listener in step.before.listeners.difference(&step.after.listeners) {
        details.expect(settled_after(step, &listener.0), listener);
    }
}

fn callbacks_shrink(step: &Step<'_>, details: &mut Details) {
    for callback in step.after.callbacks.difference(&step.before.callbacks) {
        details.expect(!settled_before(step, &callback.0), callback);
    }
}

fn listeners_shrink(step: &Step<'_>, details: &mut Details) {
    for listener in step.after.listeners.difference(&step.before.listeners) {
        details.expect(!settled_before(step, &listener.0), listener);
    }
}

fn state_edge_admissible(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| match before.state {
        PromiseState::Pending => true,
        PromiseState::Resolved
        | PromiseState::Rejected
        | PromiseState::RejectedCanceled
        | PromiseState::RejectedTimedout => before.state == after.state,
    });
}

pub(super) fn is_newly_settled(before: &Promise, after: &Promise) -> bool {
    !is_settled(before) && is_settled(after)
}

pub(super) fn is_settled_by_deadline(step: &Step<'_>, before: &Promise, after: &Promise) -> bool {
    after.settled_at == Some(after.timeout_at)
        && after.timeout_at <= step.now
        && after.state == verdict_at_deadline(&after.tags)
        && before.value == after.value
}

fn settlement_stamp(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| {
        let by_client = after.settled_at == Some(step.now)
            && step.now < after.timeout_at
            && after.state != PromiseState::RejectedTimedout;
        implies(is_newly_settled(before, after), by_client || is_settled_by_deadline(step, before, after))
    });
}

fn timedout_is_server_owned(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| {
        let timed_out = !is_settled(before) && after.state == PromiseState::RejectedTimedout;
        implies(timed_out, after.timeout_at <= step.now && after.settled_at == Some(after.timeout_at))
    });
}

fn create_key(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| before.create_key == after.create_key);
}

fn complete_key(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| {
        let in_time = after.settled_at.is_some_and(|at| at < after.timeout_at);
        let by_client = is_newly_settled(before, after) && in_time && client_settles(step.request) == Some(&after.id);
        before.complete_key == after.complete_key || by_client
    });
}

/// The promise for which a client brings a verdict.
fn client_settles(request: &Request) -> Option<&Id> {
    match request {
        Request::SettlePromise(settle)
        | Request::FulfillTask { settle, .. }
        | Request::FenceTask { action: FencedAction::Settle(settle), .. } => Some(&settle.id),
        Request::FenceTask { action: FencedAction::Create(_), .. }
        | Request::GetPromise { .. }
        | Request::CreatePromise(_)
        | Request::RegisterCallback { .. }
        | Request::RegisterListener { .. }
        | Request::SearchPromises(_)
        | Request::GetTask { .. }
        | Request::CreateTask { .. }
        | Request::AcquireTask { .. }
        | Request::HeartbeatTasks { .. }
        | Request::SuspendTask { .. }
        | Request::ReleaseTask { .. }
        | Request::HaltTask { .. }
        | Request::ContinueTask { .. }
        | Request::SearchTasks(_)
        | Request::GetSchedule { .. }
        | Request::CreateSchedule(_)
        | Request::DeleteSchedule { .. }
        | Request::SearchSchedules(_)
        | Request::TimeOutPromise { .. }
        | Request::DischargePromise { .. }
        | Request::ExpireLease { .. }
        | Request::DispatchTask { .. }
        | Request::RunSchedule { .. }
        | Request::PurgePromise { .. }
        | Request::ClaimMessage { .. }
        | Request::MessageDelivered { .. }
        | Request::MessageFailed { .. }
        | Request::MessageUnclaimed { .. } => None,
    }
}

fn born_clean(step: &Step<'_>, details: &mut Details) {
    for promise in step.new_promises() {
        let callbacks = step.after.callbacks.iter().any(|(awaited, _)| *awaited == promise.id);
        let listeners = step.after.listeners.iter().any(|(awaited, _)| *awaited == promise.id);
        let in_time = match promise.state {
            PromiseState::Pending => step.now < promise.timeout_at,
            PromiseState::Resolved
            | PromiseState::Rejected
            | PromiseState::RejectedCanceled
            | PromiseState::RejectedTimedout => {
                promise.settled_at == Some(promise.timeout_at) && promise.timeout_at <= step.now
            }
        };
        let empty = promise.value.is_absent() && promise.complete_key.is_none();
        details.expect(in_time && empty && !callbacks && !listeners, promise);
    }
}

fn internal_edge(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| {
        implies(is_newly_settled(before, after), is_settled_by_deadline(step, before, after))
    });
}
