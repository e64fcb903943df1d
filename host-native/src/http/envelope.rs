//! `POST /`: the protocol of today. Reading and printing are the core's; here an envelope meets its token, the engine and the metrics.

use std::time::Instant;

use axum::extract::{self, State};
use axum::response::Response;
use hyper::StatusCode;
use resonate_core::wire::envelope::{self, Answer, Call, DebugReply, Envelope, Shape};

use super::respond::{json, retry_later};
use super::{Shared, body};
use crate::engine::DebugAnswer;

/// The kind in metrics of whatever is no request of the protocol: clients must not make series.
const UNKNOWN: &str = "unknown";
const DEBUG_OFF: &str = "debugging is off: start a server for tests with --debug true";

/// Answers one envelope.
pub(super) async fn call(State(shared): State<Shared>, request: extract::Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let (kind, answer) = match body::read(body, &parts.headers, shared.body_limit).await {
        Ok(bytes) => match Envelope::parse(&bytes) {
            Ok(envelope) => {
                let kind = envelope::known_kind(&envelope.kind).unwrap_or(UNKNOWN);
                (kind, run(&shared, &envelope, bytes.len()).await)
            }
            Err(failure) => (UNKNOWN, failure.answer()),
        },
        Err(refused) => (UNKNOWN, envelope::print_unread(refused.status.as_u16(), &refused.why)),
    };
    shared.engine.metrics().answered(kind, answer.status, started.elapsed());
    respond(answer)
}

/// Runs what an envelope asks for.
async fn run(shared: &Shared, envelope: &Envelope<'_>, bytes: usize) -> Answer {
    let (kind, corr_id) = (&*envelope.kind, &*envelope.corr_id);
    let refuse = |status, why: &str| envelope::print_error(kind, corr_id, status, why);
    let request = match envelope.request() {
        Ok(Call::Request(request)) => request,
        Ok(Call::Debug(_)) if !shared.debug => return refuse(403, DEBUG_OFF),
        Ok(Call::Debug(call)) => {
            return match shared.engine.debug(call).await {
                Ok(answer) => envelope::print_debug(kind, corr_id, of_debug(&answer)),
                Err(why) => refuse(why.status(), &why.to_string()),
            };
        }
        Err(why) => return refuse(400, &why.0),
    };
    let debug_time = match envelope.debug_time() {
        Ok(time) => time.filter(|_| shared.debug),
        Err(why) if shared.debug => return refuse(400, &why.0),
        Err(_) => None,
    };
    let shape = Shape::of(&request);
    let reply = match debug_time {
        Some(at) => shared.engine.submit_at(request, at).await,
        None => shared.engine.submit(request, bytes).await,
    };
    match reply {
        Ok(reply) => envelope::print(kind, corr_id, shape, &reply),
        Err(why) => refuse(why.status(), &why.to_string()),
    }
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
    retry_later(json(status, answer.body))
}
