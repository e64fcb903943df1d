//! Step properties of tasks: birth, versions, states, settlement, resumes.

use super::Check::{Background, Step as EveryStep};
use super::{Details, Property, Step, implies, is_settled};
use crate::id::Id;
use crate::promise::Promise;
use crate::request::Request;
use crate::task::{Task, TaskState};

pub(super) const PROPERTIES: &[Property] = &[
    Property { name: "monotone_task_set_grows", check: EveryStep(set_grows) },
    Property { name: "monotone_task_version_increases_only_on_acquisition", check: EveryStep(version) },
    Property { name: "preserved_fulfilled_task", check: EveryStep(fulfilled_task) },
    Property { name: "consistent_task_state_edge_admissible", check: EveryStep(state_edge) },
    Property { name: "preserved_task_acquisition_only_from_pending", check: EveryStep(acquired_from_pending) },
    Property { name: "preserved_task_suspension_only_from_acquired", check: EveryStep(suspended_from_acquired) },
    Property { name: "preserved_task_halted_only_reenters_via_pending", check: EveryStep(halted_to_pending) },
    Property { name: "consistent_settlement_fulfils_task", check: EveryStep(settlement_fulfils_task) },
    Property { name: "consistent_task_fulfilment_needs_settlement", check: EveryStep(fulfilment_needs_settlement) },
    Property { name: "consistent_task_birth_couples_promise_birth", check: EveryStep(birth_couples_promise_birth) },
    Property { name: "consistent_task_birth_state", check: EveryStep(birth_state) },
    Property { name: "monotone_task_resumes_grow_or_clear", check: EveryStep(resumes_grow_or_clear) },
    Property {
        name: "consistent_task_resumes_cleared_only_on_dispatch_or_park",
        check: EveryStep(resumes_cleared_by_the_worker),
    },
    Property { name: "consistent_task_wake_records_resume", check: EveryStep(wake_records_resume) },
    Property { name: "preserved_no_dead_dispatch", check: EveryStep(no_dead_dispatch) },
    Property { name: "consistent_task_state_edge_internal_admissible", check: Background(internal_edge) },
];

fn set_grows(step: &Step<'_>, details: &mut Details) {
    for id in step.before.tasks.keys() {
        details.expect(step.after.tasks.contains_key(id) || step.purges(id), id);
    }
}

fn is_acquisition(before: &Task, after: &Task) -> bool {
    before.state == TaskState::Pending && after.state == TaskState::Acquired
}

fn version(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        after.version == before.version + u64::from(is_acquisition(before, after))
    });
}

fn fulfilled_task(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| implies(before.state == TaskState::Fulfilled, before == after));
}

fn state_edge(step: &Step<'_>, details: &mut Details) {
    use TaskState::{Acquired, Fulfilled, Halted, Pending, Suspended};
    step.expect_tasks(details, |before, after| {
        let admissible: &[TaskState] = match before.state {
            Pending => &[Pending, Acquired, Halted, Fulfilled],
            Acquired => &TaskState::ALL,
            Suspended => &[Pending, Suspended, Halted, Fulfilled],
            Halted => &[Pending, Halted, Fulfilled],
            Fulfilled => &[Fulfilled],
        };
        admissible.contains(&after.state)
    });
}

fn acquired_from_pending(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let enters = after.state == TaskState::Acquired && before.state != TaskState::Acquired;
        implies(enters, before.state == TaskState::Pending)
    });
}

fn suspended_from_acquired(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let enters = after.state == TaskState::Suspended && before.state != TaskState::Suspended;
        implies(enters, before.state == TaskState::Acquired)
    });
}

fn halted_to_pending(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let left = before.state == TaskState::Halted && after.state != TaskState::Halted;
        implies(left, matches!(after.state, TaskState::Pending | TaskState::Fulfilled))
    });
}

/// Whether the promise became settled in this step.
fn settles(step: &Step<'_>, id: &Id) -> bool {
    let before = step.promise_before(id).is_some_and(|promise| !is_settled(promise));
    before && step.promise_after(id).is_some_and(is_settled)
}

fn settlement_fulfils_task(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| implies(settles(step, &before.id), after.state == TaskState::Fulfilled));
}

fn fulfilment_needs_settlement(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let fulfils = before.state != TaskState::Fulfilled && after.state == TaskState::Fulfilled;
        implies(fulfils, settles(step, &before.id))
    });
}

fn birth_couples_promise_birth(step: &Step<'_>, details: &mut Details) {
    for task in step.new_tasks() {
        let born = step.promise_before(&task.id).is_none() && step.promise_after(&task.id).is_some();
        details.expect(born, task);
    }
    for promise in step.new_promises().filter(|promise| promise.target().is_some()) {
        let born = !step.before.tasks.contains_key(&promise.id) && step.after.tasks.contains_key(&promise.id);
        details.expect(born, promise);
    }
}

fn birth_state(step: &Step<'_>, details: &mut Details) {
    for task in step.new_tasks() {
        let born = match task.state {
            TaskState::Pending => task.version == 0 && task.retry_at.is_some_and(|due| due >= step.now),
            TaskState::Acquired => {
                let lease = task.lease.as_ref();
                task.version >= 1 && lease.is_some_and(|lease| lease.expires_at == step.now + lease.ttl)
            }
            TaskState::Fulfilled => task.version == 0,
            TaskState::Suspended | TaskState::Halted => false,
        };
        details.expect(born, task);
    }
}

/// Whether every resume that was there is still there.
fn keeps_resumes(before: &Task, after: &Task) -> bool {
    before.resumes.is_subset(&after.resumes)
}

// A suspension that finds an overdue promise clears the resumes and settles that promise in one step, whose discharge may record it again.
fn resumes_grow_or_clear(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let recorded_now = |awaited: &Id| {
            let callback = (awaited.clone(), after.id.clone());
            step.before.callbacks.contains(&callback) && !step.after.callbacks.contains(&callback)
        };
        keeps_resumes(before, after) || after.resumes.iter().all(recorded_now)
    });
}

fn resumes_cleared_by_the_worker(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let goes_on = matches!(step.request, Request::SuspendTask { task, .. } if task.id == before.id);
        let clears = is_acquisition(before, after) || goes_on || after.state == TaskState::Fulfilled;
        keeps_resumes(before, after) || clears
    });
}

fn wake_records_resume(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| {
        let wakes = before.state == TaskState::Suspended && after.state == TaskState::Pending;
        let due = after.retry_at == Some(step.now);
        implies(wakes, !after.resumes.is_empty() && due && before.version == after.version)
    });
}

fn no_dead_dispatch(step: &Step<'_>, details: &mut Details) {
    let alive = |promise: Option<&Promise>| promise.is_some_and(|promise| step.now < promise.timeout_at);
    for (id, after) in step.after.tasks.iter().filter(|(_, task)| task.state == TaskState::Pending) {
        let was_pending = step.before.tasks.get(id).is_some_and(|before| before.state == TaskState::Pending);
        details.expect(was_pending || alive(step.promise_after(id)), after);
    }
}

fn internal_edge(step: &Step<'_>, details: &mut Details) {
    step.expect_tasks(details, |before, after| match after.state {
        TaskState::Acquired | TaskState::Suspended | TaskState::Halted => before.state == after.state,
        TaskState::Pending => before.state != TaskState::Halted,
        TaskState::Fulfilled => true,
    });
}
