//! Messages of the contract into requests, and replies into messages. Pure: it knows no engine and no transport. Bad input becomes
//! `INVALID_ARGUMENT` here, with the name that the field has in the contract.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use resonate_core::id::Id;
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::reply::{Refusal, Reply};
use resonate_core::request::{Request, Verdict};
use resonate_core::search::SearchPromises;
use resonate_core::time::{OutOfRange, Timestamp};
use resonate_core::value::Value;
use resonate_core::wire::BadInput;
use resonate_core::wire::field::{check_text, parse_id};
use resonate_core::wire::rest::{self, SearchQuery};
use resonate_proto::promise as proto;
use tonic::Status;

/// What a response about one promise says.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub status: proto::Status,
    pub promise: Option<proto::Promise>,
}

/// Reads a `ReadPromiseRequest`.
pub fn read(message: &proto::ReadPromiseRequest) -> Result<Request, Status> {
    let id = parse_id("id", &message.id).map_err(invalid)?;
    Ok(Request::GetPromise { id })
}

/// Reads a `CreatePromiseRequest`.
pub fn create(message: proto::CreatePromiseRequest) -> Result<Request, Status> {
    let (id, key) = id_and_key(&message.id, &message.idempotency_key).map_err(invalid)?;
    let timeout_at = parse_instant("timeout", message.timeout).map_err(invalid)?;
    let param = parse_value("param", message.param).map_err(invalid)?;
    rest::create(id, key, timeout_at, param, message.tags).map_err(invalid)
}

/// Reads a `ResolvePromiseRequest`, `RejectPromiseRequest` or `CancelPromiseRequest` from its parts.
pub fn settle(verdict: Verdict, id: &str, key: &str, value: Option<proto::Value>) -> Result<Request, Status> {
    let (id, key) = id_and_key(id, key).map_err(invalid)?;
    let value = parse_value("value", value).map_err(invalid)?;
    rest::settle(id, verdict, key, value).map_err(invalid)
}

/// Reads a `SearchPromisesRequest`.
pub fn search(message: &proto::SearchPromisesRequest) -> Result<SearchPromises, Status> {
    let state = match proto::SearchState::try_from(message.state) {
        Ok(proto::SearchState::SearchAll) => None,
        Ok(proto::SearchState::SearchPending) => Some("pending"),
        Ok(proto::SearchState::SearchResolved) => Some("resolved"),
        Ok(proto::SearchState::SearchRejected) => Some("rejected"),
        Err(_) => {
            let why = format_args!("must be one of SearchState, 0 to 3, not {}", message.state);
            return Err(invalid(BadInput::field("state", why)));
        }
    };
    let query =
        SearchQuery { q: Some(&message.q), state, limit: Some(message.limit.into()), cursor: Some(&message.cursor) };
    match rest::parse_search(&query).map_err(invalid)? {
        Request::SearchPromises(search) => Ok(search),
        other => unreachable!("a search was read as {other:?}"),
    }
}

fn id_and_key<'a>(id: &str, key: &'a str) -> Result<(Id, Option<&'a str>), BadInput> {
    // The core would name the header that HTTP has for it.
    check_text("idempotencyKey", key)?;
    Ok((parse_id("id", id)?, Some(key)))
}

fn parse_instant(name: &str, millis: i64) -> Result<Timestamp, BadInput> {
    let instant = u64::try_from(millis).ok().and_then(|millis| Timestamp::try_from(millis).ok());
    instant.ok_or_else(|| BadInput::field(name, OutOfRange))
}

/// The wire has no difference between empty and absent, and both APIs of 2023 leave empty parts out, so that empty is kept as absent.
fn parse_value(name: &str, value: Option<proto::Value>) -> Result<Value, BadInput> {
    let proto::Value { headers, data } = value.unwrap_or_default();
    let value = Value {
        headers: (!headers.is_empty()).then_some(headers),
        data: (!data.is_empty()).then(|| STANDARD.encode(data)),
    };
    rest::check_headers(name, &value)?;
    Ok(value)
}

fn invalid(error: BadInput) -> Status {
    Status::invalid_argument(error.0)
}

/// The outcome of a reply to a get, a create or a settle.
///
/// # Errors
/// `INVALID_ARGUMENT` where the machine finds the request contradictory, `INTERNAL` when the reply is of another kind.
pub fn outcome(status: rest::Status, reply: &Reply) -> Result<Outcome, Status> {
    let promise = match reply {
        Reply::Promise(promise) | Reply::Created { promise, .. } | Reply::Settled { promise, .. } => {
            Some(print_promise(promise))
        }
        Reply::Refused(Refusal::NotFound(_)) => None,
        other => return Err(unfit(other)),
    };
    let status = match status {
        rest::Status::Ok => proto::Status::Ok,
        rest::Status::Created => proto::Status::Created,
        rest::Status::Forbidden => proto::Status::Forbidden,
        rest::Status::NotFound => proto::Status::Notfound,
        rest::Status::Invalid => return Err(unfit(reply)),
    };
    Ok(Outcome { status, promise })
}

/// The page of a reply to a search.
///
/// # Errors
/// As [`outcome`].
pub fn page(search: &SearchPromises, reply: &Reply) -> Result<proto::SearchPromisesResponse, Status> {
    let Reply::Promises { promises, more } = reply else { return Err(unfit(reply)) };
    let last = promises.last().filter(|_| *more);
    Ok(proto::SearchPromisesResponse {
        status: proto::Status::Ok.into(),
        cursor: last.map(|last| rest::cursor_behind(search, last)).unwrap_or_default(),
        promises: promises.iter().map(|promise| print_promise(promise)).collect(),
    })
}

/// The error of a reply that no response can carry.
fn unfit(reply: &Reply) -> Status {
    match reply {
        Reply::Refused(refusal) => Status::invalid_argument(refusal.to_string()),
        _ => {
            tracing::error!("the engine's reply is of another kind than the grpc request");
            Status::internal("the server answered another question than this one")
        }
    }
}

fn print_promise(promise: &Promise) -> proto::Promise {
    proto::Promise {
        id: promise.id.as_str().to_owned(),
        state: print_state(promise.state).into(),
        param: Some(print_value(&promise.param)),
        value: Some(print_value(&promise.value)),
        timeout: print_instant(promise.timeout_at),
        idempotency_key_for_create: promise.create_key.clone().unwrap_or_default(),
        idempotency_key_for_complete: promise.complete_key.clone().unwrap_or_default(),
        tags: promise.tags.clone(),
        created_on: print_instant(promise.created_at),
        completed_on: promise.settled_at.map(print_instant).unwrap_or_default(),
    }
}

fn print_state(state: PromiseState) -> proto::State {
    match state {
        PromiseState::Pending => proto::State::Pending,
        PromiseState::Resolved => proto::State::Resolved,
        PromiseState::Rejected => proto::State::Rejected,
        PromiseState::RejectedTimedout => proto::State::RejectedTimedout,
        PromiseState::RejectedCanceled => proto::State::RejectedCanceled,
    }
}

fn print_value(value: &Value) -> proto::Value {
    proto::Value {
        headers: value.headers.clone().unwrap_or_default(),
        data: value.data.as_deref().map(rest::decoded_value).unwrap_or_default(),
    }
}

fn print_instant(instant: Timestamp) -> i64 {
    instant.as_millis().cast_signed()
}

#[cfg(test)]
mod tests;
