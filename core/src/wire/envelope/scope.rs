//! What a token's prefix must cover (spec §4, auth): the ids of a request, the searches behind it, the promises that come along with its answer.
//! Knows no token.

use std::borrow::Cow;

use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::Call;
use crate::id::Id;
use crate::reply::Reply;
use crate::request::Request;
use crate::schedule::expand;
use crate::time::Timestamp;

/// Every id in a request that the prefix of a token must cover. Searches and an empty heartbeat have none: see [`confine`]. Of a schedule it is
/// the ids of the promises that count, and not the text of their template, which may begin with `{{.id}}`.
#[must_use]
pub fn ids(request: &Request) -> Vec<Cow<'_, str>> {
    if let Request::CreateSchedule(create) = request {
        let mut ids = vec![Cow::Borrowed(create.id.as_str())];
        ids.extend(fired_ids(&create.promise_id, &create.id));
        return ids;
    }
    named_ids(request).into_iter().map(Cow::Borrowed).collect()
}

/// The first and the last id that a template can expand to. They part where the instant comes in: what both start with, all in between do.
fn fired_ids<'a>(template: &'a str, schedule: &Id) -> [Cow<'a, str>; 2] {
    // A template that makes no id is refused later, whoever asks.
    [Timestamp::ZERO, Timestamp::MAX].map(|occurrence| match expand(template, schedule, occurrence) {
        Ok(id) => Cow::Owned(id.as_str().to_owned()),
        Err(_) => Cow::Borrowed(template),
    })
}

fn named_ids(request: &Request) -> Vec<&str> {
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
        | Request::RunSchedule { id, runs_left: _ }
        | Request::PurgePromise { id, settled_before: _, dry_run: _ } => vec![id],
        Request::CreatePromise(create) | Request::CreateTask { pid: _, ttl: _, promise: create } => vec![&create.id],
        Request::SettlePromise(settle) => vec![&settle.id],
        Request::RegisterCallback { awaited, awaiter } => vec![awaited, awaiter],
        Request::RegisterListener { awaited, address: _ } => vec![awaited],
        Request::AcquireTask { task, pid: _, ttl: _ } | Request::ReleaseTask { task } => vec![&task.id],
        Request::FenceTask { task, action } => vec![&task.id, action.id()],
        Request::FulfillTask { task, settle } => vec![&task.id, &settle.id],
        Request::SuspendTask { task, awaited } => std::iter::once(&task.id).chain(awaited).map(Id::as_str).collect(),
        Request::HeartbeatTasks { pid: _, tasks, prefix: _ } => tasks.iter().map(|task| task.id.as_str()).collect(),
        Request::CreateSchedule(create) => vec![&create.id],
        Request::SearchPromises(_) | Request::SearchTasks(_) | Request::SearchSchedules(_) => Vec::new(),
        Request::ClaimMessage { key, claim: _ }
        | Request::MessageDelivered { key, version: _ }
        | Request::MessageFailed { key, version: _, jitter_permille: _ }
        | Request::MessageUnclaimed { key, version: _ } => vec![key.id()],
    }
}

/// The first id in a request that a token with this prefix does not cover.
#[must_use]
pub fn foreign_id<'a>(prefix: &str, request: &'a Request) -> Option<Cow<'a, str>> {
    ids(request).into_iter().find(|id| !id.starts_with(prefix))
}

/// Whether a token with this prefix may make this call: every id has the prefix. A purge is about ids of every prefix; debugging is for admins only.
#[must_use]
pub fn is_permitted(prefix: &str, call: &Call) -> bool {
    match call {
        Call::Request(request) => foreign_id(prefix, request).is_none(),
        Call::Purge(_) => prefix.is_empty(),
        Call::Debug(_) => false,
    }
}

/// An id outside a prefix in the data of a request that cannot be read, wherever requests have their ids: permission is asked for before
/// anything else is said about a request (spec §1).
#[must_use]
pub fn foreign_id_in(prefix: &str, data: &RawValue) -> Option<String> {
    let data: Json = serde_json::from_str(data.get()).ok()?;
    let items = |name: &str| data[name].as_array().into_iter().flatten();
    let inner = [&data, &data["action"]["data"]].into_iter();
    let inner = inner.chain(items("actions").map(|action| &action["data"])).chain(items("tasks"));
    let named = inner.flat_map(|object| ["id", "awaited", "awaiter"].map(|name| object[name].as_str()));
    let mut ids: Vec<Cow<'_, str>> = named.flatten().map(Cow::Borrowed).collect();
    let schedule = data["id"].as_str().and_then(|id| Id::parse(id).ok());
    if let (Some(template), Some(schedule)) = (data["promiseId"].as_str(), schedule) {
        ids.extend(fired_ids(template, &schedule));
    }
    ids.into_iter().find(|id| !id.is_empty() && !id.starts_with(prefix)).map(Cow::into_owned)
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
        | Request::PurgePromise { .. }
        | Request::ClaimMessage { .. }
        | Request::MessageDelivered { .. }
        | Request::MessageFailed { .. }
        | Request::MessageUnclaimed { .. } => {}
    }
}

/// Keeps an answer inside a prefix. The ids that were asked for have it already; what comes along, the preload, is chosen by a tag that any
/// client writes as it likes. Of it only promises stay whose id *and* branch have the prefix: how many others a foreign branch has is not to be
/// seen either.
pub fn confine_reply(prefix: &str, reply: &mut Reply) {
    match reply {
        Reply::Acquired { task: _, promise: _, preload } | Reply::Redirected { preload } => preload.retain(|promise| {
            promise.id.starts_with(prefix) && promise.branch().is_some_and(|branch| branch.starts_with(prefix))
        }),
        Reply::Fenced(inner) => confine_reply(prefix, inner),
        Reply::Promise(_)
        | Reply::Created { .. }
        | Reply::Settled { .. }
        | Reply::Promises { .. }
        | Reply::Task(_)
        | Reply::Suspended
        | Reply::Fulfilled(_)
        | Reply::Tasks { .. }
        | Reply::Schedule(_)
        | Reply::Schedules { .. }
        | Reply::Done
        | Reply::Idle
        | Reply::Expired
        | Reply::Refused(_) => {}
    }
}
