//! A server whose changes of its disk are written down, through a restart, a kill and the end, while clients are at work.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use resonate_process::fleet::{Fleet, Place};
use resonate_process::folder::Folder;
use resonate_process::{eventually, eventually_within};

use super::disk::{Disk, Rest};
use super::log::Log;
use super::{FailingSync, Outage};
use crate::book::Event;
use crate::load::{Load, Mix, Shared, Tape};
use crate::whole::DATABASE;

/// Longest payload where the log of the database is to grow.
const LARGE_BYTES_MAX: usize = 12_000;
/// Longest payload otherwise.
const SMALL_BYTES_MAX: usize = 300;
/// Until then a sync has failed that is to.
const FAILURE_WITHIN: Duration = Duration::from_secs(120);

/// What was written down.
#[derive(Debug)]
pub(super) struct Recording {
    /// What the server did, with the marks of the clients.
    pub(super) bytes: Vec<u8>,
    /// What the clients did and were told.
    pub(super) events: Vec<Event>,
}

/// Builds what writes down the changes of a process that is started with it.
fn shim(folder: &Folder) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/power/record.c");
    let library = folder.file("record.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args([source, "-ldl"]).output();
    let built = built.expect("a C compiler");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Runs a server.
///
/// # Errors
/// When what was written down does not lead to the files that are there.
pub(super) fn record(outage: &Outage, rng: &mut Rng) -> Result<Recording, String> {
    let desk = Folder::new();
    let (library, log) = (shim(&desk), desk.file("log"));
    File::create(&log).expect("a log");
    let place = Place::new(&[("--tasks-retry-timeout", "500"), ("--storage-sqlite-synchronous", outage.synchronous)]);
    let folder = place.folder().path().to_owned();
    let place = place.variable("LD_PRELOAD", text(&library)).variable("POWER_LOG", text(&log));
    let place = place.variable("POWER_FOLDER", text(&folder));
    let place = match &outage.binary {
        Some(path) => place.binary(path),
        None => place,
    };
    let failure = desk.file("failure");
    if let Some(failing) = outage.failing_sync {
        std::fs::write(&failure, text_of(failing)).expect("a file");
    }
    let place = place.variable("POWER_FAIL", text(&failure));
    let mut fleet = Fleet::at(vec![place]);
    let marks = File::options().append(true).open(&log).expect("a log");
    let shared = Shared::new(fleet.ports(), Some(Tape { events: Vec::new(), marks }));
    let payload_bytes_max = if outage.with_checkpoint { LARGE_BYTES_MAX } else { SMALL_BYTES_MAX };
    let load = Load::start(&shared, Mix { payload_bytes_max, clients: 2 }, rng);

    match outage.failing_sync {
        None => {
            wait_for_more(&shared, &load, outage.writes);
            fleet.stop(0);
        }
        Some(failing) => {
            eventually_within(FAILURE_WITHIN, "a sync fails", || (!failure.exists()).then_some(()));
            match failing {
                FailingSync::Log(_) => {
                    // Before it has gone on, or afterwards.
                    if rng.bool() {
                        wait_for_more(&shared, &load, outage.writes);
                    }
                    fleet.kill(0);
                }
                FailingSync::Database(_) => eventually("the server ends", || fleet.has_ended(0).then_some(())),
            }
            compare(&log, &folder)?;
        }
    }
    restart(&mut fleet, &shared);
    if outage.with_checkpoint {
        let written_at =
            || std::fs::metadata(folder.join(DATABASE)).and_then(|file| file.modified()).expect("a database");
        let before: SystemTime = written_at();
        eventually("a checkpoint under load", || (written_at() != before).then_some(()));
    }
    wait_for_more(&shared, &load, outage.writes);
    fleet.kill(0);
    compare(&log, &folder)?;
    restart(&mut fleet, &shared);
    wait_for_more(&shared, &load, outage.writes);
    load.end();
    fleet.stop(0);
    load.join();
    compare(&log, &folder)?;
    let events = std::mem::take(&mut shared.ledger().tape.as_mut().expect("a tape").events);
    let bytes = std::fs::read(&log).expect("a log");
    Ok(Recording { bytes, events })
}

/// As `record.c` reads it.
fn text_of(failing: FailingSync) -> String {
    match failing {
        FailingSync::Log(number) => format!("w {number}"),
        FailingSync::Database(number) => format!("d {number}"),
    }
}

fn restart(fleet: &mut Fleet, shared: &Shared) {
    shared.starting(0);
    fleet.replace(0);
}

fn wait_for_more(shared: &Arc<Shared>, load: &Load, writes: u64) {
    let count = || shared.ledger().book.counts.acknowledged;
    let enough = count() + writes;
    eventually("work goes on", || {
        assert!(!load.has_failed(), "a client has failed");
        (count() >= enough).then_some(())
    });
}

/// Whether the log leads to the files that are there.
fn compare(log: &Path, folder: &Path) -> Result<(), String> {
    let bytes = std::fs::read(log).expect("a log");
    let mut disk = Disk::as_shown(Log(&bytes));
    Log(&bytes).entries().iter().for_each(|entry| disk.take(entry));
    for (name, bytes) in disk.after_cut(Rest::All, &mut Rng::with_seed(0)) {
        let found = std::fs::read(folder.join(&name)).map_err(|why| format!("{name}: {why}"))?;
        if found != bytes {
            return Err(format!("{name} has {} bytes, the log leads to {} others", found.len(), bytes.len()));
        }
    }
    Ok(())
}
