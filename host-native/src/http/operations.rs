//! Health, readiness, metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use resonate_core::id::Id;
use resonate_core::request::Request;

use super::Shared;
use super::respond::unavailable;
use crate::engine::SubmitError;
use crate::metrics::Metrics;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// 200 while the process is up.
pub(super) async fn health() -> StatusCode {
    StatusCode::OK
}

/// 200 when the store can be read and the last transaction succeeded, else 503.
pub(super) async fn ready(State(shared): State<Shared>) -> Response {
    if !shared.engine.is_ready() {
        return unavailable(SubmitError::Unavailable);
    }
    let Ok(id) = Id::parse("ready") else { unreachable!("a literal id") };
    match shared.engine.submit(Request::GetPromise { id }, 0).await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(why) => unavailable(why),
    }
}

/// Everything that the server counts.
pub(super) async fn metrics(State(metrics): State<Arc<Metrics>>) -> Response {
    ([(CONTENT_TYPE, OPENMETRICS)], metrics.print()).into_response()
}
