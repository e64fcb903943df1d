//! Step properties of a task's lease and of its retry clock.

use super::Check::Step as EveryStep;
use super::{Details, Property, Step, implies};
use crate::task::{Task, TaskState};

pub(super) const PROPERTIES: &[Property] = &[
    Property { name: "consistent_task_acquisition_is_atomic", check: EveryStep(acquisition_is_atomic) },
    Property { name: "consistent_task_lease_released_atomically", check: EveryStep(lease_released_atomically) },
    Property { name: "preserved_task_lease_holder_stable", check: EveryStep(lease_holder_stable) },
    Property { name: "consistent_task_lease_fields_move_together", check: EveryStep(lease_fields_move_together) },
    Property { name: "consistent_task_lease_deadline_is_now_plus_ttl", check: EveryStep(deadline_is_now_plus_ttl) },
    Property { name: "consistent_task_pending_entry_arms_retry", check: EveryStep(pending_entry_arms_retry) },
    Property { name: "consistent_task_retry_rearm_only_when_due", check: EveryStep(rearm_only_when_due) },
    Property { name: "monotone_task_retry_rearm_advances", check: EveryStep(rearm_advances) },
];

fn is_acquired(task: &Task) -> bool {
    task.state == TaskState::Acquired
}

fn acquisition_is_atomic(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let full = after.lease.as_ref().is_some_and(|lease| lease.expires_at == step.now + lease.ttl);
        let acquired = !is_acquired(before) && is_acquired(after);
        implies(acquired, full && after.retry_at.is_none() && after.resumes.is_empty())
    });
}

fn lease_released_atomically(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        implies(is_acquired(before) && !is_acquired(after), after.lease.is_none())
    });
}

fn lease_holder_stable(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| match (&before.lease, &after.lease) {
        (Some(before), Some(after)) => before.pid == after.pid && before.ttl == after.ttl,
        (None, _) | (_, None) => true,
    });
}

fn lease_fields_move_together(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let moved = before.lease.is_some() != after.lease.is_some();
        moved == (is_acquired(before) != is_acquired(after))
    });
}

fn deadline_is_now_plus_ttl(step: &Step<'_>, details: &mut Details) {
    let tasks = step.tasks().map(|(before, after)| (before.lease.as_ref(), after));
    for (before, after) in tasks.chain(step.new_tasks().map(|task| (None, task))) {
        let set = after.lease.as_ref().filter(|lease| before != Some(*lease));
        details.expect(set.is_none_or(|lease| lease.expires_at == step.now + lease.ttl), (before, after));
    }
}

fn pending_entry_arms_retry(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let enters = before.state != TaskState::Pending && after.state == TaskState::Pending;
        implies(enters, after.retry_at == Some(step.now))
    });
}

fn is_rearm(before: &Task, after: &Task) -> bool {
    before.state == TaskState::Pending && after.state == TaskState::Pending && before.retry_at != after.retry_at
}

fn rearm_only_when_due(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        implies(is_rearm(before, after), before.retry_at.is_some_and(|due| due <= step.now))
    });
}

fn rearm_advances(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| implies(is_rearm(before, after), before.retry_at < after.retry_at));
}
