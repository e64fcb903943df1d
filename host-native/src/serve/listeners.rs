//! Owns the ports of the server: opens them, and serves on each what belongs there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::ServeError;
use crate::config::Config;
use crate::http;
use crate::http::cors::Origins;
use crate::http::playground::Playground;
use crate::metrics::Metrics;

/// How many connections may wait to be accepted: as many as the system permits (`net.core.somaxconn` on Linux, 4,096 unless set), for it
/// resets those that find no room.
const BACKLOG: u32 = 65_535;

/// What web pages there are: those of others that may call, and our own.
pub(super) struct Pages {
    pub(super) origins: Option<Origins>,
    pub(super) playground: Playground,
}

/// The open ports.
pub(super) struct Listeners {
    http: TcpListener,
    grpc: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Listeners {
    pub(super) async fn bind(config: &Config) -> Result<Self, ServeError> {
        let (server, metrics_port) = (&config.server, config.observability.metrics_port);
        Ok(Self {
            http: bind(&server.bind, server.port, "--server-port").await?,
            grpc: match server.grpc_port {
                0 => None,
                port => Some(bind(&server.bind, port, "--server-grpc-port").await?),
            },
            metrics: match metrics_port {
                0 => None,
                port => Some(bind(&server.bind, port, "--observability-metrics-port").await?),
            },
        })
    }

    pub(super) fn serve(
        self,
        servers: &mut JoinSet<()>,
        shared: http::Shared,
        pages: Pages,
        metrics: &Arc<Metrics>,
        stopped: &watch::Receiver<bool>,
    ) {
        let (engine, gate, body_limit) = (shared.engine.clone(), shared.gate.clone(), shared.bodies.limit());
        announce("starting http server", &self.http);
        let api = pages.playground.serve_by(http::api(shared));
        let api = match pages.origins {
            Some(origins) => origins.allow_to_call(api),
            None => api,
        };
        servers.spawn(http::serve(self.http, api, stopped.clone()));
        if let Some(listener) = self.metrics {
            announce("starting metrics server", &listener);
            servers.spawn(http::serve(listener, http::metrics(Arc::clone(metrics)), stopped.clone()));
        }
        if let Some(listener) = self.grpc {
            announce("starting grpc server", &listener);
            let mut stopped = stopped.clone();
            let stop = async move {
                // An error means that the sender is gone, which is a stop too.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            servers.spawn(async move {
                if let Err(error) = crate::grpc::serve(listener, engine, gate, body_limit, stop).await {
                    tracing::error!(%error, "the grpc server failed");
                }
            });
        }
    }
}

fn announce(what: &str, listener: &TcpListener) {
    match listener.local_addr() {
        Ok(addr) => tracing::info!(%addr, "{what}"),
        Err(_) => tracing::info!("{what}"),
    }
}

async fn bind(host: &str, port: u16, flag: &str) -> Result<TcpListener, ServeError> {
    let addresses = lookup_host((host, port))
        .await
        .map_err(|error| ServeError(format!("cannot listen on {host}: {error}; choose another --server-bind")))?;
    let mut refused = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    for address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    let why = match refused.kind() {
        io::ErrorKind::AddrInUse => "the port is in use by another program".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not open the port".to_owned(),
        _ => refused.to_string(),
    };
    Err(ServeError(format!("cannot listen on {host}:{port}: {why}; choose another {flag}")))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that starts again need not wait for the connections of the one before to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
