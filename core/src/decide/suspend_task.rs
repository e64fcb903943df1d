//! `task.suspend` (spec §4): a worker lets go of its task until one of the awaited promises settles.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Decided, Transition};
use crate::id::Id;
use crate::mutant::Mutant;
use crate::promise::Promise;
use crate::read::Read;
use crate::reply::{Refusal, Reply};
use crate::request::TaskRef;
use crate::task::Task;
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, held: &TaskRef, awaited: &[Id]) -> Decided {
    check(t, held, awaited)?;
    let (task, promise) = t.held_task(held)?;
    let awaited = load_awaited(t, awaited)?;
    let any_settled = awaited.iter().any(|promise| Transition::is_settled(promise));
    if any_settled && !t.mutated(Mutant::SuspendIgnoresSettled) {
        let preload = t.preload(&promise)?;
        // What was settled on the way is about to be recorded, and the next suspension clears that.
        if !task.resumes.is_empty() && !t.mutated(Mutant::RedirectKeepsResumes) {
            t.move_task(&task, Task { resumes: BTreeSet::new(), ..Task::clone(&task) });
        }
        return Ok(Reply::Redirected { preload });
    }
    for promise in &awaited {
        t.note_waiters(promise);
        if !t.mutated(Mutant::SuspendForgetsCallback) {
            t.write(Write::InsertCallback { awaited: promise.id.clone(), awaiter: held.id.clone() });
        }
    }
    let mut suspended = task.suspended();
    if t.mutated(Mutant::SuspendKeepsLease) {
        suspended.lease.clone_from(&task.lease);
    }
    t.move_task(&task, suspended);
    Ok(Reply::Suspended)
}

fn check(t: &Transition<'_>, held: &TaskRef, awaited: &[Id]) -> Result<(), Refusal> {
    if awaited.is_empty() && !t.mutated(Mutant::SuspendOnNothing) {
        return Err(Refusal::Invalid("'actions' must not be empty".to_owned()));
    }
    if awaited.contains(&held.id) && !t.mutated(Mutant::SuspendOnItself) {
        return Err(Refusal::Invalid("a task cannot await its own promise".to_owned()));
    }
    if t.rules.strict && distinct(awaited).len() < awaited.len() {
        return Err(Refusal::Invalid("'actions' must not name a promise twice".to_owned()));
    }
    Ok(())
}

/// Ids in order, each once.
fn distinct(ids: &[Id]) -> BTreeSet<&Id> {
    let mut distinct = BTreeSet::new();
    distinct.extend(ids);
    distinct
}

/// The awaited promises, each once.
fn load_awaited(t: &mut Transition<'_>, awaited: &[Id]) -> Decided<Vec<Arc<Promise>>> {
    let distinct = distinct(awaited);
    t.prefetch(distinct.iter().map(|id| Read::Promise((*id).clone())))?;
    let mut promises = Vec::with_capacity(distinct.len());
    for id in distinct {
        let promise = t.promise(id)?.ok_or(Refusal::Unprocessable("awaited promise not found"))?;
        if !t.takes_waiters(&promise, Mutant::SuspendOnPrivate) {
            return Err(Refusal::Unprocessable("awaited promise is private to its worker").into());
        }
        promises.push(promise);
    }
    Ok(promises)
}
