//! Answers as HTTP responses. Errors outside of today's protocol look as those of the 2023 API.

use axum::body::Body;
use axum::response::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode, Uri};
use resonate_core::wire::rest;

use crate::auth::Denied;
use crate::engine::SubmitError;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// `{"error": "…"}`
pub(super) fn error(status: StatusCode, why: &str) -> Response {
    json(status, rest::print_error(why))
}

/// A request that got no answer from the engine.
pub(super) fn unavailable(why: SubmitError) -> Response {
    let code = StatusCode::from_u16(why.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    retry_later(error(code, &why.to_string()))
}

/// Tells the client of an answer that is about the moment when to come back.
pub(super) fn retry_later(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A request of somebody who may not make it.
pub(super) fn denied(why: &Denied) -> Response {
    let code = StatusCode::from_u16(why.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    challenge(error(code, &why.to_string()))
}

/// Tells the client of an answer for want of a token which kind of it is wanted.
pub(super) fn challenge(mut response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// There is nothing at this path.
pub(super) async fn no_route(uri: Uri) -> Response {
    error(StatusCode::NOT_FOUND, &format!("there is nothing at {}", uri.path()))
}

/// There is something at this path, but not for this method.
pub(super) async fn no_method(method: Method, uri: Uri) -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, &format!("{method} does not go with {}", uri.path()))
}
