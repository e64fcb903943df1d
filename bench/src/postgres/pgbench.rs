//! Owns the floor of Postgres: single inserts by pgbench into a table with the columns and indexes of ours, over TCP and prepared, each a
//! transaction and a sync of its own. What pgbench says of each of them is read from its log, so that its first moments can be left out as ours are.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::batches::Batches;
use super::ground::Ground;
use super::turns::Turn;
use crate::client::{PAYLOAD, tomorrow_ms};
use crate::load::Tally;
use crate::measure::Window;
use crate::procfs::CpuTicks;

const TABLE: &str = "CREATE TABLE single_inserts (LIKE promises INCLUDING ALL)";
const THREADS_MAX: usize = 2;
/// What connecting may take, one try after the other.
const CONNECTING_SECONDS: [u64; 3] = [1, 4, 16];
const AT_WORK_MOST: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// A table that pgbench inserts into.
pub(super) struct Inserts<'a> {
    ground: &'a Ground,
    script: PathBuf,
}

impl<'a> Inserts<'a> {
    /// Prepares them in a database that has our tables.
    pub(super) fn prepare(ground: &'a Ground) -> Result<Self> {
        ground.query(TABLE)?;
        let script = ground.folder().join("single_insert.sql");
        fs::write(&script, text(tomorrow_ms()))?;
        Ok(Inserts { ground, script })
    }

    pub(super) async fn turn(&self, clients: usize, window: Window) -> Result<Turn> {
        for seconds in CONNECTING_SECONDS {
            let (run, postgres_cores, busy) = {
                let (run, used) = tokio::join!(self.run(clients, window, seconds), self.watch(clients, window));
                let (postgres_cores, busy) = used?;
                (run?, postgres_cores, busy)
            };
            let Some(tally) = run else { continue };
            ensure!(tally.completed > 0, "pgbench has inserted nothing");
            return Ok(Turn {
                per_second: tally.completed as f64 / window.measured.as_secs_f64(),
                tally,
                cores: 0.0,
                postgres_cores,
                other_cores: busy - postgres_cores,
                resident: None,
                batches: Batches::default(),
            });
        }
        bail!("{clients} clients of pgbench do not come to work in time")
    }

    /// The cores that Postgres, and that anything but this program uses, once the clients are at work.
    async fn watch(&self, clients: usize, window: Window) -> Result<(f64, f64)> {
        let asked = Instant::now();
        while !has_log(&self.ground.folder(), &prefix(clients))? && asked.elapsed() < AT_WORK_MOST {
            tokio::time::sleep(POLL).await;
        }
        tokio::time::sleep(window.warm_up).await;
        let this = std::process::id();
        let before = CpuTicks::read(this)?;
        let postgres = self.ground.watch(Window { warm_up: Duration::ZERO, ..window }).await?;
        let (_, others) = CpuTicks::read(this)?.cores_since(&before, window.measured.as_secs_f64());
        Ok((postgres, others))
    }

    /// Runs it for the window and as long as connecting may take, which counts as time of pgbench; nothing when it took longer.
    async fn run(&self, clients: usize, window: Window, connecting: u64) -> Result<Option<Tally>> {
        let whole = (window.warm_up + window.measured).as_secs_f64().ceil() as u64 + connecting;
        let prefix = prefix(clients);
        let mut pgbench = self.ground.cluster().command("pgbench");
        pgbench.args(["--no-vacuum", "--protocol", "prepared", "--host", "127.0.0.1", "--file"]).arg(&self.script);
        pgbench.args(["--client", &clients.to_string(), "--jobs", &clients.min(THREADS_MAX).to_string()]);
        pgbench.args(["--time", &whole.to_string(), "--log", "--log-prefix"]).arg(self.ground.folder().join(&prefix));
        pgbench.arg(self.ground.database().name());
        check(&tokio::task::spawn_blocking(move || pgbench.output()).await??)?;
        tally(&take_logs(&self.ground.folder(), &prefix)?, window).context("the log of pgbench")
    }
}

/// One insert of what a create of ours inserts; the id has the length of ours and no order either.
fn text(timeout_ms: u64) -> String {
    format!(
        "\\set high random(1000000000000000000, 9223372036854775807)\n\
         \\set low random(1000000000000000, 9999999999999999)\n\
         INSERT INTO single_inserts (id, state, timeout_at, created_at, has_waiters, create_key, param_data) \
         VALUES (:high::text || '-' || :low::text, 0, {timeout_ms}, (extract(epoch FROM now()) * 1000)::int8, false, \
         'bench-key-0000000001', '{PAYLOAD}');\n"
    )
}

fn check(ran: &Output) -> Result<()> {
    if !ran.status.success() {
        bail!("pgbench ended with {}: {}", ran.status, String::from_utf8_lossy(&ran.stderr));
    }
    Ok(())
}

/// How the names of its logs begin.
fn prefix(clients: usize) -> String {
    format!("pgbench-{clients}.")
}

fn logs(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let is_log = |path: &PathBuf| path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(prefix));
    Ok(entries.into_iter().filter(is_log).collect())
}

/// Whether its first inserts are done.
fn has_log(folder: &Path, prefix: &str) -> Result<bool> {
    Ok(logs(folder, prefix)?.iter().any(|log| log.metadata().is_ok_and(|about| about.len() > 0)))
}

/// What is in the logs of all its threads, which are removed.
fn take_logs(folder: &Path, prefix: &str) -> Result<String> {
    let mut text = String::new();
    for log in logs(folder, prefix)? {
        text += &fs::read_to_string(&log)?;
        fs::remove_file(log)?;
    }
    Ok(text)
}

/// Lines of client, number, latency in microseconds, script, and the instant of the end in seconds and microseconds. Nothing when they end before
/// the window does.
fn tally(log: &str, window: Window) -> Result<Option<Tally>> {
    let mut ends = Vec::new();
    for line in log.lines() {
        let mut fields = line.split_ascii_whitespace().map(str::parse::<u64>);
        let mut next = || fields.next().and_then(Result::ok).with_context(|| format!("{line:?}"));
        let (_, _, latency, _) = (next()?, next()?, next()?, next()?);
        let end = Duration::from_secs(next()?) + Duration::from_micros(next()?);
        ends.push((end, Duration::from_micros(latency)));
    }
    let began = ends.iter().map(|(end, latency)| end.saturating_sub(*latency)).min().unwrap_or_default();
    let measured = began + window.warm_up..began + window.warm_up + window.measured;
    if ends.iter().all(|(end, _)| *end < measured.end) {
        return Ok(None);
    }
    let mut tally = Tally::new();
    for (_, latency) in ends.iter().filter(|(end, _)| measured.contains(end)) {
        tally.record(*latency);
        tally.completed += 1;
    }
    Ok(Some(tally))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_counts_if_it_ends_in_the_window() {
        let log =
            "0 1 500000 0 100 500000\n0 2 600000 0 101 100000\n1 1 1400000 0 101 400000\n0 3 1000000 0 102 100000\n";
        let window = Window { warm_up: Duration::from_secs(1), measured: Duration::from_secs(1) };
        let whole = tally(log, window).expect("a log").expect("a whole one");
        assert_eq!(whole.completed, 2);
        let cut = log.lines().take(3).collect::<Vec<_>>().join("\n");
        assert!(tally(&cut, window).expect("a log").is_none());
        assert!(tally("what\n", window).is_err());
    }
}
