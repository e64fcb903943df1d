//! Owns endurance: a mixed load for an hour, looked at window by window. Memory, open files and latencies must stay as they are, and all that was
//! acknowledged must be there in the end. What was settled goes after a while, so that the database has no reason to grow faster than what waits.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::bench::Bench;
use crate::child::{Folder, Server};
use crate::client::{Call, Fault, Link, create_body, tomorrow_ms};
use crate::fill::fill;
use crate::ids::{IdOrder, Ids};
use crate::load::Tally;
use crate::measure::Window;
use crate::pace::{Pace, Paced};
use crate::procfs::{Resident, open_files};
use crate::report::{Report, Row};
use crate::workers::cycles::{self, Cycled};

const WINDOW: Duration = Duration::from_secs(60);
/// Windows that are passed over: caches fill, pools grow to what the load needs.
const WARM_WINDOWS: usize = 5;
/// Creates and gets a second, one of each in turn.
const PACE_PER_SECOND: u32 = 200;
const PACE_CONNECTIONS: u32 = 16;
/// Promises that are there from the beginning: more than SQLite's caches hold, which would be taken for growth while they fill.
const STORED_FIRST: u64 = 300_000;
const FILL_MAX: Duration = Duration::from_secs(300);
/// Tasks under way at any time.
const LANES: usize = 1;
/// What was settled goes after two minutes.
const RETENTION: [&str; 2] = ["--retention-settled-after", "120000"];

/// Memory may be so much higher in the last third than in the first.
const RESIDENT_FACTOR_MAX: f64 = 1.10;
const RESIDENT_EXTRA_KIB: f64 = 4096.0;
/// Latencies of the last third may be so much higher than those of the first: machines have moods.
const LATENCY_FACTOR_MAX: f64 = 1.5;
/// Open files may differ by what a moment has open.
const FILES_EXTRA: f64 = 8.0;

/// What one window showed.
#[derive(Clone, Copy, Debug)]
struct Sample {
    resident_kib: f64,
    files: f64,
    pace_p50_ms: f64,
    cycle_p50_ms: f64,
}

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = bench.folder("soak")?;
    let server = Server::start(&bench.program.with(&RETENTION), &folder, false).await?;
    // Those that nobody settles, and those of tasks.
    let (waiting, tasks) = (Arc::new(Ids::new(IdOrder::Random)), Arc::new(Ids::new(IdOrder::Time)));
    let filled = fill(&server, &waiting, STORED_FIRST, tomorrow_ms(), FILL_MAX).await?;
    report.push(Row { measure: format!("create of the first {STORED_FIRST}"), ..filled });
    let mut samples = Vec::new();
    for number in 1..=bench.options.soak_minutes {
        let (row, sample) = window(&server, &folder, &waiting, &tasks).await?;
        report.push(Row { measure: format!("minute {number}"), ..row });
        samples.push(sample);
    }
    let lost = missing(&server, &waiting).await?;
    report.push(Row {
        measure: "acknowledged, and there".to_owned(),
        errors: Some(lost),
        note: format!("{} of {}", waiting.taken() - lost, waiting.taken()),
        ..Row::default()
    });
    server.stop().await?;
    ensure!(lost == 0, "{lost} promises that were acknowledged are not there");
    judge(&samples)
}

/// One window of the load, and how the server stands at its end.
async fn window(server: &Server, folder: &Folder, waiting: &Arc<Ids>, tasks: &Arc<Ids>) -> Result<(Row, Sample)> {
    let end = Instant::now() + WINDOW;
    let pace = Pace {
        address: server.address,
        ids: Arc::clone(waiting),
        create: Call::Create(create_body(tomorrow_ms())),
        per_second: PACE_PER_SECOND,
        connections: PACE_CONNECTIONS,
        split: Instant::now(),
        stop: Arc::new(AtomicBool::new(false)),
        latest: end,
    };
    // Workers come and go with each window.
    let lanes = Window { warm_up: Duration::ZERO, measured: WINDOW };
    let (paced, cycled) = tokio::try_join!(pace.run(), cycles::run(server, tasks, LANES, lanes))?;
    let Paced { before: _, after: pace } = paced;
    let Cycled { tally, per_second, used } = cycled;
    let (resident, files) = (Resident::read(server.pid())?, open_files(server.pid())?);
    let p50 = |tally: &Tally| tally.latency.value_at_quantile(0.5) as f64 / 1e6;
    let sample = Sample {
        resident_kib: resident.now_kib as f64,
        files: files as f64,
        pace_p50_ms: p50(&pace),
        cycle_p50_ms: p50(&tally),
    };
    let note = format!(
        "{per_second:.0} task cycles/s, p50 {:.2} ms; {files} open files; {} MB on disk",
        sample.cycle_p50_ms,
        folder.bytes()? / 1_000_000
    );
    let row = Row {
        rate: Some(f64::from(PACE_PER_SECOND)),
        latency: Some((&pace.latency).into()),
        errors: Some(pace.errors + tally.errors),
        first_error: pace.first_error.or(tally.first_error),
        note,
        ..used.row()
    };
    Ok((row, sample))
}

/// How many of the promises that were acknowledged cannot be read.
async fn missing(server: &Server, ids: &Ids) -> Result<u64> {
    let mut link = Link::open(server.address).await?;
    let mut lost = 0;
    for number in 0..ids.taken() {
        match link.call(&Call::Get, ids, number).await {
            Ok(()) => {}
            Err(Fault::Refused(_)) => lost += 1,
            Err(Fault::Broken(why)) => anyhow::bail!("{why}"),
        }
    }
    Ok(lost)
}

/// Compares the last third with the first, the warm-up left out.
fn judge(samples: &[Sample]) -> Result<()> {
    let samples = samples.get(WARM_WINDOWS..).unwrap_or_default();
    let third = samples.len() / 3;
    if third == 0 {
        eprintln!(
            "soak: too short to say whether memory, open files and latencies stay: give it {} minutes",
            WARM_WINDOWS + 3
        );
        return Ok(());
    }
    let (first, last) = (&samples[..third], &samples[samples.len() - third..]);
    let compare = |what: &str, of: fn(&Sample) -> f64, factor: f64, extra: f64| {
        let (before, after) = (median(first, of), median(last, of));
        ensure!(after <= before * factor + extra, "{what} went from {before:.2} to {after:.2}");
        Ok(())
    };
    compare("resident memory (KiB)", |sample| sample.resident_kib, RESIDENT_FACTOR_MAX, RESIDENT_EXTRA_KIB)?;
    compare("open files", |sample| sample.files, 1.0, FILES_EXTRA)?;
    compare("p50 of creates and gets (ms)", |sample| sample.pace_p50_ms, LATENCY_FACTOR_MAX, 0.0)?;
    compare("p50 of task cycles (ms)", |sample| sample.cycle_p50_ms, LATENCY_FACTOR_MAX, 0.0)
}

fn median(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(resident: impl Fn(usize) -> f64) -> Vec<Sample> {
        let sample = |n| Sample { resident_kib: resident(n), files: 40.0, pace_p50_ms: 1.0, cycle_p50_ms: 2.0 };
        (0..65).map(sample).collect()
    }

    #[test]
    fn what_stays_as_it_is_passes() {
        assert!(judge(&samples(|n| if n < 5 { 20_000.0 } else { 60_000.0 })).is_ok());
    }

    #[test]
    fn what_grows_is_named() {
        let why = judge(&samples(|n| 60_000.0 + 500.0 * n as f64)).expect_err("it has grown");
        assert!(why.to_string().contains("resident memory"), "{why}");
    }
}
