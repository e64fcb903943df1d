//! Step properties of causes: what a step changes was asked for by its request, which had the right to it; what the server does by itself was due, and is
//! done whole. They are ours: the formal catalogue speaks of states and edges, hardly of who may take them.

use super::Check::Step as EveryStep;
use super::obligations::new_entries;
use super::promise_step::{is_newly_settled, is_settled_by_deadline};
use super::{Details, Property, Step, implies, is_live};
use crate::cron;
use crate::limits::MESSAGE_CLAIM;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::{Promise, PromiseState, is_targeted_timer, parse_delay, tag};
use crate::request::{Claim, CreatePromise, FencedAction, Request, SettlePromise, TaskRef, Verdict};
use crate::task::{Lease, Task, TaskState};
use crate::time::Timestamp;

pub(super) const PROPERTIES: &[Property] = &[
    Property { name: "consistent_promise_birth_is_asked_for", check: EveryStep(birth_is_asked_for) },
    Property { name: "consistent_promise_verdict_is_asked_for", check: EveryStep(verdict_is_asked_for) },
    Property { name: "consistent_task_state_edge_is_asked_for", check: EveryStep(state_edge_is_asked_for) },
    Property { name: "consistent_task_lease_extended_by_its_holder", check: EveryStep(lease_extended_by_its_holder) },
    Property { name: "consistent_task_birth_waits_for_its_delay", check: EveryStep(birth_waits_for_its_delay) },
    Property { name: "consistent_new_execute_waits_for_its_turn", check: EveryStep(execute_waits_for_its_turn) },
    Property { name: "consistent_execute_counts_unless_withdrawn", check: EveryStep(execute_counts_unless_withdrawn) },
    Property { name: "preserved_execute_until_its_turn", check: EveryStep(execute_until_its_turn) },
    Property { name: "consistent_claim_takes_what_is_free", check: EveryStep(claim_takes_what_is_free) },
    Property { name: "consistent_unblock_ends_with_its_retention", check: EveryStep(unblock_ends_with_its_retention) },
    Property { name: "consistent_schedule_fires_each_occurrence", check: EveryStep(schedule_fires_each_occurrence) },
];

/// Whether a request names a task at the version that it has.
fn names(named: &TaskRef, task: &Task) -> bool {
    named.id == task.id && named.version == task.version
}

/// Whether a worker holds the task that it names, whose promise is pending as of now.
fn is_held(step: &Step<'_>, held: &TaskRef) -> bool {
    let task = step.before.tasks.get(&held.id);
    task.is_some_and(|task| task.state == TaskState::Acquired && names(held, task))
        && step.promise_before(&held.id).is_some_and(|promise| is_live(promise, step.now))
}

fn birth_is_asked_for(step: &Step<'_>, details: &mut Details) {
    for promise in step.new_promises() {
        let by_client = matches!(step.request, Request::CreatePromise(create) | Request::CreateTask { promise: create, .. }
            if is_as_asked(promise, create));
        let by_holder = matches!(step.request, Request::FenceTask { task, action: FencedAction::Create(create) }
            if is_held(step, task) && is_as_asked(promise, create));
        let by_schedule = matches!(step.request, Request::RunSchedule { id, .. }
            if promise.tags.get(tag::SCHEDULE).is_some_and(|schedule| *schedule == **id));
        details.expect(by_client || by_holder || by_schedule, promise);
    }
}

/// A sleep loses its target; everything else is kept.
fn is_as_asked(promise: &Promise, create: &CreatePromise) -> bool {
    let lost = create.tags.keys().filter(|name| !promise.tags.contains_key(*name));
    promise.id == create.id
        && promise.param == create.param
        && promise.timeout_at == create.timeout_at
        && promise.create_key == create.key
        && promise.tags.iter().all(|(name, text)| create.tags.get(name) == Some(text))
        && lost.into_iter().all(|name| name == tag::TARGET && is_targeted_timer(&create.tags))
}

fn verdict_is_asked_for(step: &Step<'_>, details: &mut Details) {
    step.expect_promises(details, |before, after| {
        let by_client = is_newly_settled(before, after) && !is_settled_by_deadline(step, before, after);
        implies(by_client, brings(step, after))
    });
}

/// Whether the request settles a promise in this way.
fn brings(step: &Step<'_>, after: &Promise) -> bool {
    matches!(step.request, Request::SettlePromise(settle) if is_as_said(after, settle))
        || matches!(step.request,
            Request::FulfillTask { task, settle } | Request::FenceTask { task, action: FencedAction::Settle(settle) }
            if is_held(step, task) && is_as_said(after, settle) && !is_fence_of_itself(step.request))
}

