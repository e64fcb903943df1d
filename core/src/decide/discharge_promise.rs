//! Background, and the end of every settlement: the waiters of a settled promise are discharged (spec §4, settle).

use std::sync::Arc;

use super::{Decided, Stop, Transition, claim_message};
use crate::address::Address;
use crate::id::Id;
use crate::limits::DISCHARGE_PAGE_ROWS;
use crate::message::{MessageKey, OutboxEntry};
use crate::mutant::Mutant;
use crate::promise::Promise;
use crate::read::Read;
use crate::reply::Reply;
use crate::request::Request;
use crate::task::{Task, TaskState};
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, id: &Id) -> Decided {
    let Some(promise) = t.promise(id)? else { return Ok(Reply::Idle) };
    // One that its deadline settled just now is discharged at the end of the transition anyway.
    if Transition::is_settled(&promise) && promise.has_waiters && t.background_reply() == Reply::Idle {
        discharge(t, id)?;
    }
    Ok(t.background_reply())
}

/// Discharges waiters of a promise that this transition has settled, or finds settled, until none or no budget is left.
pub(super) fn discharge(t: &mut Transition<'_>, id: &Id) -> Decided<()> {
    if t.discharges_left == 0 {
        t.follow_up(Request::DischargePromise { id: id.clone() });
        return Ok(());
    }
    let promise = t.promise(id)?.unwrap_or_else(|| unreachable!("promise {id} is being discharged"));
    let callbacks = callbacks_of(t, id)?;
    for awaiter in &callbacks {
        if !t.mutated(Mutant::DischargeForgetsCallback) {
            resume(t, awaiter, id)?;
        }
        if !t.mutated(Mutant::DischargeKeepsCallback) {
            t.write(Write::DeleteCallback { awaited: id.clone(), awaiter: awaiter.clone() });
        }
    }
    t.discharges_left -= callbacks.len();
    let listeners = listeners_of(t, id)?;
    for address in &listeners {
        if !t.mutated(Mutant::DischargeForgetsListener) {
            unblock(t, &promise, address);
        }
        t.write(Write::DeleteListener { awaited: id.clone(), address: address.clone() });
    }
    t.discharges_left -= listeners.len();
    if t.discharges_left > 0 || t.mutated(Mutant::DischargeEndsEarly) {
        t.write(Write::SetHasWaiters { id: id.clone(), has_waiters: false });
    } else {
        t.follow_up(Request::DischargePromise { id: id.clone() });
    }
    Ok(())
}

/// Callbacks within the budget, with what resuming the awaiters needs loaded.
fn callbacks_of(t: &Transition<'_>, id: &Id) -> Decided<Vec<Id>> {
    let awaiters = t.records.callbacks.first(id, t.discharges_left).map_err(|after| {
        Stop::Missing(vec![Read::CallbacksOf { awaited: id.clone(), after, limit: DISCHARGE_PAGE_ROWS }])
    })?;
    t.prefetch(awaiters.iter().flat_map(|awaiter| [Read::Promise(awaiter.clone()), Read::Task(awaiter.clone())]))?;
    Ok(awaiters)
}

/// Listeners within the budget.
fn listeners_of(t: &Transition<'_>, id: &Id) -> Decided<Vec<Address>> {
    if t.discharges_left == 0 {
        return Ok(Vec::new());
    }
    t.records.listeners.first(id, t.discharges_left).map_err(|after| {
        Stop::Missing(vec![Read::ListenersOf { awaited: id.clone(), after, limit: DISCHARGE_PAGE_ROWS }])
    })
}

fn resume(t: &mut Transition<'_>, awaiter: &Id, awaited: &Id) -> Decided<()> {
    // Seeing the task settles a promise past its deadline, and then it is fulfilled: nothing wakes the dead.
    let dead_or_alive = t.mutated(Mutant::WakeOfTheDead).then(|| t.stored_task(awaiter)).transpose()?;
    let as_of_now = || t.task(awaiter).map(|found| found.map(|(task, _)| task));
    let Some(task) = dead_or_alive.map_or_else(as_of_now, Ok)? else { return Ok(()) };
    let wakes = match task.state {
        TaskState::Suspended => true,
        TaskState::Pending => false,
        TaskState::Acquired => t.mutated(Mutant::WakeOfTheRunning),
        TaskState::Halted => t.mutated(Mutant::WakeOfTheHalted),
        TaskState::Fulfilled => return Ok(()),
    };
    let mut after = if wakes { task.pending(t.now) } else { Task::clone(&task) };
    let is_new = !t.mutated(Mutant::WakeTellsNothing) && after.resumes.insert(awaited.clone());
    if wakes || is_new {
        t.move_task(&task, after);
    }
    Ok(())
}

fn unblock(t: &mut Transition<'_>, promise: &Arc<Promise>, address: &Address) {
    let key = MessageKey::Unblock { promise: promise.id.clone(), address: address.clone() };
    let mut entry = OutboxEntry::new(key, address.clone(), 0, t.now, t.now);
    if t.mutated(Mutant::UnblockGoesAstray) {
        entry.address = Address::parse("http://elsewhere.test/").unwrap_or(entry.address);
    }
    claim_message::put(t, entry, Some(Arc::clone(promise)));
}
