//! State properties of promises and of who waits for them.

use super::Check::State;
use super::{Details, Moment, Property, implies, is_settled};
use crate::address::Address;
use crate::promise::{PromiseState, is_timer, parse_delay, tag, verdict_at_deadline};

pub(super) const PROPERTIES: &[Property] = &[
    Property { name: "well_formed_promise_created_at_lte_timeout_at", check: State(created_at_lte_timeout_at) },
    Property { name: "well_formed_promise_pending_created_before_deadline", check: State(pending_created_in_time) },
    Property { name: "well_formed_promise_settled_at_lte_timeout_at", check: State(settled_at_lte_timeout_at) },
    Property { name: "well_formed_promise_created_at_lte_settled_at", check: State(created_at_lte_settled_at) },
    Property { name: "well_formed_promise_settled_at_iff_not_pending", check: State(settled_at_iff_not_pending) },
    Property { name: "well_formed_promise_pending_has_no_value", check: State(pending_has_no_value) },
    Property { name: "well_formed_promise_deadline_verdict_matches_timer_tag", check: State(deadline_verdict) },
    Property { name: "well_formed_promise_deadline_settlement_has_no_value", check: State(deadline_has_no_value) },
    Property { name: "well_formed_promise_timer_not_targeted", check: State(timer_not_targeted) },
    Property { name: "well_formed_promise_timedout_is_server_owned", check: State(timedout_is_server_owned) },
    Property { name: "well_formed_promise_callbacks_unique", check: State(callbacks_unique) },
    Property { name: "well_formed_promise_listeners_unique", check: State(listeners_unique) },
    Property { name: "well_formed_promise_obligations_require_external", check: State(obligations_need_awaitable) },
    Property { name: "well_formed_promise_awaiter_is_not_self", check: State(awaiter_is_not_self) },
    Property { name: "well_formed_promise_created_at_lte_now", check: State(created_at_lte_now) },
    Property { name: "well_formed_promise_settled_at_lte_now", check: State(settled_at_lte_now) },
    Property { name: "well_formed_promise_target_is_nonempty", check: State(target_is_routable) },
    Property { name: "well_formed_promise_delay_before_deadline", check: State(delay_before_deadline) },
];

fn created_at_lte_timeout_at(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| promise.created_at <= promise.timeout_at);
}

fn pending_created_in_time(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| is_settled(promise) || promise.created_at < promise.timeout_at);
}

fn settled_at_lte_timeout_at(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| promise.settled_at.is_none_or(|at| at <= promise.timeout_at));
}

fn created_at_lte_settled_at(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| promise.settled_at.is_none_or(|at| promise.created_at <= at));
}

fn settled_at_iff_not_pending(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| promise.settled_at.is_some() == is_settled(promise));
}

fn pending_has_no_value(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| is_settled(promise) || promise.value.is_absent());
}

fn deadline_verdict(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| {
        let at_deadline = promise.settled_at == Some(promise.timeout_at);
        implies(at_deadline, promise.state == verdict_at_deadline(&promise.tags))
    });
}

fn deadline_has_no_value(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| {
        implies(promise.settled_at == Some(promise.timeout_at), promise.value.is_absent())
    });
}

fn timer_not_targeted(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| !(is_timer(&promise.tags) && promise.target().is_some()));
}

fn timedout_is_server_owned(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| {
        implies(promise.state == PromiseState::RejectedTimedout, promise.settled_at == Some(promise.timeout_at))
    });
}

// A snapshot holds waiters as sets of pairs; a neighbour that is equal would be a second one.
fn callbacks_unique(moment: &Moment<'_>, details: &mut Details) {
    let rows: Vec<_> = moment.state.callbacks.iter().collect();
    details.expect(rows.windows(2).all(|pair| pair[0] != pair[1]), &moment.state.callbacks);
}

fn listeners_unique(moment: &Moment<'_>, details: &mut Details) {
    let rows: Vec<_> = moment.state.listeners.iter().collect();
    details.expect(rows.windows(2).all(|pair| pair[0] != pair[1]), &moment.state.listeners);
}

fn obligations_need_awaitable(moment: &Moment<'_>, details: &mut Details) {
    let listeners = moment.state.listeners.iter().map(|(awaited, _)| awaited);
    for awaited in moment.state.callbacks.iter().map(|(awaited, _)| awaited).chain(listeners) {
        let promise = moment.promise(awaited);
        details.expect(promise.is_some_and(|promise| promise.is_awaitable(moment.rules)), (awaited, promise));
    }
}

fn awaiter_is_not_self(moment: &Moment<'_>, details: &mut Details) {
    for (awaited, awaiter) in &moment.state.callbacks {
        details.expect(awaited != awaiter, awaited);
    }
}

fn created_at_lte_now(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| promise.created_at <= moment.now);
}

fn settled_at_lte_now(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| promise.settled_at.is_none_or(|at| at <= moment.now));
}

fn target_is_routable(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| promise.target().is_none_or(|target| Address::parse(target).is_ok()));
}

fn delay_before_deadline(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_promises(details, |promise| match promise.tags.get(tag::DELAY) {
        None => true,
        Some(delay) => parse_delay(delay).is_some_and(|delay| delay < promise.timeout_at),
    });
}
