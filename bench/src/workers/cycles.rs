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
use crate::measure::{Measurement, Used, Watch, Window};
use crate::protocol;
use crate::report::{Report, Row, ratio};

const IN_FLIGHT: usize = 64;
const WORKERS: usize = 8;
const GROUP: &str = "cycles";
/// More than one lane comes to in a run.
const CYCLES_PER_LANE_MAX: u64 = 1 << 24;
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
const ERRORS_PER_LANE_MAX: u64 = 100;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Cycled {
    pub(crate) tally: Tally,
    pub(crate) per_second: f64,
    pub(crate) used: Used,
}

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = bench.folder("cycles")?;
    let server = Server::start(&bench.program, &folder, false).await?;
    let ids = Arc::new(Ids::new(IdOrder::Time));
    let window = bench.options.window();
    let create = || Operation::Create(Call::Create(create_body(tomorrow_ms())));
    let before = Measurement::take(&server, &ids, create(), IN_FLIGHT, window).await?;
    report.push(before.row("create, before the cycles", IN_FLIGHT));
    let cycles = run(&server, &ids, IN_FLIGHT, window).await?;
    let after = Measurement::take(&server, &ids, create(), IN_FLIGHT, window).await?;
    let of_create = ratio(cycles.per_second, f64::midpoint(before.per_second, after.per_second));
    report.findings.cycles_of_create = of_create;
    report.push(Row {
        measure: "task cycle".to_owned(),
        connections: Some(IN_FLIGHT),
        rate: Some(cycles.per_second),
        latency: Some((&cycles.tally.latency).into()),
        errors: Some(cycles.tally.errors),
        first_error: cycles.tally.first_error,
        note: format!("{:.2} of create; 3 requests and a message each", of_create.unwrap_or(0.0)),
        ..cycles.used.row()
    });
    report.push(after.row("create, after the cycles", IN_FLIGHT));
    server.stop().await.context("the server")
}

/// Keeps so many tasks under way.
pub(crate) async fn run(server: &Server, ids: &Arc<Ids>, lanes: usize, window: Window) -> Result<Cycled> {
    let first = ids.take_block(lanes as u64 * CYCLES_PER_LANE_MAX);
    let (seen, arrivals): (Vec<_>, Vec<_>) = (0..lanes).map(|_| mpsc::unbounded_channel()).unzip();
    let seen = move |number: u64| {
        // A lane that has ended wants no messages, and what is of an earlier run has come again.
        if let Some(number) = number.checked_sub(first) {
            seen[number as usize % lanes].send(first + number).ok();
        }
    };
    let mut readers = Readers::open(server.address, GROUP, WORKERS, ids, seen).await?;
    let warm = Instant::now() + window.warm_up;
    let end = warm + window.measured;
    let mut tasks = JoinSet::new();
    for (number, arrivals) in (first..).zip(arrivals) {
        let link = Link::open(server.address).await?;
        let lane = Lane { link, arrivals, ids: Arc::clone(ids), timeout_ms: tomorrow_ms() };
        tasks.spawn(lane.run((number..).step_by(lanes), warm, end));
    }
    tokio::time::sleep_until(warm.into()).await;
    let watch = Watch::start(server)?;
    tokio::time::sleep_until(end.into()).await;
    let used = watch.stop()?;
    let mut tally = Tally::new();
    while let Some(lane) = tasks.join_next().await {
        tally.add(lane?);
    }
    readers.check()?;
    let per_second = tally.completed as f64 / window.measured.as_secs_f64();
    Ok(Cycled { tally, per_second, used })
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
    async fn run(mut self, numbers: impl Iterator<Item = u64>, warm: Instant, end: Instant) -> Tally {
        let mut tally = Tally::new();
        for number in numbers {
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
