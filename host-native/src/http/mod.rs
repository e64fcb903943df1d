//! The HTTP edge: connections, routes, limits of what a client may send. What a request means is in the core; which status an outcome has is in
//! `respond`.

mod body;
mod connections;
pub mod cors;
mod envelope;
pub mod openapi;
mod operations;
pub mod playground;
mod poll;
mod promises;
mod respond;

pub use body::Bodies;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::{any, get, post};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use resonate_core::time::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::auth::Gate;
use crate::dispatch::poll::Poll;
use crate::engine::Engine;
use crate::metrics::Metrics;

/// Bounds of the HTTP edge.
pub mod limits {
    use std::time::Duration;

    /// Header lines of a request.
    pub const HEADERS_MAX: usize = 64;
    /// Bytes after which an incomplete head is refused. The last read may bring as many again: a head is never larger than twice this.
    pub const HEAD_BYTES_MAX: usize = 32 << 10;
    /// Time for a request's head to arrive, and for a connection to stay idle.
    pub const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
    /// How long sent bytes may stay unacknowledged before the connection ends; shorter than the interval after which a message counts as arrived.
    pub const UNANSWERED_TIMEOUT: Duration = Duration::from_secs(10);
    /// Time for a request's body to arrive.
    pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
    /// Bytes behind the largest body that are read and thrown away, so that a client that sends too much reads why.
    pub const DISCARD_BYTES_MAX: usize = 64 << 20;
    /// Bytes of bodies that are read or answered at a time; those of at most the next do not count.
    pub const BODIES_BYTES_MAX: usize = 128 << 20;
    /// Bytes of a small body.
    pub const SMALL_BODY_BYTES: usize = 16 << 10;
    /// Open connections.
    pub const CONNECTIONS_MAX: usize = 16_384;
}

/// The instant at which an answer was decided, in milliseconds since 1970.
const RESONATE_NOW: HeaderName = HeaderName::from_static("resonate-now");

/// What the routes share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Where requests go.
    pub engine: Engine,
    /// Who is let in.
    pub gate: Gate,
    /// What bodies may take.
    pub bodies: Bodies,
    /// Where workers connect, unless delivery by poll is switched off.
    pub poll: Option<Arc<Poll>>,
    /// Whether the requests of debugging are obeyed.
    pub debug: bool,
    /// Whether answers tell in a header at which instant they were decided.
    pub report_now: bool,
}

impl Shared {
    /// An answer of the machine, with the instant at which it was decided where that is told.
    fn decided_at(&self, mut response: Response, now: Timestamp) -> Response {
        if self.report_now {
            response.headers_mut().insert(RESONATE_NOW, HeaderValue::from(now.as_millis()));
        }
        response
    }
}

/// The lines of the header that a token comes in.
fn token_lines(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes)
}

/// The API.
pub fn api(shared: Shared) -> Router {
    Router::new()
        .route("/", post(envelope::call))
        .route("/poll/{group}/{id}", get(poll::connect))
        .route("/promises", any(promises::call))
        .route("/promises/", any(promises::call))
        .route("/promises/{*path}", any(promises::call))
        .route("/openapi.json", get(openapi::document))
        .route("/health", get(operations::health))
        .route("/ready", get(operations::ready))
        .fallback(respond::no_route)
        .method_not_allowed_fallback(respond::no_method)
        .with_state(shared)
}

/// The metrics, on a port of their own.
pub fn metrics(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(operations::metrics))
        .fallback(respond::no_route)
        .method_not_allowed_fallback(respond::no_method)
        .with_state(metrics)
}

/// Serves a router until `stop` turns true, then finishes the requests under way.
pub async fn serve(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    connections::serve(listener, router, stop).await;
}