/// A worker ends its own promise by a fulfil.
fn is_fence_of_itself(request: &Request) -> bool {
    matches!(request, Request::FenceTask { task, action } if *action.id() == task.id)
}

fn is_as_said(after: &Promise, settle: &SettlePromise) -> bool {
    let state = match settle.verdict {
        Verdict::Resolved => PromiseState::Resolved,
        Verdict::Rejected => PromiseState::Rejected,
        Verdict::RejectedCanceled => PromiseState::RejectedCanceled,
    };
    after.id == settle.id && after.state == state && after.value == settle.value && after.complete_key == settle.key
}

fn state_edge_is_asked_for(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| before.state == after.state || may_move(step, before, after));
}

/// Wake-ups and fulfilments are spoken of elsewhere.
fn may_move(step: &Step<'_>, before: &Task, after: &Task) -> bool {
    let request = step.request;
    match after.state {
        TaskState::Acquired => is_acquired_as_asked(request, before, after),
        TaskState::Suspended => matches!(request, Request::SuspendTask { task, .. } if names(task, before)),
        TaskState::Halted => matches!(request, Request::HaltTask { id } if *id == before.id),
        TaskState::Fulfilled => true,
        TaskState::Pending => match before.state {
            TaskState::Acquired => is_given_back(step, before),
            TaskState::Halted => matches!(request, Request::ContinueTask { id } if *id == before.id),
            TaskState::Pending | TaskState::Suspended => true,
            TaskState::Fulfilled => false,
        },
    }
}

fn is_acquired_as_asked(request: &Request, before: &Task, after: &Task) -> bool {
    let is_for = |lease: Option<&Lease>, pid: &str| lease.is_some_and(|lease| *lease.pid == *pid);
    let lease = after.lease.as_ref();
    matches!(request, Request::AcquireTask { task, pid, .. } if names(task, before) && is_for(lease, pid))
        || matches!(request, Request::CreateTask { pid, promise, .. } if promise.id == before.id && is_for(lease, pid))
}

/// Whether its holder gives a task back, or its lease has ended.
fn is_given_back(step: &Step<'_>, before: &Task) -> bool {
    let has_ended = before.lease.as_ref().is_some_and(|lease| lease.expires_at <= step.now);
    matches!(step.request, Request::ReleaseTask { task } if names(task, before))
        || (has_ended && matches!(step.request, Request::ExpireLease { id } if *id == before.id))
}

fn lease_extended_by_its_holder(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let (Some(lease), Some(extended)) = (&before.lease, &after.lease) else { return true };
        // Who names no task means all of its own, unless that must be said.
        let is_of =
            |tasks: &[TaskRef]| tasks.is_empty() && !step.rules.strict || tasks.iter().any(|task| names(task, before));
        lease.expires_at == extended.expires_at
            || matches!(step.request, Request::HeartbeatTasks { pid, tasks, .. } if *pid == lease.pid && is_of(tasks))
    });
}

/// The instant before which a task is not dispatched, of one that nobody has acquired.
fn delay(promise: Option<&Promise>) -> Option<Timestamp> {
    promise.and_then(|promise| promise.tags.get(tag::DELAY)).and_then(|text| parse_delay(text))
}

fn birth_waits_for_its_delay(step: &Step<'_>, details: &mut Details) {
    for task in step.new_tasks().filter(|task| task.state == TaskState::Pending) {
        let delay = delay(step.promise_after(&task.id));
        details.expect(delay.is_none_or(|delay| task.retry_at >= Some(delay)), (task, delay));
    }
}

// When it leaves is noted with the task: not before the hold-back of a worker that keeps failing, the first ones not before their delay.
fn execute_waits_for_its_turn(step: &Step<'_>, details: &mut Details) {
    for entry in new_entries(step) {
        match &entry.key {
            MessageKey::Execute { task } => {
                let (before, after) = (step.before.tasks.get(task), step.after.tasks.get(task));
                let turn = before.map_or(step.now, |task| task.execute_not_before(step.now));
                let delay = delay(step.promise_after(task)).filter(|_| entry.version == 0);
                let leaves_at = after.and_then(|task| task.execute_at);
                let waits = leaves_at >= Some(turn) && delay.is_none_or(|delay| leaves_at >= Some(delay));
                details.expect(waits, (before, after, delay));
            }
            MessageKey::Unblock { .. } => {}
        }
    }
}

