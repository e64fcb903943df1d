//! Background: a promise that was settled long ago is removed, with its task and its obligations, when nothing needs it any more. Afterwards its id
//! is free.
//!
//! What needs it:
//! - a waiter that is not discharged, or a message of it that is not delivered;
//! - a pending promise that its lineage names: whatever runs there goes over its steps again, and asks for the results of those it has done;
//! - a task that it has resumed and that nobody has acquired since;
//! - a promise that names it as its parent or its branch, and is pending or not older than it: children go first, so that nobody who creates its
//!   id anew finds results of the one before.
//!
//! Callbacks of its own task wake nobody any more: they go with it. Nobody has checked lineage: a name of nothing keeps nothing.

use std::sync::Arc;

use super::{Decided, Stop, Transition};
use crate::id::Id;
use crate::limits::{PURGE_CALLBACKS_MAX, PURGE_CHILDREN_COUNTED_MAX, PURGE_CHILDREN_MAX, PURGE_PAGE_ROWS};
use crate::message::MessageKey;
use crate::mutant::Mutant;
use crate::promise::{Promise, PromiseState};
use crate::read::{Read, Reference};
use crate::reply::Reply;
use crate::request::Request;
use crate::time::Timestamp;
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, id: &Id, settled_before: Timestamp, dry_run: bool) -> Decided {
    let Some(promise) = stored(t, id)? else { return Ok(Reply::Idle) };
    let is_old = promise.settled_at.is_some_and(|at| at < settled_before || t.mutated(Mutant::PurgeIgnoresAge));
    if !is_old || promise.has_waiters {
        return Ok(Reply::Idle);
    }
    let is_awaited = is_awaited_by_a_run(t, &promise)? && !t.mutated(Mutant::PurgeIgnoresRuns);
    if is_awaited || (is_referred_to(t, &promise)? && !t.mutated(Mutant::PurgeIgnoresMessages)) {
        return Ok(Reply::Idle);
    }
    if has_child(t, &promise, dry_run.then_some(settled_before))? && !t.mutated(Mutant::PurgeIgnoresChildren) {
        return Ok(Reply::Idle);
    }
    if dry_run {
        return Ok(Reply::Done);
    }
    remove(t, &promise, settled_before)
}

/// A promise as it is stored: what its deadline makes of it is for whoever asks about it to settle.
fn stored(t: &Transition<'_>, id: &Id) -> Decided<Option<Arc<Promise>>> {
    let known = t.records.promise(id).ok_or_else(|| Stop::Missing(vec![Read::Promise(id.clone())]))?;
    Ok(known.cloned())
}

fn to_read(id: &Id) -> Read {
    Read::Promise(id.clone())
}

fn is_live(t: &Transition<'_>, promise: &Promise) -> bool {
    promise.state_as_of(t.now) == PromiseState::Pending
}

/// Whether a promise of its lineage is pending.
fn is_awaited_by_a_run(t: &Transition<'_>, promise: &Promise) -> Decided<bool> {
    let named = promise.lineage();
    t.prefetch(named.iter().map(to_read))?;
    for id in &named {
        if stored(t, id)?.is_some_and(|named| is_live(t, &named)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a message of it is not delivered, or a task that it has resumed not acquired.
fn is_referred_to(t: &Transition<'_>, promise: &Promise) -> Decided<bool> {
    let id = &promise.id;
    let execute = MessageKey::Execute { task: id.clone() };
    if promise.target().is_some() {
        // The task is there; the guard of its removal must have been loaded.
        t.prefetch([Read::Message(execute.clone()), Read::Task(id.clone())])?;
        if t.message(&execute)?.is_some() {
            return Ok(true);
        }
    }
    let unblocks = t.records.unblocks.first(id, 1);
    let resumes = t.records.referring(Reference::Resume).first(id, 1);
    match (unblocks, resumes) {
        (Ok(unblocks), Ok(resumes)) => Ok(!unblocks.is_empty() || !resumes.is_empty()),
        (unblocks, resumes) => {
            let unblocks = unblocks.err().map(|after| Read::UnblocksOf { promise: id.clone(), after, limit: 1 });
            let resumes = resumes.err().map(|after| referring(id, Reference::Resume, after, 1));
            Err(Stop::Missing(unblocks.into_iter().chain(resumes).collect()))
        }
    }
}

fn referring(id: &Id, by: Reference, after: Option<Id>, limit: usize) -> Read {
    Read::ReferringTo { id: id.clone(), by, after, limit }
}

fn first_referring(t: &Transition<'_>, id: &Id, by: Reference, limit: usize) -> Decided<Vec<Id>> {
    let first = t.records.referring(by).first(id, limit);
    first.map_err(|after| Stop::Missing(vec![referring(id, by, after, limit.max(PURGE_PAGE_ROWS))]))
}

/// Whether a promise that names it as its parent or its branch keeps it. For an estimate those that are settled before an instant do not: they
/// would have gone.
fn has_child(t: &Transition<'_>, promise: &Promise, gone_before: Option<Timestamp>) -> Decided<bool> {
    let limit = if gone_before.is_some() { PURGE_CHILDREN_COUNTED_MAX } else { PURGE_CHILDREN_MAX };
    let children = first_referring(t, &promise.id, Reference::Lineage, limit)?;
    t.prefetch(children.iter().map(to_read))?;
    for id in &children {
        let keeps = stored(t, id)?.is_some_and(|child| match gone_before {
            _ if is_live(t, &child) => true,
            Some(before) => child.settled_at.unwrap_or(child.timeout_at) >= before,
            // An older one that names it is no child: promises that name each other must not keep each other for ever.
            None if child.created_at == promise.created_at => !promise.callers().contains(&child.id),
            None => child.created_at > promise.created_at,
        });
        if keeps {
            return Ok(true);
        }
    }
    // More than are looked at: they go first.
    Ok(gone_before.is_none() && children.len() == limit)
}

fn remove(t: &mut Transition<'_>, promise: &Promise, settled_before: Timestamp) -> Decided {
    let id = &promise.id;
    let again = |id: &Id| Request::PurgePromise { id: id.clone(), settled_before, dry_run: false };
    if promise.target().is_some() {
        let awaited = first_referring(t, id, Reference::Callback, PURGE_CALLBACKS_MAX)?;
        for awaited in &awaited {
            t.write(Write::DeleteCallback { awaited: awaited.clone(), awaiter: id.clone() });
        }
        if awaited.len() == PURGE_CALLBACKS_MAX {
            t.follow_up(again(id));
            return Ok(Reply::Idle);
        }
        if !t.mutated(Mutant::PurgeKeepsTask) {
            t.write(Write::DeleteTask { id: id.clone() });
        }
    }
    t.write(Write::DeletePromise { id: id.clone() });
    for caller in promise.callers() {
        // One that has stayed because of this child alone.
        let is_old = |caller: Arc<Promise>| caller.settled_at.is_some_and(|at| at < settled_before);
        if stored(t, &caller)?.is_some_and(is_old)
            && first_referring(t, &caller, Reference::Lineage, 2)? == [id.clone()]
        {
            t.follow_up(again(&caller));
        }
    }
    Ok(Reply::Done)
}
