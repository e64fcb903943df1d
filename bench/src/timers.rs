//! Owns the timers: how late single ones are while many wait, how long until promises that all fall due at one instant are
//! settled, and what a modest load beside it feels. Settlement is observed in the metrics of the server, because a read
//! shows a promise as timed out whether or not that is stored yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::bench::Bench;
use crate::child::Server;
use crate::client::{Call, create_body, tomorrow_ms, unix_ms};
use crate::fill::fill;
use crate::ids::{IdOrder, Ids};
use crate::load::Operation;
use crate::measure::{Measurement, Watch, Window};
use crate::metrics;
use crate::pace::{Pace, Paced};
use crate::procfs::{CpuTicks, Resident};
use crate::report::{Latency, Report, Row, ratio, rounded};
use crate::targets::{CONNECTIONS, Late, Settled};
use crate::workers::lateness;

/// The counter of promises that were settled because their timeout had come.
pub(crate) const TIMEOUTS_METRIC: &str = "resonate_timeouts_total";

const FOREGROUND_CONNECTIONS: u32 = 16;
const FOREGROUND_PER_SECOND: u32 = 500;
/// How long the foreground runs before the timers fall due.
const FOREGROUND_LEAD: Duration = Duration::from_secs(5);
const CALIBRATION: Window = Window { warm_up: Duration::from_secs(1), measured: Duration::from_secs(2) };
/// The time left for filling, relative to what the calibration lets expect, and beyond.
const FILL_FACTOR: f64 = 2.0;
const FILL_EXTRA: Duration = Duration::from_secs(10);
const SETTLE_TIMEOUT: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(100);

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let timers = bench.options.timers();
    let folder = bench.folder("timers")?;
    let server = Server::start(&bench.program, &folder, true).await?;
    let ids = Arc::new(Ids::new(IdOrder::Time));
    let before = settled_so_far(&server).await.context("the server shows no metrics")?;

    let create = Operation::Create(Call::Create(create_body(tomorrow_ms())));
    let rate = Measurement::take(&server, &ids, create, CONNECTIONS, CALIBRATION).await?.per_second;
    ensure!(rate >= 1.0, "the server creates nothing");
    let filling = Duration::from_secs_f64(FILL_FACTOR * timers as f64 / rate) + FILL_EXTRA + lateness::TAKES;
    let due = Instant::now() + filling;
    let due_ms = unix_ms() + u64::try_from(filling.as_millis())?;
    let row = fill(&server, &ids, ids.taken() + timers, due_ms, bench.options.fill_max()).await?;
    report.push(Row { measure: format!("fill, {} timers", rounded(timers)), ..row });
    ensure!(Instant::now() < due, "filling went on past the instant at which the timers fall due");

    let before = before + show_lateness(&server, &ids, timers, report).await?;

    ensure!(Instant::now() < due, "measuring went on past the instant at which the timers fall due");
    tokio::time::sleep_until((due.checked_sub(FOREGROUND_LEAD).unwrap_or(due)).into()).await;
    Resident::reset_peak(server.pid());
    let stop = Arc::new(AtomicBool::new(false));
    let foreground = Pace {
        address: server.address,
        ids,
        create: Call::Create(create_body(tomorrow_ms())),
        per_second: FOREGROUND_PER_SECOND,
        connections: FOREGROUND_CONNECTIONS,
        split: due,
        stop: Arc::clone(&stop),
        latest: due + SETTLE_TIMEOUT,
    };
    let watch = watch(&server, due, before + timers, &stop);
    let (paced, (within, cores)) = tokio::try_join!(foreground.run(), watch)?;
    show(&server, report, timers, within, cores, paced)?;
    server.stop().await
}

/// Measures single timers beside those that wait. Returns how many there were.
async fn show_lateness(server: &Server, ids: &Arc<Ids>, timers: u64, report: &mut Report) -> Result<u64> {
    let watch = Watch::start(server)?;
    let late = lateness::measure(server, ids).await?;
    let (latency, count) = (Latency::from(&late.latency), late.latency.len());
    report.push(Row {
        measure: format!("lateness, {} pending", rounded(timers)),
        latency: Some(latency),
        errors: Some(late.errors),
        note: "from the timeout to its unblock at a listener".to_owned(),
        ..watch.stop()?.row()
    });
    report.findings.late = Some(Late { timers, latency });
    Ok(count)
}

/// Waits for the counter; how long after `due` it came to `goal`, and the cores of server and others.
async fn watch(server: &Server, due: Instant, goal: u64, stop: &AtomicBool) -> Result<(Duration, (f64, f64))> {
    tokio::time::sleep_until(due.into()).await;
    let ticks = CpuTicks::read(server.pid())?;
    loop {
        let settled = settled_so_far(server).await?;
        let since_due = due.elapsed();
        if settled >= goal {
            stop.store(true, Ordering::Relaxed);
            let seconds = since_due.as_secs_f64().max(POLL.as_secs_f64());
            return Ok((since_due, CpuTicks::read(server.pid())?.cores_since(&ticks, seconds)));
        }
        if since_due >= SETTLE_TIMEOUT {
            bail!("{} timers were left after {} s", goal - settled, SETTLE_TIMEOUT.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
}

fn show(
    server: &Server,
    report: &mut Report,
    timers: u64,
    within: Duration,
    (server_cores, other_cores): (f64, f64),
    paced: Paced,
) -> Result<()> {
    let quiet = Latency::from(&paced.before.latency);
    let foreground = Latency::from(&paced.after.latency);
    let row = Row {
        connections: Some(FOREGROUND_CONNECTIONS as usize),
        resident: Some(Resident::read(server.pid())?),
        ..Row::default()
    };
    report.push(Row {
        measure: "create and get before they fall due".to_owned(),
        rate: ratio(paced.before.latency.len() as f64, FOREGROUND_LEAD.as_secs_f64()),
        latency: Some(quiet),
        errors: Some(paced.before.errors),
        first_error: paced.before.first_error,
        note: format!("open loop, {FOREGROUND_PER_SECOND}/s"),
        ..row.clone()
    });
    report.push(Row {
        measure: format!("create and get while {} settle", rounded(timers)),
        rate: ratio(paced.after.latency.len() as f64, within.as_secs_f64()),
        latency: Some(foreground),
        server_cores: Some(server_cores),
        other_cores: Some(other_cores),
        errors: Some(paced.after.errors),
        first_error: paced.after.first_error,
        note: format!("settled in {:.1} s; {:.0} timers/s", within.as_secs_f64(), timers as f64 / within.as_secs_f64()),
        ..row
    });
    report.findings.settled = Some(Settled { timers, within, foreground });
    Ok(())
}

async fn settled_so_far(server: &Server) -> Result<u64> {
    Ok(metrics::read(server).await?.counter(TIMEOUTS_METRIC))
}
