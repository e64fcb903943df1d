//! The Durable Promise API of 2023: its JSON, its search, and which answer a duplicate gets. HTTP and gRPC are two ways to carry it.

mod body;
mod route;
mod search;
#[cfg(test)]
mod tests;

use crate::id::Id;
use crate::promise::PromiseState;
use crate::reply::{Refusal, Reply};
use crate::request::{CreatePromise, Request, SettlePromise, Verdict};
use crate::value::Value;
use crate::wire::BadInput;
use crate::wire::field::{Object, check_map, check_text, parse_id, parse_json};

use search::parse_search_pairs;

pub use body::{decoded_value, encoded_value, print_error, print_page, print_promise};
pub use route::{Answer, Asked, Call, Input, Misrouted, Route, print, search_of};
pub use search::{SearchQuery, cursor_behind, parse_search};

/// An outcome of the machine, by its number in HTTP and in gRPC's `Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The promise is as the request wants it, by an earlier request with the same key.
    Ok = 200,
    /// This request created or settled the promise.
    Created = 201,
    /// The request contradicts itself.
    Invalid = 400,
    /// The promise exists, or is settled, otherwise.
    Forbidden = 403,
    /// There is no such promise.
    NotFound = 404,
}

/// What the answer to a duplicate depends on: the idempotency key and `strict` of the request, and the state that it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    key: Option<String>,
    strict: bool,
    wanted: PromiseState,
}

impl Terms {
    /// The terms of a request.
    #[must_use]
    pub fn of(request: &Request, strict: bool) -> Self {
        match request {
            Request::CreatePromise(create) => Self { key: create.key.clone(), strict, wanted: PromiseState::Pending },
            Request::SettlePromise(settle) => Self { key: settle.key.clone(), strict, wanted: wanted(settle.verdict) },
            _ => Self { key: None, strict, wanted: PromiseState::Pending },
        }
    }

    /// The status of a reply (2023 API: create, and resolve, reject, cancel).
    #[must_use]
    pub fn status(&self, reply: &Reply) -> Status {
        match reply {
            Reply::Created { fresh: true, .. } | Reply::Settled { fresh: true, .. } => Status::Created,
            Reply::Created { promise, fresh: false } => self.duplicate(promise.create_key.as_deref(), promise.state),
            Reply::Settled { promise, fresh: false } => self.duplicate(promise.complete_key.as_deref(), promise.state),
            Reply::Refused(Refusal::NotFound(_)) => Status::NotFound,
            Reply::Refused(Refusal::Invalid(_) | Refusal::Conflict(_) | Refusal::Unprocessable(_)) => Status::Invalid,
            Reply::Promise(_) | Reply::Promises { .. } => Status::Ok,
            // The rest answers requests that this API has not.
            Reply::Task(_)
            | Reply::Acquired { .. }
            | Reply::Fenced(_)
            | Reply::Suspended
            | Reply::Redirected { .. }
            | Reply::Fulfilled(_)
            | Reply::Tasks { .. }
            | Reply::Schedule(_)
            | Reply::Schedules { .. }
            | Reply::Done
            | Reply::Expired
            | Reply::Idle => Status::Ok,
        }
    }

    /// A promise without a key never matches, not even a request without one.
    fn duplicate(&self, stored: Option<&str>, state: PromiseState) -> Status {
        let same = self.key.as_deref().is_some_and(|key| Some(key) == stored);
        if same && (!self.strict || state == self.wanted) { Status::Ok } else { Status::Forbidden }
    }
}

fn wanted(verdict: Verdict) -> PromiseState {
    match verdict {
        Verdict::Resolved => PromiseState::Resolved,
        Verdict::Rejected => PromiseState::Rejected,
        Verdict::RejectedCanceled => PromiseState::RejectedCanceled,
    }
}

/// Reads `GET /promises/{id}`.
///
/// # Errors
/// [`BadInput`] when the id is none.
pub fn parse_get(id: &str) -> Result<Request, BadInput> {
    Ok(Request::GetPromise { id: parse_id("id", id)? })
}

/// Reads `POST /promises/{id}/create`. An empty key counts as absent.
///
/// # Errors
/// [`BadInput`] names what does not fit.
pub fn parse_create(id: &str, key: Option<&str>, bytes: &[u8]) -> Result<Request, BadInput> {
    let id = parse_id("id", id)?;
    let Some(Object(body)) = parse_json::<Option<Object<body::CreateBody>>>(bytes)? else {
        return Err(BadInput("the body must be a JSON object with at least 'timeout'".to_owned()));
    };
    let param = body.param.unwrap_or_default().0.checked("param")?;
    let tags = body.tags.unwrap_or_default();
    create(id, key, body.timeout, param, tags)
}

/// A creation from parts that are parsed already; shared with gRPC.
///
/// # Errors
/// [`BadInput`] names what does not fit.
pub fn create(
    id: Id,
    key: Option<&str>,
    timeout_at: crate::time::Timestamp,
    param: Value,
    tags: crate::promise::Tags,
) -> Result<Request, BadInput> {
    check_map("tags", &tags)?;
    Ok(Request::CreatePromise(CreatePromise { id, timeout_at, param, tags, key: parse_key(key)? }))
}

/// Reads `POST /promises/{id}/resolve`, `/reject` and `/cancel`. An empty key counts as absent, an empty body as `{}`.
///
/// # Errors
/// [`BadInput`] names what does not fit.
pub fn parse_settle(id: &str, verdict: Verdict, key: Option<&str>, bytes: &[u8]) -> Result<Request, BadInput> {
    let id = parse_id("id", id)?;
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let Some(Object(body)) = parse_json::<Option<Object<body::SettleBody>>>(bytes)? else {
        return Err(BadInput("the body must be a JSON object, or empty".to_owned()));
    };
    let value = body.value.unwrap_or_default().0.checked("value")?;
    settle(id, verdict, key, value)
}

/// A settlement from parts that are parsed already; shared with gRPC.
///
/// # Errors
/// [`BadInput`] names what does not fit.
pub fn settle(id: Id, verdict: Verdict, key: Option<&str>, value: Value) -> Result<Request, BadInput> {
    Ok(Request::SettlePromise(SettlePromise { id, verdict, value, key: parse_key(key)? }))
}

/// Reads the `Strict` header: true, false, 1, 0, t or f in any case; absent is false.
///
/// # Errors
/// [`BadInput`] when it is something else.
pub fn parse_strict(text: Option<&str>) -> Result<bool, BadInput> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(false) };
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "t" => Ok(true),
        "false" | "0" | "f" => Ok(false),
        _ => Err(BadInput::field("Strict", format_args!("must be true or false, not {text:?}"))),
    }
}

fn parse_key(key: Option<&str>) -> Result<Option<String>, BadInput> {
    let key = key.filter(|key| !key.is_empty());
    key.map_or(Ok(()), |key| check_text("Idempotency-Key", key))?;
    Ok(key.map(str::to_owned))
}

/// Refuses NUL in the headers of a value.
///
/// # Errors
/// [`BadInput`] names the field.
pub fn check_headers(name: &str, value: &Value) -> Result<(), BadInput> {
    value.headers.as_ref().map_or(Ok(()), |headers| check_map(&format!("{name}.headers"), headers))
}
