//! `promise.register_listener` (spec §3): an address is told when a promise settles.

use super::{Decided, Transition};
use crate::address::Address;
use crate::id::Id;
use crate::mutant::Mutant;
use crate::reply::{Refusal, Reply};
use crate::write::Write;

pub(super) fn decide(t: &mut Transition<'_>, awaited: &Id, address: &Address) -> Decided {
    let promise = t.promise(awaited)?.ok_or(Refusal::NotFound("awaited promise not found"))?;
    if !t.takes_waiters(&promise, Mutant::ListenerOnPrivate) {
        return Err(Refusal::Unprocessable("awaited promise is private to its worker").into());
    }
    let is_open = !Transition::is_settled(&promise) || t.mutated(Mutant::ListenerOnSettled);
    if is_open && !t.mutated(Mutant::ListenerForgotten) {
        t.note_waiters(&promise);
        t.write(Write::InsertListener { awaited: awaited.clone(), address: address.clone() });
    }
    Ok(Reply::Promise(promise))
}
