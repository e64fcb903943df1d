//! The gRPC edge: the Durable Promise API of 2023, server reflection and the standard health service on one listener.
//!
//! It carries messages to the engine and replies back. What a request means is the core's; which answer a duplicate gets is decided in
//! [`resonate_core::wire::rest`], where the HTTP edge asks too.

pub mod convert;
mod incoming;
mod service;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use resonate_proto::promise::promise_service_server::PromiseServiceServer;
use tokio::net::TcpListener;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::auth::Gate;
use crate::engine::Engine;
use incoming::Incoming;
use service::Promises;

/// Requests that one connection may have under way; a client that wants more waits, or opens another connection.
pub const CONNECTION_STREAMS_MAX: u32 = 256;
/// How long a connection is quiet before its peer is asked whether it is still there.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long the peer may take to say so before the connection is closed.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest time from the head of a request to its answer (then `CANCELLED`), which bounds clients that never send the rest of it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Why the gRPC edge stopped on its own.
#[derive(Debug)]
pub struct Error(tonic::transport::Error);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gRPC server failed: {}", self.0)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Serves gRPC on a listener until `shutdown` completes, then closes the listener and finishes the requests that it has accepted.
///
/// Promises take a token where the gate wants one; health and reflection are open to all. Messages larger than `body_limit` bytes are refused with `OUT_OF_RANGE`. The drain has no limit of its own: a client that keeps a reflection
/// stream open, or does not take its answers, holds it up. When the future is dropped before, such connections live on until the runtime ends.
///
/// # Errors
/// When the transport fails; a connection that fails is not an error.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    gate: Gate,
    body_limit: usize,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let health = HealthReporter::new();
    let routes = routes(engine, gate, body_limit, health.clone());
    health.set_service_status(PROMISE_SERVICE, ServingStatus::Serving).await;
    let stopping = async {
        shutdown.await;
        stop_serving(health).await;
    };
    Server::builder()
        .max_concurrent_streams(CONNECTION_STREAMS_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .timeout(REQUEST_TIMEOUT)
        .add_routes(routes)
        .serve_with_incoming_shutdown(Incoming::new(listener), stopping)
        .await
        .map_err(Error)
}

const PROMISE_SERVICE: &str = <PromiseServiceServer<Promises> as NamedService>::NAME;

/// The name of the server as a whole in the health protocol.
const WHOLE_SERVER: &str = "";

fn routes(engine: Engine, gate: Gate, body_limit: usize, health: HealthReporter) -> Routes {
    let promises = PromiseServiceServer::new(Promises::new(engine, gate)).max_decoding_message_size(body_limit);
    let health = tonic_health::server::HealthService::from_health_reporter(health);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(resonate_proto::promise::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Routes::new(promises)
        .add_service(tonic_health::pb::health_server::HealthServer::new(health))
        .add_service(reflection().build_v1().expect("the contracts were compiled with this binary"))
        .add_service(reflection().build_v1alpha().expect("the contracts were compiled with this binary"))
}

/// Tells everybody who watches that the server stops, and ends their streams, which would hold up the drain for ever.
async fn stop_serving(mut health: HealthReporter) {
    for name in [WHOLE_SERVER, PROMISE_SERVICE] {
        health.set_service_status(name, ServingStatus::NotServing).await;
        health.clear_service_status(name).await;
        // A check on a connection that is not drained yet finds the name again.
        health.set_service_status(name, ServingStatus::NotServing).await;
    }
}
