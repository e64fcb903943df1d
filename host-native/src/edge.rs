//! What the HTTP and the gRPC edge of the 2023 API share: a request goes to the engine, its outcome gets its status, and both are counted.

use std::time::Instant;

use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::wire::rest::{Status, Terms};

use crate::engine::{Engine, SubmitError};

/// Submits a request. `bytes` is about its size.
///
/// # Errors
/// The engine's.
pub async fn ask(
    engine: &Engine,
    request: Request,
    strict: bool,
    bytes: usize,
) -> Result<(Status, Reply), SubmitError> {
    let started = Instant::now();
    let (kind, terms) = (request.kind(), Terms::of(&request, strict));
    let answer = engine.submit(request, bytes).await.map(|reply| (terms.status(&reply), reply));
    let status = answer.as_ref().map_or_else(|error| error.status(), |(status, _)| *status as u16);
    engine.metrics().answered(kind, status, started.elapsed());
    answer
}
