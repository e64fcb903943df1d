//! `promise.register_callback` (spec §3): a task waits for a promise.

use super::{Decided, Transition};
use crate::id::Id;
use crate::mutant::Mutant;
use crate::read::Read;
use crate::reply::{Refusal, Reply};
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, awaited: &Id, awaiter: &Id) -> Decided {
    if awaited == awaiter && !t.mutated(Mutant::CallbackOnItself) {
        return Err(Refusal::Invalid("awaited and awaiter must be different promises".to_owned()).into());
    }
    t.prefetch([Read::Promise(awaited.clone()), Read::Promise(awaiter.clone())])?;
    let promise = t.promise(awaited)?.ok_or(Refusal::NotFound("awaited promise not found"))?;
    let waiting = t.promise(awaiter)?.ok_or(Refusal::Unprocessable("awaiter promise not found"))?;
    if waiting.target().is_none() && !t.mutated(Mutant::CallbackOfTargetless) {
        return Err(Refusal::Unprocessable("awaiter promise has no resonate:target tag").into());
    }
    if !t.takes_waiters(&promise, Mutant::CallbackOnPrivate) {
        return Err(Refusal::Unprocessable("awaited promise is private to its worker").into());
    }
    let is_open = !Transition::is_settled(&promise) || t.mutated(Mutant::CallbackOnSettled);
    if is_open && !Transition::is_settled(&waiting) && !t.mutated(Mutant::CallbackForgotten) {
        t.note_waiters(&promise);
        t.write(Write::InsertCallback { awaited: awaited.clone(), awaiter: awaiter.clone() });
    }
    Ok(Reply::Promise(promise))
}
