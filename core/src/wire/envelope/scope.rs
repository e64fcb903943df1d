//! What a token's prefix must cover (spec §4, auth). Owns which ids of a request count; knows no token.

use super::Call;
use crate::id::Id;
use crate::request::Request;

/// Every id in a request that the prefix of a token must cover. Searches and an empty heartbeat have none: see [`confine`].
#[must_use]
pub fn ids(request: &Request) -> Vec<&str> {
    match request {
        Request::GetPromise { id }
        | Request::GetTask { id }
        | Request::HaltTask { id }
        | Request::ContinueTask { id }
        | Request::GetSchedule { id }
        | Request::DeleteSchedule { id }
        | Request::TimeOutPromise { id }
        | Request::DischargePromise { id }
        | Request::ExpireLease { id }
        | Request::DispatchTask { id }
        | Request::RunSchedule { id, runs_left: _ } => vec![id],
        Request::CreatePromise(create) | Request::CreateTask { pid: _, ttl: _, promise: create } => vec![&create.id],
        Request::SettlePromise(settle) => vec![&settle.id],
        Request::RegisterCallback { awaited, awaiter } => vec![awaited, awaiter],
        Request::RegisterListener { awaited, address: _ } => vec![awaited],
        Request::AcquireTask { task, pid: _, ttl: _ } | Request::ReleaseTask { task } => vec![&task.id],
        Request::FenceTask { task, action } => vec![&task.id, action.id()],
        Request::FulfillTask { task, settle } => vec![&task.id, &settle.id],
        Request::SuspendTask { task, awaited } => std::iter::once(&task.id).chain(awaited).map(Id::as_str).collect(),
        Request::HeartbeatTasks { pid: _, tasks, prefix: _ } => tasks.iter().map(|task| task.id.as_str()).collect(),
        Request::CreateSchedule(create) => vec![&create.id, &create.promise_id],
        Request::SearchPromises(_) | Request::SearchTasks(_) | Request::SearchSchedules(_) => Vec::new(),
        Request::ClaimMessage { key, claim: _ }
        | Request::MessageDelivered { key, version: _ }
        | Request::MessageFailed { key, version: _ }
        | Request::MessageUnclaimed { key, version: _ } => vec![key.id()],
    }
}

/// Whether a token with this prefix may make this call: every id has the prefix. Debugging is for admins only.
#[must_use]
pub fn is_permitted(prefix: &str, call: &Call) -> bool {
    match call {
        Call::Request(request) => ids(request).iter().all(|id| id.starts_with(prefix)),
        Call::Debug(_) => false,
    }
}

/// Keeps a request that names no ids, a search or an empty heartbeat, inside a prefix. Whatever prefix it had is replaced.
pub fn confine(prefix: &str, request: &mut Request) {
    let prefix = (!prefix.is_empty()).then(|| prefix.to_owned());
    match request {
        Request::SearchPromises(search) => search.prefix = prefix,
        Request::SearchTasks(search) => search.prefix = prefix,
        Request::SearchSchedules(search) => search.prefix = prefix,
        Request::HeartbeatTasks { pid: _, tasks: _, prefix: scope } => *scope = prefix,
        Request::GetPromise { .. }
        | Request::CreatePromise(_)
        | Request::SettlePromise(_)
        | Request::RegisterCallback { .. }
        | Request::RegisterListener { .. }
        | Request::GetTask { .. }
        | Request::CreateTask { .. }
        | Request::AcquireTask { .. }
        | Request::FenceTask { .. }
        | Request::SuspendTask { .. }
        | Request::FulfillTask { .. }
        | Request::ReleaseTask { .. }
        | Request::HaltTask { .. }
        | Request::ContinueTask { .. }
        | Request::GetSchedule { .. }
        | Request::CreateSchedule(_)
        | Request::DeleteSchedule { .. }
        | Request::TimeOutPromise { .. }
        | Request::DischargePromise { .. }
        | Request::ExpireLease { .. }
        | Request::DispatchTask { .. }
        | Request::RunSchedule { .. }
        | Request::ClaimMessage { .. }
        | Request::MessageDelivered { .. }
        | Request::MessageFailed { .. }
        | Request::MessageUnclaimed { .. } => {}
    }
}
