//! The requests about promises, each read in the order in which the specification lists its fields (spec §3).

use serde::de::DeserializeOwned;

use super::object::Field;
use crate::id::Id;
use crate::limits::{PURGE_LIMIT_MAX, SEARCH_LIMIT_DEFAULT, SEARCH_LIMIT_MAX};
use crate::promise::PromiseState;
use crate::request::{CreatePromise, Request, SettlePromise, Verdict};
use crate::retention::Purge;
use crate::search::{PromiseOrder, SearchPromises, StateFilter};
use crate::wire::BadInput;
use crate::wire::cursor::{CursorKind, open};

pub(super) const GET: &str = "promise.get";
pub(super) const CREATE: &str = "promise.create";
pub(super) const SETTLE: &str = "promise.settle";
pub(super) const REGISTER_CALLBACK: &str = "promise.register_callback";
pub(super) const REGISTER_LISTENER: &str = "promise.register_listener";
pub(super) const PURGE: &str = "promise.purge";
pub(super) const SEARCH: &str = "promise.search";

const VERDICTS: [(&str, Verdict); 3] = [
    ("resolved", Verdict::Resolved),
    ("rejected", Verdict::Rejected),
    ("rejected_canceled", Verdict::RejectedCanceled),
];

pub(super) fn get(data: &Field<'_>) -> Result<Request, BadInput> {
    id_of(data).map(|id| Request::GetPromise { id })
}

pub(super) fn create(data: &Field<'_>) -> Result<CreatePromise, BadInput> {
    let [id, timeout_at, param, tags] = data.fields(["id", "timeoutAt", "param", "tags"])?;
    Ok(CreatePromise {
        id: id.id()?,
        timeout_at: timeout_at.instant()?,
        param: param.value()?,
        tags: tags.optional(Field::map)?.unwrap_or_default(),
        key: None,
    })
}

pub(super) fn settle(data: &Field<'_>) -> Result<SettlePromise, BadInput> {
    let [id, state, value] = data.fields(["id", "state", "value"])?;
    Ok(SettlePromise { id: id.id()?, verdict: state.one_of(&VERDICTS)?, value: value.value()?, key: None })
}

pub(super) fn register_callback(data: &Field<'_>) -> Result<Request, BadInput> {
    let [awaited, awaiter] = data.fields(["awaited", "awaiter"])?;
    Ok(Request::RegisterCallback { awaited: awaited.id()?, awaiter: awaiter.id()? })
}

pub(super) fn register_listener(data: &Field<'_>) -> Result<Request, BadInput> {
    let [awaited, address] = data.fields(["awaited", "address"])?;
    Ok(Request::RegisterListener { awaited: awaited.id()?, address: address.address()? })
}

pub(super) fn search(data: &Field<'_>) -> Result<Request, BadInput> {
    let [state, tags, limit, cursor] = data.fields(["state", "tags", "limit", "cursor"])?;
    let states = PromiseState::ALL.map(|state| (state.name(), state));
    Ok(Request::SearchPromises(SearchPromises {
        pattern: None,
        prefix: None,
        state: state.optional(|state| state.one_of(&states))?.map(StateFilter::Only),
        tags: tags.optional(Field::map)?.unwrap_or_default(),
        limit: limit_or(&limit, SEARCH_LIMIT_DEFAULT)?,
        order: PromiseOrder::ById { after: place(CursorKind::Promises, &cursor)? },
    }))
}

pub(super) fn purge(data: &Field<'_>) -> Result<Purge, BadInput> {
    let [before, dry_run, limit, cursor] = data.fields(["settledBefore", "dryRun", "limit", "cursor"])?;
    Ok(Purge {
        settled_before: before.instant()?,
        dry_run: dry_run.optional(Field::flag)?.unwrap_or(false),
        limit: limit.optional(|limit| limit.limit(PURGE_LIMIT_MAX))?.unwrap_or(PURGE_LIMIT_MAX),
        after: place(CursorKind::Settled, &cursor)?,
    })
}

/// The id of a request that has nothing else.
pub(super) fn id_of(data: &Field<'_>) -> Result<Id, BadInput> {
    let [id] = data.fields(["id"])?;
    id.id()
}

/// The length of a page.
pub(super) fn limit_or(limit: &Field<'_>, default: usize) -> Result<usize, BadInput> {
    Ok(limit.optional(|limit| limit.limit(SEARCH_LIMIT_MAX))?.unwrap_or(default))
}

/// The place behind which a page starts.
pub(super) fn place<T: DeserializeOwned>(kind: CursorKind, cursor: &Field<'_>) -> Result<Option<T>, BadInput> {
    cursor.optional(|cursor| {
        open(kind, &cursor.text()?).map_err(|_| {
            cursor.refuse("is not one that this server gave out for such a search: start the search again")
        })
    })
}
