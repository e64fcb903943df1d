//! What ends a cluster: a process that sleeps until the test's own is gone, however it went, or lets go of the cluster; then it stops the cluster at
//! once and removes its folder.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
use std::process::Stdio;

use crate::programs::Programs;

/// `$1` is pg_ctl, `$2` the folder of the data, `$3` everything that goes.
const SCRIPT: &str = r#"cat >/dev/null; "$1" -D "$2" -m immediate -w stop >/dev/null 2>&1; rm -rf "$3""#;

/// Watches as long as it is there; ends the cluster when it is dropped.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Watches over a cluster, which need not have been started yet.
    pub(crate) fn start(programs: &Programs, folder: &Path, data: &Path) -> Self {
        let mut shell = programs.other("sh");
        shell.args(["-c", SCRIPT, "sh"]).arg(programs.path("pg_ctl")).args([data, folder]);
        // The other end of the pipe is this process, and nobody inherits it. A signal to everybody at the terminal is not for the watchdog.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Self(shell.spawn().expect("a shell"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
