//! Runs the server from a finished configuration until it is told to stop: binds, starts, waits for a signal, drains.
//!
//! It reads no files, flags or environment variables: everything it needs is in [`Config`].

mod listeners;
mod storage;
pub mod support;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::auth::{Gate, KeyError};
use crate::config::Config;
use crate::dispatch::poll::Poll;
use crate::dispatch::push::Push;
use crate::dispatch::{Dispatch, Mail, Voice};
use crate::engine::{Threads, Transports};
use crate::http;
use crate::http::Bodies;
use crate::http::cors::Origins;
use crate::http::playground::Playground;
use crate::metrics::Metrics;
use listeners::{Listeners, Pages};

/// Why the server could not start, or stopped on its own.
#[derive(Debug)]
pub struct ServeError(String);

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServeError {}

impl From<crate::store::Error> for ServeError {
    fn from(error: crate::store::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<KeyError> for ServeError {
    fn from(error: KeyError) -> Self {
        Self(error.to_string())
    }
}

/// Serves until a signal asks for the end, then drains for at most `server.shutdown_timeout`.
///
/// # Errors
/// [`ServeError`] when the key of the tokens, a port or the store cannot be opened.
pub async fn run(config: Config) -> Result<(), ServeError> {
    support::check(&config)?;
    let origins = Origins::parse(&config.server.cors.allow_origins)
        .map_err(|why| ServeError(format!("server.cors.allow_origins: {why}")))?;
    let playground = Playground::open(config.server.playground_dir.as_deref()).map_err(ServeError)?;
    let gate = Gate::from_config(&config.auth)?;
    // First of all: from here on a signal is a request to stop, and not the end of the process in the middle of something.
    let mut signals = Signals::listen()?;
    support::warn_of_open_doors(&config);
    let listeners = Listeners::bind(&config).await?;
    let metrics = Arc::new(Metrics::new());
    let (poll, transports, mail) = start_transports(&config, &metrics)?;
    // A store may have connections of its own to wait for.
    let (engine, threads) = tokio::task::block_in_place(|| storage::start_engine(&config, &metrics, transports))?;
    let (stop, stopped) = watch::channel(false);
    let (mut servers, mut couriers) = (JoinSet::new(), JoinSet::new());
    couriers.spawn(mail.carry(engine.clone(), Arc::clone(&metrics)));
    if let Some(algorithms) = gate.algorithms() {
        tracing::info!(algorithms, "verifying tokens");
    }
    let bodies = Bodies::new(config.server.body_limit);
    let report_now = config.server.report_now;
    let shared = http::Shared { engine, gate, bodies, poll: poll.clone(), debug: config.debug, report_now };
    listeners.serve(&mut servers, shared, Pages { origins, playground }, &metrics, &stopped);

    signals.stop().await;
    tracing::info!("stopping: no new requests, finishing those under way");
    stop.send_replace(true);
    if let Some(poll) = poll {
        poll.stop();
    }
    tokio::select! {
        () = drain(servers, couriers, threads, config.server.shutdown_timeout) => {}
        // Whoever asks twice does not want to wait.
        () = signals.stop() => tracing::warn!("asked to stop again: requests under way are cut off"),
    }
    tracing::info!("stopped");
    Ok(())
}

/// What messages leave by, and the way back of what becomes of them.
type Transporting = (Option<Arc<Poll>>, Arc<dyn Transports>, Mail);

fn start_transports(config: &Config, metrics: &Metrics) -> Result<Transporting, ServeError> {
    let (voice, mail) = Voice::new();
    let (http_poll, http_push) = (&config.transports.http_poll, &config.transports.http_push);
    let server_url: Arc<str> = match &config.server.url {
        Some(url) => url.as_str().into(),
        None => format!("http://{}:{}", config.server.host, config.server.port).into(),
    };
    let poll = http_poll.enabled.then(|| {
        let url = Arc::clone(&server_url);
        let open = metrics.poll_connections.clone();
        Arc::new(Poll::new(http_poll.max_connections, http_poll.buffer_size, url, voice.clone(), open))
    });
    let push = match http_push.enabled {
        true => Some(Push::start(http_push, server_url, voice.reports.clone()).map_err(ServeError)?),
        false => None,
    };
    let transports = Arc::new(Dispatch::new(poll.clone(), push, voice));
    Ok((poll, transports, mail))
}

/// The signals that would end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// A file size limit is an error of the write, not the end of the process.
    _limit: Signal,
}

impl Signals {
    fn listen() -> Result<Self, ServeError> {
        let listen = |kind| signal(kind).map_err(|error| ServeError(format!("cannot listen for signals: {error}")));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            _limit: listen(SignalKind::from_raw(libc_sigxfsz()))?,
        })
    }

    /// Completes when the server is asked to stop.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGXFSZ on Linux and the BSDs.
const fn libc_sigxfsz() -> i32 {
    25
}

/// Finishes the requests under way; what is not finished in time is cut off.
async fn drain(mut servers: JoinSet<()>, mut couriers: JoinSet<()>, threads: Threads, timeout: Duration) {
    let finish = async {
        while servers.join_next().await.is_some() {}
        // What is not reported by now is delivered again.
        couriers.shutdown().await;
        // Every handle to the engine is gone: its threads end when everything accepted is answered.
        let _ = tokio::task::spawn_blocking(move || threads.join()).await;
    };
    if tokio::time::timeout(timeout, finish).await.is_err() {
        tracing::warn!("some requests were still under way after server.shutdown_timeout and are cut off");
    }
}