// What nobody can have heard does not count, and leaves its turn to the next one.
fn execute_counts_unless_withdrawn(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let key = MessageKey::Execute { task: after.id.clone() };
        let entry = step.before.messages.get(&key).filter(|entry| before.holds_back(entry, step.now));
        let is_withdrawn = entry.is_some() && !step.after.messages.contains_key(&key);
        match after.state {
            TaskState::Suspended | TaskState::Fulfilled => after.executes == 0,
            TaskState::Acquired | TaskState::Halted if is_withdrawn => {
                let turn = Some(after.execute_not_before(step.now));
                after.executes + 1 == before.executes && turn <= before.execute_at
            }
            TaskState::Pending | TaskState::Acquired | TaskState::Halted => {
                let is_new = new_entries(step).any(|entry| entry.key == key);
                after.executes == before.executes.saturating_add(u32::from(is_new))
            }
        }
    });
}

// Nobody has had it yet, so that nobody can say how it went.
fn execute_until_its_turn(step: &Step<'_>, details: &mut Details) {
    for (key, entry) in &step.before.messages {
        let before = step.before.tasks.get(key.id()).filter(|task| task.holds_back(entry, step.now));
        let Some(before) = before else { continue };
        let is_kept = step.after.messages.get(key) == Some(entry);
        let is_over = step.after.tasks.get(key.id()).is_none_or(|after| after.state != TaskState::Pending);
        details.expect(is_kept || is_over, (before, entry));
    }
}

// Who has claimed a message delivers it; others wait until that claim ends, unless he is known to be gone.
fn claim_takes_what_is_free(step: &Step<'_>, details: &mut Details) {
    for (key, before) in &step.before.messages {
        let Some(after) = step.after.messages.get(key).filter(|after| after.created_at == before.created_at) else {
            continue;
        };
        let is_claimed = after.due_at == step.now + MESSAGE_CLAIM && after.due_at != before.due_at && !after.parked;
        let is_put_off = matches!(step.request, Request::MessageFailed { key: of, .. } if of == key);
        let may_claim = matches!(step.request, Request::ClaimMessage { key: of, claim }
            if of == key && is_free(step, before, *claim));
        details.expect(implies(is_claimed && !is_put_off, may_claim), (before, after));
    }
}

fn is_free(step: &Step<'_>, entry: &OutboxEntry, claim: Claim) -> bool {
    let task = step.before.tasks.get(entry.key.id());
    let is_held_back = task.is_some_and(|task| task.holds_back(entry, step.now));
    let is_claimed = entry.due_at < step.now + MESSAGE_CLAIM && !entry.parked && !is_held_back;
    let is_due = entry.due_at <= step.now;
    match claim {
        Claim::Due => is_due,
        Claim::Connected => is_due || entry.parked,
        Claim::Orphaned => is_due || is_claimed,
    }
}

fn unblock_ends_with_its_retention(step: &Step<'_>, details: &mut Details) {
    for (key, before) in &step.before.messages {
        match key {
            MessageKey::Execute { .. } => {}
            MessageKey::Unblock { .. } => {
                let has_ended = before.created_at + step.rules.unblock_retention <= step.now;
                let is_taken = step.after.messages.get(key).is_some_and(|after| after.due_at > before.due_at);
                let is_reported = matches!(step.request,
                    Request::MessageFailed { key: of, .. } | Request::MessageUnclaimed { key: of, .. } if of == key);
                details.expect(implies(has_ended && is_taken, is_reported), before);
            }
        }
    }
}

fn schedule_fires_each_occurrence(step: &Step<'_>, details: &mut Details) {
    for (id, before) in &step.before.schedules {
        let Some(after) = step.after.schedules.get(id) else { continue };
        if (before.last_run_at, before.next_run_at) == (after.last_run_at, after.next_run_at) {
            continue;
        }
        let occurrence = before.next_run_at;
        let is_due =
            matches!(step.request, Request::RunSchedule { id: run, .. } if run == id) && occurrence <= step.now;
        let next = cron::next_occurrence(&before.cron, occurrence).unwrap_or(Timestamp::MAX);
        let has_fired = before.promise_id_at(occurrence).is_ok_and(|fired| step.after.promises.contains_key(&fired));
        let goes_on = after.last_run_at == Some(occurrence) && after.next_run_at == next;
        details.expect(is_due && has_fired && goes_on, (before, after));
    }
}
