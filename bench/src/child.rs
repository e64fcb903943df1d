//! Owns the programs that are measured: started on a free loopback port with a folder of their own,
//! stopped through the handle they were started with, never by name.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::client;

const START_TIMEOUT: Duration = Duration::from_secs(180);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(2);
const STOP_POLL: Duration = Duration::from_millis(10);
const LOG_LINES_SHOWN: usize = 20;

/// A folder that goes away with its owner, unless it is to be kept.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// Makes a folder that did not exist before.
    pub(crate) fn create(parent: &Path, name: &str, keep: bool) -> Result<Self> {
        fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))?;
        let path = parent.canonicalize()?.join(name);
        fs::create_dir(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(Folder { path, keep })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the files right in it take, in bytes.
    pub(crate) fn bytes(&self) -> Result<u64> {
        let mut sum = 0;
        for entry in fs::read_dir(&self.path)? {
            sum += entry?.metadata()?.len();
        }
        Ok(sum)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            fs::remove_dir_all(&self.path).ok();
        }
    }
}

/// How to start a server.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) extra: Vec<String>,
}

impl Program {
    /// The same with more arguments.
    pub(crate) fn with(&self, arguments: &[&str]) -> Program {
        let more = arguments.iter().map(|argument| (*argument).to_owned());
        Program { path: self.path.clone(), extra: more.chain(self.extra.iter().cloned()).collect() }
    }
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    /// From exec to the first 200 of /ready.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts the durable promise server on the database in this folder.
    pub(crate) async fn start(program: &Program, folder: &Folder, with_metrics: bool) -> Result<Self> {
        let address = free_address()?;
        let metrics = if with_metrics { free_address()? } else { loopback(0) };
        let mut command = Command::new(&program.path);
        command
            .arg("serve")
            .args(["--server-bind", &address.ip().to_string()])
            .args(["--server-port", &address.port().to_string()])
            .args(["--server-grpc-port", "0"])
            .args(["--observability-metrics-port", &metrics.port().to_string()])
            .arg("--storage-sqlite-path")
            .arg(folder.path().join("server.db"))
            .args(["--level", "warn"])
            .args(&program.extra);
        Self::spawn(command, folder.path().join("server.log"), address, metrics).await
    }

    /// Starts the floor.
    pub(crate) async fn start_floor(folder: &Folder) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["floor", "--port", &address.port().to_string()]);
        Self::spawn(command, folder.path().join("floor.log"), address, loopback(0)).await
    }

    async fn spawn(mut command: Command, log: PathBuf, address: SocketAddr, metrics: SocketAddr) -> Result<Self> {
        let out = File::options().create(true).append(true).open(&log)?;
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()))?;
        let mut server = Server { child, log, address, metrics, started_in: Duration::ZERO };
        loop {
            if let Some(status) = server.child.try_wait()? {
                bail!("ended at start with {status}: {}", server.last_words());
            }
            if client::fetch(address, "/ready").await.is_ok_and(|(status, _)| status.is_success()) {
                server.started_in = started.elapsed();
                return Ok(server);
            }
            ensure!(started.elapsed() < START_TIMEOUT, "not ready in time: {}", server.last_words());
            tokio::time::sleep(READY_POLL).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits; anything but exit code 0 is an error.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.ask_to_stop();
        let asked = Instant::now();
        while asked.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                return self.judge(status);
            }
            tokio::time::sleep(STOP_POLL).await;
        }
        self.child.kill()?;
        self.child.wait()?;
        bail!("did not stop within {} s of SIGTERM", STOP_TIMEOUT.as_secs())
    }

    fn judge(&self, status: ExitStatus) -> Result<()> {
        ensure!(status.success(), "stopped with {status}: {}", self.last_words());
        Ok(())
    }

    fn ask_to_stop(&self) {
        // The child was not waited for, so that the number is still its own.
        kill_process(Pid::from_child(&self.child), Signal::TERM).ok();
    }

    /// How its log ends.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.ask_to_stop();
        let asked = Instant::now();
        while asked.elapsed() < STOP_TIMEOUT && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(STOP_POLL);
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(loopback(0))?.local_addr()?)
}
