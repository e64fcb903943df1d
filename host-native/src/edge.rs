//! What the HTTP and the gRPC edge of the 2023 API share: a request within its client's scope goes to the engine, its outcome gets its status,
//! and both are counted.

use std::time::Instant;

use resonate_core::request::Request;
use resonate_core::wire::rest::{Status, Terms};

use crate::auth::{Denied, Scope};
use crate::engine::{Engine, SubmitError, Told};

/// Why a request got no answer of the machine.
#[derive(Debug)]
pub enum Unanswered {
    /// The client may not ask for it; nothing has changed.
    Denied(Denied),
    /// The engine's error.
    Failed(SubmitError),
}

impl Unanswered {
    /// The status over HTTP.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Denied(denied) => denied.status(),
            Self::Failed(error) => error.status(),
        }
    }
}

/// Submits a request for a client of this scope. `bytes` is about its size.
///
/// # Errors
/// When the scope does not reach so far, and the engine's.
pub async fn ask(
    engine: &Engine,
    scope: &Scope,
    mut request: Request,
    strict: bool,
    bytes: usize,
) -> Result<(Status, Told), Unanswered> {
    let started = Instant::now();
    let (kind, terms) = (request.kind(), Terms::of(&request, strict));
    let answer = match scope.confine(&mut request) {
        Ok(()) => engine.submit(request, bytes).await.map_err(Unanswered::Failed),
        Err(denied) => Err(Unanswered::Denied(denied)),
    };
    let answer = answer.map(|told| (terms.status(&told.reply), told));
    let status = answer.as_ref().map_or_else(Unanswered::status, |(status, _)| *status as u16);
    engine.metrics().answered(kind, status, started.elapsed());
    answer
}
