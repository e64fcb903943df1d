//! Owns the measure of many connected workers: what they cost in memory, and what a message to one of them costs then.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::dispatch::{PATIENT, Probe};
use super::events::Events;
use crate::bench::Bench;
use crate::child::Server;
use crate::ids::{IdOrder, Ids};
use crate::measure::Window;
use crate::procfs::Resident;
use crate::report::{Report, Row, ratio};
use crate::targets::Crowd;

const CONNECTIONS: usize = 5_000;
const WORKERS_PER_GROUP: usize = 100;
const LIMIT: [&str; 2] = ["--transports-http-poll-max-connections", "6000"];
/// Files of the bench besides the connections.
const OTHER_FILES: u64 = 500;
/// More than the time between two signs of life, so that a measure has those of all connections in it.
const MEASURED_LEAST: Duration = Duration::from_secs(20);
const SETTLING: Duration = Duration::from_secs(1);

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    raise_open_files()?;
    let folder = bench.folder("connections")?;
    let server = Server::start(&bench.program.with(&[PATIENT, LIMIT].concat()), &folder, false).await?;
    let ids = Arc::new(Ids::new(IdOrder::Time));
    let window = bench.options.window();
    let window = Window { measured: window.measured.max(MEASURED_LEAST), ..window };
    let probe = Probe { server: &server, ids: &ids, group: "live", window };
    let without = probe.run().await?;
    without.show(", alone", report);

    let before = Resident::read(server.pid())?;
    let crowd = connect(&server).await?;
    tokio::time::sleep(SETTLING).await;
    let resident = Resident::read(server.pid())?;
    let each = (resident.now_kib.saturating_sub(before.now_kib)) as f64 / CONNECTIONS as f64;
    report.push(Row {
        measure: "workers connected".to_owned(),
        connections: Some(CONNECTIONS),
        resident: Some(resident),
        note: format!("{each:.1} KiB each"),
        ..Row::default()
    });
    let with = probe.run().await?;
    with.show(&format!(", among {CONNECTIONS} workers"), report);
    let lost = crowd.iter().filter(|worker| !worker.is_open()).count();
    ensure!(lost == 0, "{lost} workers lost their connections");
    report.findings.crowd =
        Some(Crowd { peak_kib: with.peak_kib(), p99_of_alone: ratio(with.latency().p99_ms, without.latency().p99_ms) });
    server.stop().await
}

/// Connects workers that only wait. Nobody reads what comes: their signs of life fit into the buffers of their sockets.
async fn connect(server: &Server) -> Result<Vec<Events>> {
    let mut crowd = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        let (group, worker) = (format!("idle-{}", number / WORKERS_PER_GROUP), format!("w{number}"));
        let opened = Events::open(server.address, &group, &worker).await;
        crowd.push(opened.with_context(|| format!("worker {number}"))?);
    }
    Ok(crowd)
}

fn raise_open_files() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let enough = maximum.is_none_or(|maximum| maximum >= CONNECTIONS as u64 + OTHER_FILES);
    ensure!(enough, "{CONNECTIONS} connections need more open files than the {maximum:?} that are allowed: ulimit -n");
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
