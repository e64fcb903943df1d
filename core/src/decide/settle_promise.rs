//! `promise.settle` (spec §4, settle).

use std::sync::Arc;

use super::{Decided, Transition};
use crate::mutant::Mutant;
use crate::promise::{Promise, PromiseState};
use crate::reply::{Refusal, Reply};
use crate::request::{SettlePromise, Verdict};
use crate::value::Value;

pub(super) fn decide(t: &mut Transition<'_>, settle: &SettlePromise) -> Decided {
    let promise = t.promise(&settle.id)?.ok_or(Refusal::NotFound("promise not found"))?;
    if Transition::is_settled(&promise) && !t.mutated(Mutant::SettleOverwrites) {
        return Ok(Reply::Settled { promise, fresh: false });
    }
    let promise = settle_pending(t, &promise, settle)?;
    Ok(Reply::Settled { promise, fresh: true })
}

/// Settles a promise that is pending as of now with the client's verdict.
pub(super) fn settle_pending(
    t: &mut Transition<'_>,
    promise: &Promise,
    settle: &SettlePromise,
) -> Decided<Arc<Promise>> {
    t.settle(Promise {
        state: match settle.verdict {
            Verdict::Resolved => PromiseState::Resolved,
            Verdict::Rejected => PromiseState::Rejected,
            Verdict::RejectedCanceled => PromiseState::RejectedCanceled,
        },
        value: if t.mutated(Mutant::SettleForgetsValue) { Value::default() } else { settle.value.clone() },
        // A clock that went back never makes a promise end before it began.
        settled_at: Some(t.now.max(promise.created_at)),
        complete_key: settle.key.clone().filter(|_| !t.mutated(Mutant::SettleForgetsKey)),
        ..promise.clone()
    })
}
