//! `POST /`: the protocol of today. Reading and printing are the core's; here an envelope meets its token, the engine and the metrics.

use std::time::Instant;

use axum::extract::{self, State};
use axum::response::Response;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use resonate_core::time::Timestamp;
use resonate_core::wire::BadInput;
use resonate_core::wire::envelope::{self, Answer, Call, DebugReply, Envelope, Shape};

use super::body::Whole;
use super::respond::{challenge, json, retry_later};
use super::{Shared, token_lines};
use crate::auth::{Denied, Scope};
use crate::engine::{DebugAnswer, SubmitError, Told};

/// The kind in metrics of whatever is no request of the protocol: clients must not make series.
const UNKNOWN: &str = "unknown";
const DEBUG_OFF: &str = "debugging is off: start a server for tests with --debug true";

/// Answers one envelope.
pub(super) async fn call(State(shared): State<Shared>, request: extract::Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let mut decided = None;
    let (kind, answer) = match shared.bodies.read(body, &parts.headers).await {
        Ok(Whole { bytes, .. }) => match Envelope::parse(&bytes) {
            Ok(envelope) => {
                let kind = envelope::known_kind(&envelope.kind).unwrap_or(UNKNOWN);
                let answer = run(&shared, &parts.headers, &envelope, bytes.len(), &mut decided).await;
                let refuse =
                    |Refused { status, why }| envelope::print_error(&envelope.kind, &envelope.corr_id, status, &why);
                (kind, answer.unwrap_or_else(refuse))
            }
            Err(failure) => (UNKNOWN, failure.answer()),
        },
        Err(refused) => (UNKNOWN, envelope::print_unread(refused.status.as_u16(), &refused.why)),
    };
    shared.engine.metrics().answered(kind, answer.status, started.elapsed());
    let response = respond(answer);
    match decided {
        Some(now) => shared.decided_at(response, now),
        None => response,
    }
}

/// What keeps an envelope from the machine, or its answer from the client.
struct Refused {
    status: u16,
    why: String,
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self { status: denied.status(), why: denied.to_string() }
    }
}

impl From<BadInput> for Refused {
    fn from(bad: BadInput) -> Self {
        Self { status: 400, why: bad.0 }
    }
}

impl From<SubmitError> for Refused {
    fn from(error: SubmitError) -> Self {
        Self { status: error.status(), why: error.to_string() }
    }
}

/// Runs what an envelope asks for. Token and permission come before whatever else may be wrong with it (spec §1). What the machine has answered was
/// `decided` at an instant.
async fn run(
    shared: &Shared,
    headers: &HeaderMap,
    envelope: &Envelope<'_>,
    bytes: usize,
    decided: &mut Option<Timestamp>,
) -> Result<Answer, Refused> {
    let (kind, corr_id) = (&*envelope.kind, &*envelope.corr_id);
    let scope = shared.gate.admit(envelope.auth.as_deref(), token_lines(headers))?.scope;
    if envelope.is_debugging() {
        scope.check_debugging()?;
        if !shared.debug {
            return Err(Refused { status: 403, why: DEBUG_OFF.to_owned() });
        }
    }
    if envelope.is_for_all_ids() {
        scope.check_all_ids()?;
    }
    let call = match envelope.request() {
        Ok(call) => call,
        Err(wrong) => {
            scope.check_unread(envelope.data)?;
            return Err(wrong.into());
        }
    };
    let mut request = match call {
        Call::Request(request) => request,
        Call::Purge(purge) => {
            let at = debug_time(shared, &scope, envelope)?;
            let purged = shared.engine.purge(purge, at).await?;
            return Ok(envelope::print_purged(kind, corr_id, &purged));
        }
        Call::Debug(call) => {
            let answer = shared.engine.debug(call).await?;
            return Ok(envelope::print_debug(kind, corr_id, of_debug(&answer)));
        }
    };
    scope.confine(&mut request)?;
    let shape = Shape::of(&request);
    let Told { mut reply, now } = match debug_time(shared, &scope, envelope)? {
        Some(at) => shared.engine.submit_at(request, at).await?,
        None => shared.engine.submit(request, bytes).await?,
    };
    *decided = Some(now);
    scope.confine_reply(&mut reply);
    Ok(envelope::print(kind, corr_id, shape, &reply))
}

/// The instant that a request is to happen at, on a server for tests. It moves the clock for everybody, and so is for admins.
fn debug_time(shared: &Shared, scope: &Scope, envelope: &Envelope<'_>) -> Result<Option<Timestamp>, Refused> {
    if !shared.debug {
        return Ok(None);
    }
    let time = envelope.debug_time();
    if time != Ok(None) {
        scope.check_debugging()?;
    }
    Ok(time?)
}

fn of_debug(answer: &DebugAnswer) -> DebugReply<'_> {
    match answer {
        DebugAnswer::Done => DebugReply::Done,
        DebugAnswer::Ticked => DebugReply::Ticked,
        DebugAnswer::Snapshot(snapshot) => DebugReply::Snapshot(snapshot),
    }
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    challenge(retry_later(json(status, answer.body)))
}
