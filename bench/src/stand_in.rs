//! Owns the stand-in: the floor behind the flags of the real server, with promises that fall due and a
//! metric that counts them. It stores nothing; it is there to try the bench itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use bytes::Bytes;
use clap::Args;

use crate::client::{sample_promise, unix_ms};
use crate::floor;
use crate::timers::TIMEOUTS_METRIC;

const SWEEP: Duration = Duration::from_millis(50);

/// The flags that a measured server is started with.
#[derive(Args, Debug)]
pub(crate) struct StandInFlags {
    #[arg(long)]
    server_bind: IpAddr,
    #[arg(long)]
    server_port: u16,
    #[arg(long)]
    server_grpc_port: u16,
    #[arg(long)]
    observability_metrics_port: u16,
    #[arg(long)]
    storage_sqlite_path: PathBuf,
    #[arg(long)]
    level: String,
}

#[derive(Default)]
struct Pending {
    by_timeout: Mutex<BTreeMap<u64, u64>>,
    settled: AtomicU64,
}

impl Pending {
    fn add(&self, body: &[u8]) -> bool {
        let parsed = serde_json::from_slice::<serde_json::Value>(body).ok();
        let Some(timeout) = parsed.and_then(|body| body["timeout"].as_u64()) else {
            return false;
        };
        let mut pending = self.by_timeout.lock().unwrap_or_else(PoisonError::into_inner);
        *pending.entry(timeout).or_default() += 1;
        true
    }

    fn sweep(&self) {
        let mut pending = self.by_timeout.lock().unwrap_or_else(PoisonError::into_inner);
        let later = pending.split_off(&unix_ms());
        let due = std::mem::replace(&mut *pending, later);
        self.settled.fetch_add(due.values().sum(), Ordering::Relaxed);
    }
}

/// Serves until the process is asked to stop.
pub(crate) async fn run(flags: StandInFlags) -> Result<()> {
    let pending = Arc::new(Pending::default());
    let (created, found) = (sample_promise(), sample_promise());
    let (adding, counting) = (Arc::clone(&pending), Arc::clone(&pending));
    let create = move |body: Bytes| async move {
        let status = if adding.add(&body) { StatusCode::CREATED } else { StatusCode::BAD_REQUEST };
        floor::promise(status, created)
    };
    let router = Router::new()
        .route("/ready", get(|| async { StatusCode::OK }))
        .route("/promises/{id}", get(|| async move { floor::promise(StatusCode::OK, found) }))
        .route("/promises/{id}/create", post(create))
        .route("/promises/{id}/resolve", post(|_body: Bytes| async { StatusCode::CREATED }));
    let metrics = move || async move {
        format!("# TYPE timeouts counter\n{TIMEOUTS_METRIC} {}\n", counting.settled.load(Ordering::Relaxed))
    };
    let metrics = Router::new().route("/metrics", get(metrics));
    if flags.observability_metrics_port != 0 {
        let address = SocketAddr::from((flags.server_bind, flags.observability_metrics_port));
        tokio::spawn(floor::serve(address, metrics));
    }
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            pending.sweep();
        }
    });
    floor::serve(SocketAddr::from((flags.server_bind, flags.server_port)), router).await
}
