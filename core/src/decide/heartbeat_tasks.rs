//! `task.heartbeat` (spec §4): a worker extends its leases. What does not match is ignored.

use std::sync::Arc;

use super::{Decided, Stop, Transition};
use crate::id::Id;
use crate::limits::HEARTBEAT_PAGE_TASKS;
use crate::mutant::Mutant;
use crate::read::Read;
use crate::reply::Reply;
use crate::request::TaskRef;
use crate::task::{Lease, Task, TaskState};
use crate::time::Millis;

pub(super) fn decide(t: &mut Transition<'_>, pid: &Arc<str>, tasks: &[TaskRef], prefix: Option<&str>) -> Decided {
    if tasks.is_empty() && (!t.rules.strict || t.rules.mutated(Mutant::StrictHeartbeatOfAll)) {
        let held = held_by(t, pid, prefix)?;
        prefetch(t, held.iter())?;
        for id in &held {
            extend(t, pid, id, None)?;
        }
        return Ok(Reply::Done);
    }
    prefetch(t, tasks.iter().map(|task| &task.id))?;
    for task in tasks {
        extend(t, pid, &task.id, Some(task.version))?;
    }
    Ok(Reply::Done)
}

fn prefetch<'a>(t: &Transition<'_>, ids: impl Iterator<Item = &'a Id>) -> Decided<()> {
    t.prefetch(ids.flat_map(|id| [Read::Promise(id.clone()), Read::Task(id.clone())]))
}

/// Every task that a worker holds.
fn held_by(t: &Transition<'_>, pid: &Arc<str>, prefix: Option<&str>) -> Decided<Vec<Id>> {
    let mut held = t.records.held.first(pid, usize::MAX).map_err(|after| {
        Stop::Missing(vec![Read::HeldBy { pid: Arc::clone(pid), after, limit: HEARTBEAT_PAGE_TASKS }])
    })?;
    held.retain(|id| prefix.is_none_or(|prefix| id.starts_with(prefix)));
    Ok(held)
}

fn extend(t: &mut Transition<'_>, pid: &str, id: &Id, version: Option<u64>) -> Decided<()> {
    let Some((task, _)) = t.task(id)? else { return Ok(()) };
    let is_named = version.is_none_or(|version| task.version == version) || t.mutated(Mutant::HeartbeatIgnoresVersion);
    if t.mutated(Mutant::HeartbeatRevives) && is_named && task.state == TaskState::Pending {
        let revived = task.acquired(&pid.into(), Millis::saturating(1_000), t.now);
        t.move_task(&task, Task { version: task.version, ..revived });
        return Ok(());
    }
    let is_held = |lease: &&Lease| *lease.pid == *pid || t.mutated(Mutant::HeartbeatOfAnyone);
    let lease = task.lease.as_ref().filter(is_held);
    let extends = is_named && task.state == TaskState::Acquired && !t.mutated(Mutant::HeartbeatDoesNothing);
    if let Some(lease) = lease.filter(|_| extends) {
        let lease = Lease { expires_at: t.now + lease.ttl, ..lease.clone() };
        t.move_task(&task, Task { lease: Some(lease), ..Task::clone(&task) });
    }
    Ok(())
}
