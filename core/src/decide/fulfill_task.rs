//! `task.fulfill` (spec §4): a worker settles the promise of the task that it holds.

use super::{Decided, Transition, settle_promise};
use crate::mutant::Mutant;
use crate::reply::{Refusal, Reply};
use crate::request::{SettlePromise, TaskRef};

pub(super) fn decide(t: &mut Transition<'_>, held: &TaskRef, settle: &SettlePromise) -> Decided {
    if settle.id != held.id && !t.mutated(Mutant::FulfillOfAnother) {
        return Err(Refusal::Invalid("the action's id must be the task's".to_owned()).into());
    }
    let (_, promise) = t.held_task(held)?;
    settle_promise::settle_pending(t, &promise, settle).map(Reply::Fulfilled)
}
