//! Step properties of waiters, of the outbox and of schedules.

use std::collections::BTreeSet;

use super::Check::Step as EveryStep;
use super::{Details, Property, Step, is_live, is_settled};
use crate::id::Id;
use crate::message::{MessageKey, OutboxEntry};
use crate::request::Request;
use crate::task::TaskState;

pub(super) const PROPERTIES: &[Property] = &[
    Property { name: "consistent_obligation_discharge_requires_settled", check: EveryStep(discharge_needs_settled) },
    Property { name: "consistent_callback_consumption_resumes_awaiter", check: EveryStep(callback_resumes_awaiter) },
    Property { name: "consistent_wake_follows_callback_consumption", check: EveryStep(wake_follows_callback) },
    Property { name: "consistent_suspension_registers_callback", check: EveryStep(suspension_registers_callback) },
    Property { name: "consistent_listener_consumption_enqueues_unblock", check: EveryStep(listener_enqueues_unblock) },
    Property { name: "consistent_new_unblock_carries_stored_record", check: EveryStep(unblock_carries_record) },
    Property { name: "consistent_new_unblock_discharges_its_listener", check: EveryStep(unblock_discharges_listener) },
    Property { name: "consistent_new_execute_matches_task_and_target", check: EveryStep(execute_matches_task) },
    Property { name: "preserved_execute_only_for_live_task", check: EveryStep(execute_only_for_live_task) },
    Property { name: "monotone_outbox_keys_never_disappear", check: EveryStep(outbox_keys_never_disappear) },
    Property { name: "preserved_schedule_birth_fields_immutable", check: EveryStep(schedule_birth_fields) },
];

fn discharge_needs_settled(step: &Step<'_>, details: &mut Details) {
    let callbacks = step.consumed_callbacks().map(|(awaited, _)| awaited);
    let listeners = step.before.listeners.difference(&step.after.listeners).map(|(awaited, _)| awaited);
    for awaited in callbacks.chain(listeners) {
        details.expect(step.promise_after(awaited).is_some_and(is_settled), awaited);
    }
}

fn callback_resumes_awaiter(step: &Step<'_>, details: &mut Details) {
    for (awaited, awaiter) in step.consumed_callbacks() {
        let task = step.after.tasks.get(awaiter);
        let is_live = step.promise_after(awaiter).is_some_and(|promise| is_live(promise, step.now));
        let is_told = |resumes: &BTreeSet<Id>| is_live && resumes.contains(awaited);
        let told = task.is_some_and(|task| task.state == TaskState::Fulfilled || is_told(&task.resumes));
        details.expect(told, (awaited, task));
    }
}

fn wake_follows_callback(step: &Step<'_>, details: &mut Details) {
    for (before, after) in step.tasks() {
        if before.state == TaskState::Suspended && after.state == TaskState::Pending {
            let told = step.consumed_callbacks().any(|(_, awaiter)| *awaiter == after.id);
            details.expect(told, (before, after));
        }
    }
}

fn suspension_registers_callback(step: &Step<'_>, details: &mut Details) {
    for (before, after) in step.tasks() {
        if before.state == TaskState::Suspended || after.state != TaskState::Suspended {
            continue;
        }
        let registered = |awaited: &Id| {
            let live = step.promise_after(awaited).is_some_and(|promise| is_live(promise, step.now));
            live && step.after.callbacks.contains(&(awaited.clone(), after.id.clone()))
        };
        let holds = matches!(step.request, Request::SuspendTask { task, awaited }
            if task.id == after.id && awaited.iter().all(registered));
        details.expect(holds, (before, after));
    }
}

/// Entries that were not in the outbox before, or stand for another version, or were put in anew.
pub(super) fn new_entries<'a>(step: &Step<'a>) -> impl Iterator<Item = &'a OutboxEntry> {
    let before = &step.before.messages;
    let is_known = move |entry: &OutboxEntry| {
        before
            .get(&entry.key)
            .is_some_and(|known| known.version == entry.version && known.created_at == entry.created_at)
    };
    step.after.messages.values().map(|entry| &**entry).filter(move |entry| !is_known(entry))
}

fn listener_enqueues_unblock(step: &Step<'_>, details: &mut Details) {
    for (promise, address) in step.before.listeners.difference(&step.after.listeners) {
        let key = MessageKey::Unblock { promise: promise.clone(), address: address.clone() };
        let is_new = !step.before.messages.contains_key(&key) && step.after.messages.contains_key(&key);
        details.expect(is_new, key);
    }
}

// An entry names the promise, whose record is read when the message leaves: it carries what is stored once that is settled for good.
fn unblock_carries_record(step: &Step<'_>, details: &mut Details) {
    for entry in new_entries(step) {
        match &entry.key {
            MessageKey::Execute { .. } => {}
            MessageKey::Unblock { promise, address } => {
                let settled = step.promise_after(promise).is_some_and(is_settled);
                details.expect(settled && *address == entry.address && entry.version == 0, entry);
            }
        }
    }
}

fn unblock_discharges_listener(step: &Step<'_>, details: &mut Details) {
    for entry in new_entries(step) {
        match &entry.key {
            MessageKey::Execute { .. } => {}
            MessageKey::Unblock { promise, address } => {
                let listener = (promise.clone(), address.clone());
                let left = step.before.listeners.contains(&listener) && !step.after.listeners.contains(&listener);
                details.expect(left, entry);
            }
        }
    }
}

fn execute_matches_task(step: &Step<'_>, details: &mut Details) {
    for entry in new_entries(step) {
        match &entry.key {
            MessageKey::Execute { task } => {
                let version = step.after.tasks.get(task).map(|task| task.version);
                let target = step.promise_after(task).and_then(|promise| promise.target());
                let matches = version == Some(entry.version) && target == Some(entry.address.as_str());
                details.expect(matches, (entry, version, target));
            }
            MessageKey::Unblock { .. } => {}
        }
    }
}

fn execute_only_for_live_task(step: &Step<'_>, details: &mut Details) {
    for entry in new_entries(step) {
        match &entry.key {
            MessageKey::Execute { task } => {
                let promise = step.promise_after(task);
                details.expect(promise.is_some_and(|promise| is_live(promise, step.now)), (entry, promise));
            }
            MessageKey::Unblock { .. } => {}
        }
    }
}

fn outbox_keys_never_disappear(step: &Step<'_>, details: &mut Details) {
    for (key, entry) in &step.before.messages {
        if step.after.messages.contains_key(key) {
            continue;
        }
        let delivered = matches!(step.request, Request::MessageDelivered { key: delivered, version }
            if delivered == key && *version == entry.version);
        let ended = match key {
            MessageKey::Execute { task } => {
                let task = step.after.tasks.get(task);
                !task.is_some_and(|task| task.state == TaskState::Pending && task.version == entry.version)
            }
            MessageKey::Unblock { .. } => entry.created_at + step.rules.unblock_retention <= step.now,
        };
        details.expect(delivered || ended, entry);
    }
}

fn schedule_birth_fields(step: &Step<'_>, details: &mut Details) {
    for (id, before) in &step.before.schedules {
        let Some(after) = step.after.schedules.get(id) else { continue };
        let same = before.id == after.id
            && before.cron == after.cron
            && before.promise_id == after.promise_id
            && before.promise_timeout == after.promise_timeout
            && before.promise_param == after.promise_param
            && before.promise_tags == after.promise_tags
            && before.created_at == after.created_at;
        details.expect(same, (before, after));
    }
}
