//! Owns the measure of a burst: how soon the workers of a group have the messages of many tasks that were created at once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::events::Readers;
use super::flood::Flood;
use super::ledger::{Ledger, Since};
use crate::bench::Bench;
use crate::child::Server;
use crate::ids::{IdOrder, Ids};
use crate::measure::Watch;
use crate::report::{Latency, Report, Row, ratio, rounded};

const TASKS: u64 = 20_000;
const CONNECTIONS: usize = 16;
const WORKERS: usize = 8;
const GROUP: &str = "burst";
/// What may pass between the last create and the last message.
const LAST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = bench.folder("burst")?;
    let server = Server::start(&bench.program, &folder, false).await?;
    let ids = Arc::new(Ids::new(IdOrder::Time));
    let ledger = Arc::new(Ledger::new(ids.take_block(TASKS), TASKS));
    let arrivals = Arc::clone(&ledger);
    let seen = move |number| arrivals.arrived(number);
    let mut readers = Readers::open(server.address, GROUP, WORKERS, &ids, seen).await?;

    let watch = Watch::start(&server)?;
    let flood = Flood { ids, group: GROUP, connections: CONNECTIONS, ledger: Arc::clone(&ledger) };
    let created = flood.run(&server).await?;
    let missing = ledger.settle(LAST_MESSAGE_TIMEOUT).await;
    let used = watch.stop()?;
    readers.check()?;
    drop(readers);

    let (created_in, delivered_in) = ledger.spans();
    let rate = |took: Duration| ratio(TASKS as f64, took.as_secs_f64());
    let delivered = ledger.latencies(ledger.numbers(), Since::Acknowledged);
    let of_created = ratio(created_in.as_secs_f64(), delivered_in.as_secs_f64()).filter(|_| missing == 0);
    report.findings.burst_of_created = of_created;
    report.push(Row {
        measure: format!("burst of {} tasks, created", rounded(TASKS)),
        connections: Some(CONNECTIONS),
        rate: rate(created_in),
        latency: Some(Latency::from(&created.latency)),
        errors: Some(0),
        note: format!("{:.2} s", created_in.as_secs_f64()),
        ..used.row()
    });
    report.push(Row {
        measure: format!("burst of {} tasks, delivered", rounded(TASKS)),
        connections: Some(WORKERS),
        rate: rate(delivered_in),
        latency: Some(Latency::from(&delivered.latency)),
        errors: Some(missing),
        first_error: (missing > 0).then(|| format!("{missing} messages have not come")),
        note: format!("{:.2} of created; {} came again", of_created.unwrap_or(0.0), ledger.duplicates()),
        ..used.row()
    });
    server.stop().await
}
