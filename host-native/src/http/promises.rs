//! The routes of the 2023 API.

use axum::body::Body;
use axum::extract::{self, RawQuery, State};
use axum::response::Response;
use hyper::header::{ALLOW, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use resonate_core::reply::Reply;
use resonate_core::request::{Request, Verdict};
use resonate_core::search::SearchPromises;
use resonate_core::wire::BadInput;
use resonate_core::wire::rest::{self, Status};

use super::respond::{denied, error, json, unavailable};
use super::{Shared, body, token_lines};
use crate::auth::{Denied, Scope};
use crate::edge::{self, Unanswered};

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const STRICT: HeaderName = HeaderName::from_static("strict");

/// `GET /promises?q=&state=&limit=&cursor=`
pub(super) async fn search(
    State(shared): State<Shared>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if method != Method::GET {
        return wrong_method(&method, "GET");
    }
    let scope = match admit(&shared, &headers) {
        Ok(scope) => scope,
        Err(why) => return denied(&why),
    };
    let query = query.unwrap_or_default();
    match parse_query(&query) {
        Ok(request) => submit(&shared, &scope, request, false, query.len()).await,
        Err(why) => bad(&why),
    }
}

/// `GET /promises/{id}` and `POST /promises/{id}/{verb}`
pub(super) async fn promise(State(shared): State<Shared>, request: extract::Request) -> Response {
    // Taken apart here: extractors would copy method, path and headers.
    let (Parts { method, uri, headers, .. }, body) = request.into_parts();
    // The raw path: an id may hold an encoded slash.
    let path = uri.path().strip_prefix("/promises/").unwrap_or_default();
    let (id, verb) = match path.split_once('/') {
        Some((id, verb)) => (id, Some(verb)),
        None => (path, None),
    };
    let Ok(id) = percent_decode_str(id).decode_utf8() else {
        return bad(&BadInput::field("id", "must be percent-encoded UTF-8"));
    };
    let Some(verb) = verb else {
        return match admit(&shared, &headers) {
            _ if method != Method::GET => wrong_method(&method, "GET"),
            Err(why) => denied(&why),
            Ok(scope) => match rest::parse_get(&id) {
                Ok(request) => submit(&shared, &scope, request, false, 0).await,
                Err(why) => bad(&why),
            },
        };
    };
    let Some(action) = action(verb) else {
        return error(
            StatusCode::NOT_FOUND,
            "a promise has create, resolve, reject and cancel below it; write a slash inside an id as %2F",
        );
    };
    if method != Method::POST {
        return wrong_method(&method, "POST");
    }
    // On the heap: a get would carry the room for reading a body through every step of its connection.
    Box::pin(write(&shared, &id, action, &headers, body)).await
}

async fn write(shared: &Shared, id: &str, action: Action, headers: &HeaderMap, body: Body) -> Response {
    let bytes = match body::read(body, headers, shared.body_limit).await {
        Ok(bytes) => bytes,
        Err(refused) => return error(refused.status, &refused.why),
    };
    // Not before the body: a client that is still sending when the connection is closed loses the answer that says why.
    let scope = match admit(shared, headers) {
        Ok(scope) => scope,
        Err(why) => return denied(&why),
    };
    match parse(id, action, headers, &bytes) {
        Ok((request, strict)) => submit(shared, &scope, request, strict, bytes.len()).await,
        Err(why) => bad(&why),
    }
}

/// What the client may see and change.
fn admit(shared: &Shared, headers: &HeaderMap) -> Result<Scope, Denied> {
    shared.gate.admit(None, token_lines(headers)).map(|admission| admission.scope)
}

/// Reads a query string: pairs joined by `&`, percent-encoded, `+` for a blank.
fn parse_query(query: &str) -> Result<Request, BadInput> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned);
        decoded.map_err(|_| BadInput::field("query", "must be percent-encoded UTF-8"))
    };
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode(name)?, decode(text)?));
    }
    rest::parse_search_pairs(pairs.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

/// What a verb asks for; `None` is to create.
type Action = Option<Verdict>;

fn action(verb: &str) -> Option<Action> {
    match verb {
        "create" => Some(None),
        "resolve" => Some(Some(Verdict::Resolved)),
        "reject" => Some(Some(Verdict::Rejected)),
        "cancel" => Some(Some(Verdict::RejectedCanceled)),
        _ => None,
    }
}

fn parse(id: &str, action: Action, headers: &HeaderMap, bytes: &[u8]) -> Result<(Request, bool), BadInput> {
    let key = header(headers, &IDEMPOTENCY_KEY, "Idempotency-Key")?;
    let strict = rest::parse_strict(header(headers, &STRICT, "Strict")?)?;
    let request = match action {
        None => rest::parse_create(id, key, bytes)?,
        Some(verdict) => rest::parse_settle(id, verdict, key, bytes)?,
    };
    Ok((request, strict))
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName, shown: &str) -> Result<Option<&'a str>, BadInput> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(BadInput::field(shown, "is given twice"));
    }
    let text = first.map(|value| std::str::from_utf8(value.as_bytes())).transpose();
    text.map_err(|_| BadInput::field(shown, "must be UTF-8"))
}

/// Submits a request and answers as the 2023 API does.
async fn submit(shared: &Shared, scope: &Scope, request: Request, strict: bool, bytes: usize) -> Response {
    let search = if let Request::SearchPromises(search) = &request { Some(search.clone()) } else { None };
    match edge::ask(&shared.engine, scope, request, strict, bytes).await {
        Ok((status, reply)) => answer(status, &reply, search.as_ref()),
        Err(Unanswered::Denied(why)) => denied(&why),
        Err(Unanswered::Failed(why)) => unavailable(why),
    }
}

fn answer(status: Status, reply: &Reply, search: Option<&SearchPromises>) -> Response {
    let code = StatusCode::from_u16(status as u16).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match (reply, search) {
        (Reply::Promise(promise) | Reply::Created { promise, .. } | Reply::Settled { promise, .. }, _) => {
            json(code, rest::print_promise(promise))
        }
        (Reply::Promises { promises, more }, Some(search)) => {
            let last = promises.last().filter(|_| *more);
            let cursor = last.map(|last| rest::cursor_behind(search, last));
            json(code, rest::print_page(promises, cursor.as_deref()))
        }
        (Reply::Refused(refusal), _) if status == Status::Invalid => error(code, &refusal.to_string()),
        (Reply::Refused(_), _) => json(code, "null"),
        (reply, _) => unreachable!("no answer of the 2023 API: {reply:?}"),
    }
}

fn bad(why: &BadInput) -> Response {
    error(StatusCode::BAD_REQUEST, &why.0)
}

fn wrong_method(method: &Method, allowed: &'static str) -> Response {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, &format!("{method} does not go here: use {allowed}"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
