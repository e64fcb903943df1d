//! State properties of tasks.

use super::Check::State;
use super::{Details, Moment, Property, implies};
use crate::task::{Task, TaskState};
use crate::time::Millis;

pub(super) const PROPERTIES: &[Property] = &[
    Property { name: "well_formed_task_acquired_iff_has_pid", check: State(acquired_iff_has_pid) },
    Property { name: "well_formed_task_acquired_iff_has_ttl", check: State(acquired_iff_has_ttl) },
    Property { name: "well_formed_task_acquired_iff_has_expires_at", check: State(acquired_iff_has_expires_at) },
    Property { name: "well_formed_task_pending_iff_has_retry_at", check: State(pending_iff_has_retry_at) },
    Property { name: "well_formed_task_fulfilled_is_cleared", check: State(fulfilled_is_cleared) },
    Property { name: "well_formed_task_suspended_is_cleared", check: State(suspended_is_cleared) },
    Property { name: "well_formed_task_halted_is_cleared", check: State(halted_is_cleared) },
    Property { name: "well_formed_task_suspended_has_no_resumes", check: State(suspended_has_no_resumes) },
    Property { name: "well_formed_task_resumes_unique", check: State(resumes_unique) },
    Property { name: "well_formed_task_acquired_version_positive", check: State(acquired_version_positive) },
    Property { name: "well_formed_task_ttl_positive", check: State(ttl_positive) },
];

fn is_cleared(task: &Task) -> bool {
    task.lease.is_none() && task.retry_at.is_none()
}

fn acquired_iff_has_pid(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| {
        (task.state == TaskState::Acquired) == task.lease.as_ref().map(|lease| &lease.pid).is_some()
    });
}

fn acquired_iff_has_ttl(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| {
        (task.state == TaskState::Acquired) == task.lease.as_ref().map(|lease| lease.ttl).is_some()
    });
}

fn acquired_iff_has_expires_at(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| {
        (task.state == TaskState::Acquired) == task.lease.as_ref().map(|lease| lease.expires_at).is_some()
    });
}

fn pending_iff_has_retry_at(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| (task.state == TaskState::Pending) == task.retry_at.is_some());
}

fn fulfilled_is_cleared(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| {
        implies(task.state == TaskState::Fulfilled, is_cleared(task) && task.resumes.is_empty())
    });
}

fn suspended_is_cleared(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| implies(task.state == TaskState::Suspended, is_cleared(task)));
}

fn halted_is_cleared(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| implies(task.state == TaskState::Halted, is_cleared(task)));
}

fn suspended_has_no_resumes(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| implies(task.state == TaskState::Suspended, task.resumes.is_empty()));
}

// Resumes are a set; a neighbour that is equal would be a second one.
fn resumes_unique(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| {
        let resumes: Vec<_> = task.resumes.iter().collect();
        resumes.windows(2).all(|pair| pair[0] != pair[1])
    });
}

fn acquired_version_positive(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| implies(task.state == TaskState::Acquired, task.version >= 1));
}

fn ttl_positive(moment: &Moment<'_>, details: &mut Details) {
    moment.expect_tasks(details, |task| task.lease.as_ref().is_none_or(|lease| lease.ttl > Millis::ZERO));
}
