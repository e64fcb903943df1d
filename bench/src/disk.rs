//! Owns the measure of the disk: how long one durable append takes in the folder of the bench.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::child::Folder;
use crate::load::Tally;
use crate::report::{Latency, Report, Row};

const APPEND_BYTES: usize = 64 * 1024;
const APPENDS_MAX: u32 = 1_000;
const DURATION_MAX: Duration = Duration::from_secs(5);

/// Appends, each followed by fdatasync; the latency is that of the sync alone.
pub(crate) fn measure(folder: &Folder, report: &mut Report) -> Result<()> {
    let mut bytes = vec![0; APPEND_BYTES];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    let path = folder.path().join("appends");
    let mut file = File::create_new(&path)?;
    let mut tally = Tally::new();
    let began = Instant::now();
    for _ in 0..APPENDS_MAX {
        if began.elapsed() >= DURATION_MAX {
            break;
        }
        file.write_all(&bytes)?;
        let started = Instant::now();
        file.sync_data()?;
        tally.record(started.elapsed());
    }
    let rate = tally.latency.len() as f64 / began.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    let latency = Latency::from(&tally.latency);
    report.findings.fsync = Some(latency);
    report.push(Row {
        measure: "fdatasync of 64 KiB appends".to_owned(),
        rate: Some(rate),
        latency: Some(latency),
        ..Row::default()
    });
    Ok(())
}
