//! Owns filling a server with promises over HTTP, as clients would.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::child::Server;
use crate::client::{Call, create_body};
use crate::ids::Ids;
use crate::load::{Load, Operation, Until};
use crate::procfs::Resident;
use crate::report::{Row, ratio};
use crate::targets::CONNECTIONS;

/// How often progress is told of; a server that stores nothing for so long has stalled.
const PROGRESS: Duration = Duration::from_secs(30);

/// Creates promises with this timeout until so many ids are taken. Returns the row that shows it.
pub(crate) async fn fill(
    server: &Server,
    ids: &Arc<Ids>,
    count: u64,
    timeout_ms: u64,
    at_most: Duration,
) -> Result<Row> {
    let began = Instant::now();
    let load = Load {
        address: server.address,
        ids: Arc::clone(ids),
        operation: Operation::Create(Call::Create(create_body(timeout_ms))),
        until: Until::Taken { count, latest: began + at_most },
    };
    Resident::reset_peak(server.pid());
    let tally = tokio::select! {
        tally = load.run(CONNECTIONS) => tally?,
        stalled = watch(ids, count) => return stalled,
    };
    let reached = ids.taken();
    ids.cap(count);
    ensure!(reached >= count, "stored only {reached} of {count} in {} s", at_most.as_secs());
    let seconds = began.elapsed().as_secs_f64();
    Ok(Row {
        connections: Some(CONNECTIONS),
        rate: ratio(tally.completed as f64, seconds),
        latency: Some((&tally.latency).into()),
        resident: Some(Resident::read(server.pid())?),
        errors: Some(tally.errors),
        first_error: tally.first_error,
        note: format!("took {seconds:.1} s"),
        ..Row::default()
    })
}

/// Tells of progress; returns only when there is none.
async fn watch(ids: &Ids, count: u64) -> Result<Row> {
    let mut before = ids.taken();
    loop {
        tokio::time::sleep(PROGRESS).await;
        let now = ids.taken();
        if now == before {
            bail!("stalled at {now} of {count}");
        }
        eprintln!("  {} of {count} stored", now.min(count));
        before = now;
    }
}
