//! Owns what Linux says about a program and the machine under /proc. Parsing is apart from reading.

use std::fs;

use anyhow::{Context, Result};

/// Ticks of CPU time that a program and the whole machine have spent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTicks {
    pub(crate) server: u64,
    pub(crate) bench: u64,
    pub(crate) machine: u64,
}

impl CpuTicks {
    /// Reads them for the server with this process id.
    pub(crate) fn read(pid: u32) -> Result<Self> {
        let ticks_of = |name: &str| -> Result<u64> {
            let path = format!("/proc/{name}/stat");
            let text = fs::read_to_string(&path).with_context(|| path.clone())?;
            parse_ticks(&text).with_context(|| format!("{path} has another form"))
        };
        let machine = fs::read_to_string("/proc/stat").context("/proc/stat")?;
        Ok(CpuTicks {
            server: ticks_of(&pid.to_string())?,
            bench: ticks_of("self")?,
            machine: parse_busy_ticks(&machine).context("/proc/stat has another form")?,
        })
    }

    /// Cores that the server, and all that is neither server nor bench, used since `earlier`.
    pub(crate) fn cores_since(&self, earlier: &CpuTicks, seconds: f64) -> (f64, f64) {
        let server = self.server.saturating_sub(earlier.server);
        let bench = self.bench.saturating_sub(earlier.bench);
        let others = self.machine.saturating_sub(earlier.machine).saturating_sub(server + bench);
        (cores(server, seconds), cores(others, seconds))
    }
}

/// Ticks of CPU time that a program and its children have spent, also those that have ended.
pub(crate) fn family_ticks(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir("/proc").context("/proc")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A program that ends meanwhile counts with its parent.
        let Ok(stat) = fs::read_to_string(format!("/proc/{number}/stat")) else { continue };
        if number == pid || parse_parent(&stat) == Some(pid) {
            sum += parse_ticks_of_all(&stat).unwrap_or(0);
        }
    }
    Ok(sum)
}

/// CPU time as a number of cores that were busy for so long.
pub(crate) fn cores(ticks: u64, seconds: f64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64 / seconds
}

/// Resident memory of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Resident {
    pub(crate) now_kib: u64,
    pub(crate) peak_kib: u64,
}

impl Resident {
    pub(crate) fn read(pid: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).context("status of the server")?;
        let field = |name| parse_kib(&text, name).with_context(|| format!("{name} is absent, the server has ended"));
        Ok(Resident { now_kib: field("VmRSS")?, peak_kib: field("VmHWM")? })
    }

    /// Lets the peak start again from what is resident now. Where that is refused the peak goes on from before.
    pub(crate) fn reset_peak(pid: u32) {
        fs::write(format!("/proc/{pid}/clear_refs"), "5").ok();
    }
}

/// Files, sockets and the like that a program has open.
pub(crate) fn open_files(pid: u32) -> Result<usize> {
    let path = format!("/proc/{pid}/fd");
    Ok(fs::read_dir(&path).with_context(|| path.clone())?.count())
}

/// The fields of /proc/PID/stat behind the name, which, in parentheses, may hold anything: the state comes first.
fn fields_of(stat: &str) -> Option<impl Iterator<Item = &str>> {
    let (_, after_name) = stat.rsplit_once(')')?;
    Some(after_name.split_ascii_whitespace())
}

fn parse_parent(stat: &str) -> Option<u32> {
    fields_of(stat)?.nth(1)?.parse().ok()
}

/// utime + stime.
fn parse_ticks(stat: &str) -> Option<u64> {
    fields_of(stat)?
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().ok())
        .try_fold(0, |sum, ticks| Some(sum + ticks?))
}

/// The same with what children used that it has waited for.
fn parse_ticks_of_all(stat: &str) -> Option<u64> {
    fields_of(stat)?
        .skip(11)
        .take(4)
        .map(|ticks| ticks.parse::<u64>().ok())
        .try_fold(0, |sum, ticks| Some(sum + ticks?))
}

/// All but idle and waiting of the first line of /proc/stat; what the guest uses is in user time already.
fn parse_busy_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<u64> = stat
        .lines()
        .next()?
        .strip_prefix("cpu ")?
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let [user, nice, system, _idle, _waiting, hard, soft, steal, ..] = fields[..] else {
        return None;
    };
    Some(user + nice + system + hard + soft + steal)
}

/// A field of /proc/PID/status or /proc/meminfo that is given in kB.
pub(crate) fn parse_kib(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_after_a_name_with_spaces_and_parentheses() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 75 3 2 20 0 4 0 100 1000 200";
        assert_eq!(parse_ticks(stat), Some(325));
        assert_eq!(parse_ticks_of_all(stat), Some(330));
        assert_eq!(parse_parent(stat), Some(1));
        assert_eq!(parse_ticks("42 (cut"), None);
    }

    #[test]
    fn busy_time_leaves_out_idle_and_waiting() {
        let stat = "cpu  10 20 30 1000 500 1 2 3 4 5\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(parse_busy_ticks(stat), Some(66));
        assert_eq!(parse_busy_ticks("intr 1"), None);
    }

    #[test]
    fn a_field_in_kib_is_found_by_its_whole_name() {
        let status = "Name:\tx\nVmRSSX:\t  1 kB\nVmHWM:\t  2048 kB\nVmRSS:\t   512 kB\nThreads:\t3\n";
        assert_eq!(parse_kib(status, "VmRSS"), Some(512));
        assert_eq!(parse_kib(status, "VmHWM"), Some(2048));
        assert_eq!(parse_kib(status, "Threads"), None);
    }

    #[test]
    fn this_program_can_be_read() {
        let pid = std::process::id();
        assert!(CpuTicks::read(pid).is_ok());
        assert!(family_ticks(pid).is_ok());
        assert!(Resident::read(pid).is_ok_and(|resident| resident.peak_kib >= resident.now_kib));
    }
}
