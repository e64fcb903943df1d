//! State properties of schedules, and of records together.

use std::collections::BTreeSet;

use super::Check::State;
use super::{Details, Moment, Property, implies, is_live, is_settled};
use crate::address::Address;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::{is_timer, tag};
use crate::schedule::Schedule;
use crate::task::TaskState;

pub(super) const PROPERTIES: &[Property] = &[
    Property { name: "well_formed_schedule_promise_tags_not_timer_targeted", check: State(tags_not_timer_targeted) },
    Property { name: "well_formed_schedule_created_at_lte_next_run_at", check: State(created_at_lte_next_run_at) },
    Property { name: "well_formed_schedule_created_at_lte_last_run_at", check: State(created_at_lte_last_run_at) },
    Property { name: "well_formed_schedule_last_run_at_lt_next_run_at", check: State(last_run_at_lt_next_run_at) },
    Property { name: "well_formed_store_promise_ids_unique", check: State(promise_ids_unique) },
    Property { name: "well_formed_store_task_ids_unique", check: State(task_ids_unique) },
    Property { name: "well_formed_store_schedule_ids_unique", check: State(schedule_ids_unique) },
    Property { name: "well_formed_store_outbox_keys_unique", check: State(outbox_keys_unique) },
    Property { name: "consistent_task_iff_targeted_promise", check: State(task_iff_targeted_promise) },
    Property { name: "consistent_settled_promise_has_fulfilled_task", check: State(settled_promise_fulfilled_task) },
    Property { name: "consistent_settled_task_promise_settled", check: State(fulfilled_task_settled_promise) },
    Property { name: "consistent_callback_awaiter_is_targeted", check: State(awaiter_is_targeted) },
    Property { name: "consistent_listener_addresses_deliverable", check: State(listener_addresses_deliverable) },
    Property { name: "consistent_suspended_task_holds_rung", check: State(suspended_task_holds_rung) },
    Property { name: "consistent_outbox_execute_names_existing_task", check: State(execute_names_existing_task) },
    Property { name: "consistent_outbox_never_ahead", check: State(execute_never_ahead) },
    Property { name: "consistent_outbox_execute_address_is_target_tag", check: State(execute_address_is_target) },
    Property { name: "consistent_outbox_unblock_names_settled_promise", check: State(unblock_names_settled_promise) },
    Property { name: "consistent_outbox_unblock_address_deliverable", check: State(unblock_address_deliverable) },
];

fn expect_schedules(moment: &Moment<'_>, details: &mut Details, holds: impl Fn(&Schedule) -> bool) {
    for schedule in moment.state.schedules.values() {
        details.expect(holds(schedule), schedule);
    }
}

fn expect_messages(moment: &Moment<'_>, details: &mut Details, holds: impl Fn(&OutboxEntry) -> bool) {
    for entry in moment.state.messages.values() {
        details.expect(holds(entry), entry);
    }
}

fn tags_not_timer_targeted(moment: &Moment<'_>, details: &mut Details) {
    expect_schedules(moment, details, |schedule| {
        !(is_timer(&schedule.promise_tags) && schedule.promise_tags.contains_key(tag::TARGET))
    });
}

fn created_at_lte_next_run_at(moment: &Moment<'_>, details: &mut Details) {
    expect_schedules(moment, details, |schedule| schedule.created_at <= schedule.next_run_at);
}

fn created_at_lte_last_run_at(moment: &Moment<'_>, details: &mut Details) {
    expect_schedules(moment, details, |schedule| schedule.last_run_at.is_none_or(|last| schedule.created_at <= last));
}

fn last_run_at_lt_next_run_at(moment: &Moment<'_>, details: &mut Details) {
    expect_schedules(moment, details, |schedule| schedule.last_run_at.is_none_or(|last| last < schedule.next_run_at));
}

// A snapshot is keyed: a record under a key that is not its own would be the second one of its id.
fn promise_ids_unique(moment: &Moment<'_>, details: &mut Details) {
    for (id, promise) in &moment.state.promises {
        details.expect(*id == promise.id, (id, promise));
    }
}

