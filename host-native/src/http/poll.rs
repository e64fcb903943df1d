//! `GET /poll/{group}/{id}`: a worker holds this connection open and is sent messages as Server-Sent Events.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::respond::{denied, error, retry_later};
use super::{Shared, token_lines};
use crate::dispatch::poll::{Refused, Subscriber};

/// Tells proxies to pass every event on at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Connects a worker.
pub(super) async fn connect(
    State(shared): State<Shared>,
    method: Method,
    headers: HeaderMap,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    if method == Method::HEAD {
        // Whoever only looks must not take over the connection of a worker.
        return error(StatusCode::METHOD_NOT_ALLOWED, "HEAD does not go here: use GET");
    }
    let admission = match shared.gate.admit(None, token_lines(&headers)) {
        Ok(admission) => admission,
        Err(why) => return denied(&why),
    };
    let Ok(Path((group, worker))) = path else {
        return error(StatusCode::BAD_REQUEST, "group and id must be percent-encoded UTF-8");
    };
    let Some(poll) = &shared.poll else {
        return error(StatusCode::NOT_FOUND, "delivery by poll is switched off: see transports.http_poll.enabled");
    };
    for (name, text) in [("group", &group), ("id", &worker)] {
        if text.contains('\0') {
            return error(StatusCode::BAD_REQUEST, &format!("{name}: must not contain NUL characters"));
        }
    }
    // Who holds a connection open for ever would hold its token for ever.
    let (prefix, lasts) = (admission.scope.prefix(), admission.lasts);
    match poll.connect(Subscriber { group, worker, prefix, lasts }) {
        Ok(messages) => {
            let mut response = Response::new(Body::from_stream(messages));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert(BUFFERING, HeaderValue::from_static("no"));
            response
        }
        Err(why) => retry_later(error(StatusCode::SERVICE_UNAVAILABLE, why_refused(why))),
    }
}

fn why_refused(why: Refused) -> &'static str {
    match why {
        Refused::Full => "as many workers are connected as may be: raise transports.http_poll.max_connections",
        Refused::Stopping => "the server is stopping: connect elsewhere or later",
    }
}
