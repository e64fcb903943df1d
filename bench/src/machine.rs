//! Owns the facts about the machine and the run that a reader needs to place the numbers.

use std::fs;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat};

use crate::procfs::parse_kib;
use crate::report::Latency;

/// Where, when and how a run was made.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    memory_kib: Option<u64>,
    date: String,
    arguments: String,
    fsync: Option<Latency>,
}

impl Machine {
    pub(crate) fn read(fsync: Option<Latency>) -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpu = text("/proc/cpuinfo");
        Machine {
            cpu: parse_cpu_model(&cpu).unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_kib: parse_kib(&text("/proc/meminfo"), "MemTotal"),
            date: today(),
            arguments: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
            fsync,
        }
    }

    /// Name and text of each fact.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let memory =
            self.memory_kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{} MB", kib * 1024 / 1_000_000));
        let fsync = self.fsync.map_or_else(
            || "not measured".to_owned(),
            |fsync| format!("p50 {:.2} ms, p99 {:.2} ms", fsync.p50_ms, fsync.p99_ms),
        );
        vec![
            ("date", self.date.clone()),
            ("CPU", self.cpu.clone()),
            ("cores", self.cores.to_string()),
            ("memory", memory),
            ("kernel", self.kernel.clone()),
            ("fdatasync of 64 KiB", fsync),
            ("arguments", self.arguments.clone()),
        ]
    }
}

fn parse_cpu_model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// The date and time in UTC.
fn today() -> String {
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0)
        .map_or_else(String::new, |instant| instant.to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_of_the_cpu_is_what_follows_the_colon() {
        let cpuinfo = "processor\t: 0\nmodel\t\t: 1\nmodel name\t: A CPU: fast\nmodel name\t: other\n";
        assert_eq!(parse_cpu_model(cpuinfo), Some("A CPU: fast"));
        assert_eq!(parse_cpu_model("processor : 0"), None);
    }
}
