//! The 2023 API over HTTP: bodies, tokens and headers of its calls. Its routes, and what they read and print, are the core's.

use axum::body::Body;
use axum::extract::{self, State};
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use resonate_core::wire::BadInput;
use resonate_core::wire::rest::{self, Answer, Asked, Input, Route};

use super::respond::{denied, error, json, retry_later, unavailable};
use super::{Shared, token_lines};
use crate::auth::{Denied, Scope};
use crate::edge::{self, Unanswered};
use crate::engine::Told;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) const STRICT: HeaderName = HeaderName::from_static("strict");

/// `/promises` and everything below it.
pub(super) async fn call(State(shared): State<Shared>, request: extract::Request) -> Response {
    // Taken apart here: extractors would copy method, path and headers.
    let (Parts { method, uri, headers, .. }, body) = request.into_parts();
    let route = match Route::of(method.as_str(), uri.path()) {
        Ok(route) => route,
        Err(why) => return respond(why.into()),
    };
    if route.has_body() {
        // On the heap: a get would carry the room for reading a body through every step of its connection.
        return Box::pin(write(&shared, &route, &headers, body)).await;
    }
    let scope = match admit(&shared, &headers) {
        Ok(scope) => scope,
        Err(why) => return denied(&why),
    };
    let query = uri.query().unwrap_or_default();
    match route.parse(&Input { query, ..Input::default() }) {
        Ok(asked) => submit(&shared, &scope, asked, query.len()).await,
        Err(why) => respond(why.into()),
    }
}

async fn write(shared: &Shared, route: &Route<'_>, headers: &HeaderMap, body: Body) -> Response {
    let whole = match shared.bodies.read(body, headers).await {
        Ok(whole) => whole,
        Err(refused) => return retry_later(error(refused.status, &refused.why)),
    };
    // Not before the body: a client that is still sending when the connection is closed loses the answer that says why.
    let scope = match admit(shared, headers) {
        Ok(scope) => scope,
        Err(why) => return denied(&why),
    };
    match input(headers, &whole.bytes).and_then(|input| route.parse(&input)) {
        Ok(asked) => submit(shared, &scope, asked, whole.bytes.len()).await,
        Err(why) => respond(why.into()),
    }
}

/// What the client may see and change.
fn admit(shared: &Shared, headers: &HeaderMap) -> Result<Scope, Denied> {
    shared.gate.admit(None, token_lines(headers)).map(|admission| admission.scope)
}

fn input<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Result<Input<'a>, BadInput> {
    let key = header(headers, &IDEMPOTENCY_KEY, "Idempotency-Key")?;
    let strict = header(headers, &STRICT, "Strict")?;
    Ok(Input { query: "", key, strict, body })
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

/// Submits what is asked for and answers as the 2023 API does.
async fn submit(shared: &Shared, scope: &Scope, Asked { request, strict }: Asked, bytes: usize) -> Response {
    // As it was asked for: the client's scope is no part of a cursor.
    let search = rest::search_of(&request).cloned();
    match edge::ask(&shared.engine, scope, request, strict, bytes).await {
        Ok((status, Told { reply, now })) => {
            let body = rest::print(status, &reply, search.as_ref());
            shared.decided_at(respond(Answer { status: status as u16, body, allow: None }), now)
        }
        Err(Unanswered::Denied(why)) => denied(&why),
        Err(Unanswered::Failed(why)) => unavailable(why),
    }
}

fn respond(Answer { status, body, allow }: Answer) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, body);
    if let Some(allow) = allow {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}
