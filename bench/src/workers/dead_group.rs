//! Owns the measure of one group beside another whose workers are gone: what a live worker feels while many tasks wait for nobody.

use std::sync::Arc;

use anyhow::Result;

use super::dispatch::Probe;
use super::flood::Flood;
use super::ledger::Ledger;
use crate::bench::Bench;
use crate::child::Server;
use crate::ids::{IdOrder, Ids};
use crate::measure::Watch;
use crate::report::{Latency, Report, Row, ratio, rounded};

const TASKS: u64 = 50_000;
const CONNECTIONS: usize = 64;

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = bench.folder("dead-group")?;
    let server = Server::start(&bench.program, &folder, false).await?;
    let ids = Arc::new(Ids::new(IdOrder::Time));
    let ledger = Arc::new(Ledger::new(ids.take_block(TASKS), TASKS));
    let watch = Watch::start(&server)?;
    let flood = Flood { ids: Arc::clone(&ids), group: "dead", connections: CONNECTIONS, ledger: Arc::clone(&ledger) };
    let created = flood.run(&server).await?;
    let (created_in, _) = ledger.spans();
    report.push(Row {
        measure: format!("create {} tasks for nobody", rounded(TASKS)),
        connections: Some(CONNECTIONS),
        rate: ratio(TASKS as f64, created_in.as_secs_f64()),
        latency: Some(Latency::from(&created.latency)),
        errors: Some(0),
        ..watch.stop()?.row()
    });
    let probe = Probe { server: &server, ids: &ids, group: "live", window: bench.options.window() };
    probe.run().await?.show(&format!(", {} wait for nobody", rounded(TASKS)), report);
    server.stop().await
}
