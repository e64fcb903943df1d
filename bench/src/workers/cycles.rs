//! Owns the measure of whole tasks: create, message, acquire, fulfill, with so many under way at any time, beside what the server
//! creates when it does nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::events::Readers;
use crate::bench::Bench;
use crate::child::Server;
use crate::client::{Call, Fault, Link, create_body, tomorrow_ms};
use crate::ids::{IdOrder, Ids};
use crate::load::{Operation, Tally};
use crate::measure::{Measurement, Watch};
use crate::protocol;
use crate::report::{Report, Row, ratio};

const IN_FLIGHT: usize = 64;
const WORKERS: usize = 8;
const GROUP: &str = "cycles";
/// More than one lane comes to in a run.
const CYCLES_PER_LANE_MAX: u64 = 1 << 24;
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
const ERRORS_PER_LANE_MAX: u64 = 100;

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = bench.folder("cycles")?;
    let server = Server::start(&bench.program, &folder, false).await?;
    let ids = Arc::new(Ids::new(IdOrder::Time));
    let window = bench.options.window();
    let create = || Operation::Create(Call::Create(create_body(tomorrow_ms())));
    let before = Measurement::take(&server, &ids, create(), IN_FLIGHT, window).await?;
    report.push(before.row("create, before the cycles", IN_FLIGHT));

    let first = ids.take_block(IN_FLIGHT as u64 * CYCLES_PER_LANE_MAX);
    let (lanes, arrivals): (Vec<_>, Vec<_>) = (0..IN_FLIGHT).map(|_| mpsc::unbounded_channel()).unzip();
    let seen = move |number: u64| {
        // A lane that has ended wants no messages.
        lanes[(number - first) as usize % IN_FLIGHT].send(number).ok();
    };
    let mut readers = Readers::open(server.address, GROUP, WORKERS, &ids, seen).await?;
    let warm = Instant::now() + window.warm_up;
    let end = warm + window.measured;
    let mut tasks = JoinSet::new();
    for (number, arrivals) in (first..).zip(arrivals) {
        let link = Link::open(server.address).await?;
        let lane = Lane { link, arrivals, ids: Arc::clone(&ids), timeout_ms: tomorrow_ms() };
        tasks.spawn(lane.run(number, warm, end));
    }
    tokio::time::sleep_until(warm.into()).await;
    let watch = Watch::start(&server)?;
    tokio::time::sleep_until(end.into()).await;
    let used = watch.stop()?;
    let mut cycles = Tally::new();
    while let Some(lane) = tasks.join_next().await {
        cycles.add(lane?);
    }
    readers.check()?;
    drop(readers);

    let after = Measurement::take(&server, &ids, create(), IN_FLIGHT, window).await?;
    let per_second = cycles.completed as f64 / window.measured.as_secs_f64();
    let of_create = ratio(per_second, f64::midpoint(before.per_second, after.per_second));
    report.findings.cycles_of_create = of_create;
    report.push(Row {
        measure: "task cycle".to_owned(),
        connections: Some(IN_FLIGHT),
        rate: Some(per_second),
        latency: Some((&cycles.latency).into()),
        errors: Some(cycles.errors),
        first_error: cycles.first_error,
        note: format!("{:.2} of create; 3 requests and a message each", of_create.unwrap_or(0.0)),
        ..used.row()
    });
    report.push(after.row("create, after the cycles", IN_FLIGHT));
    server.stop().await.context("the server")
}

/// One task after the other.
struct Lane {
    link: Link,
    /// Promises of this lane whose messages have come.
    arrivals: mpsc::UnboundedReceiver<u64>,
    ids: Arc<Ids>,
    timeout_ms: u64,
}

impl Lane {
    async fn run(mut self, first: u64, warm: Instant, end: Instant) -> Tally {
        let mut tally = Tally::new();
        for number in (first..).step_by(IN_FLIGHT) {
            let started = Instant::now();
            if started >= end || tally.errors >= ERRORS_PER_LANE_MAX {
                break;
            }
            match self.cycle(number).await {
                Ok(()) if Instant::now() >= warm => {
                    tally.record(started.elapsed());
                    tally.completed += u64::from(Instant::now() <= end);
                }
                Ok(()) => {}
                Err(fault) => {
                    tally.fail(&fault);
                    if matches!(fault, Fault::Broken(_)) {
                        break;
                    }
                }
            }
        }
        tally
    }

    async fn cycle(&mut self, number: u64) -> Result<(), Fault> {
        let id = self.ids.text(number);
        self.link.ask(protocol::create_for_group(&id, self.timeout_ms, GROUP)).await?;
        let message = async {
            // What is not about this promise has come again.
            while self.arrivals.recv().await.is_some_and(|arrived| arrived != number) {}
        };
        let came = tokio::time::timeout(MESSAGE_TIMEOUT, message).await;
        came.map_err(|_| Fault::Refused("the message has not come".to_owned()))?;
        self.link.ask(protocol::acquire(&id, "w0")).await?;
        self.link.ask(protocol::fulfill(&id)).await
    }
}