fn task_ids_unique(moment: &Moment<'_>, details: &mut Details) {
    for (id, task) in &moment.state.tasks {
        details.expect(*id == task.id, (id, task));
    }
}

fn schedule_ids_unique(moment: &Moment<'_>, details: &mut Details) {
    for (id, schedule) in &moment.state.schedules {
        details.expect(*id == schedule.id, (id, schedule));
    }
}

fn outbox_keys_unique(moment: &Moment<'_>, details: &mut Details) {
    for (key, entry) in &moment.state.messages {
        details.expect(*key == entry.key, (key, entry));
    }
}

fn task_iff_targeted_promise(moment: &Moment<'_>, details: &mut Details) {
    moment
        .expect_promises(details, |promise| promise.target().is_some() == moment.state.tasks.contains_key(&promise.id));
    moment.expect_tasks(details, |task| moment.state.promises.contains_key(&task.id));
}

fn settled_promise_fulfilled_task(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| {
        let settled = moment.promise(&task.id).is_some_and(is_settled);
        implies(settled, task.state == TaskState::Fulfilled)
    });
}

fn fulfilled_task_settled_promise(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| {
        implies(task.state == TaskState::Fulfilled, moment.promise(&task.id).is_some_and(is_settled))
    });
}

fn awaiter_is_targeted(moment: &Moment<'_>, details: &mut Details) {
    for (awaited, awaiter) in &moment.state.callbacks {
        let targeted = moment.promise(awaiter).is_some_and(|promise| promise.target().is_some());
        details.expect(targeted, (awaited, awaiter));
    }
}

fn listener_addresses_deliverable(moment: &Moment<'_>, details: &mut Details) {
    for (awaited, address) in &moment.state.listeners {
        details.expect(Address::parse(address.as_str()).is_ok(), (awaited, address));
    }
}

fn suspended_task_holds_rung(moment: &Moment<'_>, details: &mut Details) {
    let mut awaiters = BTreeSet::new();
    awaiters.extend(moment.state.callbacks.iter().map(|(_, awaiter)| awaiter));
    moment.expect_tasks(details, |task| {
        let live = moment.promise(&task.id).is_some_and(|promise| is_live(promise, moment.now));
        implies(task.state == TaskState::Suspended && live, awaiters.contains(&task.id))
    });
}

fn execute_names_existing_task(moment: &Moment<'_>, details: &mut Details) {
    expect_messages(moment, details, |entry| match &entry.key {
        MessageKey::Execute { task } => moment.state.tasks.contains_key(task),
        MessageKey::Unblock { .. } => true,
    });
}

fn execute_never_ahead(moment: &Moment<'_>, details: &mut Details) {
    expect_messages(moment, details, |entry| match &entry.key {
        MessageKey::Execute { task } => moment.state.tasks.get(task).is_none_or(|task| entry.version <= task.version),
        MessageKey::Unblock { .. } => true,
    });
}

fn execute_address_is_target(moment: &Moment<'_>, details: &mut Details) {
    expect_messages(moment, details, |entry| match &entry.key {
        MessageKey::Execute { task } => {
            moment.promise(task).is_none_or(|promise| promise.target() == Some(entry.address.as_str()))
        }
        MessageKey::Unblock { .. } => true,
    });
}

fn unblock_names_settled_promise(moment: &Moment<'_>, details: &mut Details) {
    expect_messages(moment, details, |entry| match &entry.key {
        MessageKey::Execute { .. } => true,
        MessageKey::Unblock { promise, .. } => moment.promise(promise).is_some_and(is_settled),
    });
}

fn unblock_address_deliverable(moment: &Moment<'_>, details: &mut Details) {
    expect_messages(moment, details, |entry| match &entry.key {
        MessageKey::Execute { .. } => true,
        MessageKey::Unblock { address, .. } => {
            *address == entry.address && Address::parse(entry.address.as_str()).is_ok()
        }
    });
}
