//! One cluster: created in a folder of its own, started on a port of its own, stopped and started again, and gone when it is dropped or when its
//! process ends, however it ends.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::database::Database;
use crate::ports::free_port;
use crate::programs::{Programs, run};
use crate::settings::{Settings, quoted};
use crate::watchdog::Watchdog;

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// Starts on ports that others take meanwhile, before something else must be wrong.
const ATTEMPTS_MAX: usize = 5;
/// Lines of its log that a cluster shows when its test fails.
const LOG_LINES_SHOWN: usize = 60;

/// How a cluster stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It undoes what is under way, writes everything down and ends.
    Fast,
    /// It ends at once, and recovers from its log when it starts again.
    Immediate,
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) place: Place,
    pub(crate) settings: Settings,
    folder: PathBuf,
    _watchdog: Watchdog,
}

/// Where a cluster listens.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) port: u16,
    /// The folder of its Unix socket.
    pub(crate) sockets: PathBuf,
}

impl Cluster {
    /// The cluster that the tests of this process share, with the settings of [`Settings::new`] and room for many connections. It must not be stopped.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Cluster> = LazyLock::new(|| Settings::new().set("max_connections", "500").start());
        &SHARED
    }

    pub(crate) fn create(settings: &Settings) -> Self {
        Self::lay_out(settings, |data| {
            let mut initdb = Programs::of_the_machine().command("initdb");
            initdb
                .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
                .arg(data);
            initdb
        })
    }

    /// Makes a folder, fills it by a program and starts what is there.
    pub(crate) fn lay_out(settings: &Settings, fill: impl FnOnce(&Path) -> Command) -> Self {
        let programs = Programs::of_the_machine();
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("resonate-postgres-{}-{number}", std::process::id()));
        // What an earlier process of the same number left behind is not of this one.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        programs.give(&folder);
        let data = folder.join("data");
        let watchdog = Watchdog::start(programs, &folder, &data);
        run(fill(&data)).unwrap_or_else(|why| panic!("no cluster was made: {why}"));
        let place = Place { port: 0, sockets: folder.clone() };
        let mut cluster = Self { place, settings: settings.clone(), folder, _watchdog: watchdog };
        cluster.write("pg_hba.conf", &settings.access_text());
        for (name, text) in settings.files() {
            cluster.write(name, text);
        }
        cluster.start_anywhere();
        cluster
    }

    /// Starts on the first port that nobody else takes before the cluster does.
    fn start_anywhere(&mut self) {
        for attempt in 1.. {
            self.place.port = free_port();
            let sockets = self.place.sockets.to_str().expect("a path in UTF-8");
            let port = self.place.port.to_string();
            let own = [("listen_addresses", "127.0.0.1"), ("port", &port), ("unix_socket_directories", sockets)];
            self.write("postgresql.conf", &self.settings.text(&own));
            match self.control(&["-w", "-t", "60", "start"]) {
                Ok(_) => return,
                Err(_) if attempt < ATTEMPTS_MAX && self.log().contains("Address already in use") => {}
                Err(why) => panic!("the cluster does not start: {why}\n{}", self.log()),
            }
        }
    }

    /// Writes a file of the data folder, which only the cluster can read.
    fn write(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        std::fs::write(&path, text).expect("a file of the cluster");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a file of the cluster");
        Programs::of_the_machine().give(&path);
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn control(&self, arguments: &[&str]) -> Result<String, String> {
        let mut control = Programs::of_the_machine().command("pg_ctl");
        control.arg("-D").arg(self.data()).arg("-l").arg(self.folder.join("log")).args(arguments);
        run(control)
    }

    /// Where it listens on the loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.place.port
    }

    /// The folder of its Unix socket, which a URL may name as its host.
    #[must_use]
    pub fn sockets(&self) -> &Path {
        &self.place.sockets
    }

    /// A program of Postgres that finds this cluster by itself, such as pgbench. Its working directory is the root; it runs as the cluster does.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        self.place.command(program)
    }

    /// A fresh and empty database, which goes when it is dropped.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::create(&self.place)
    }

    /// What a statement of the superuser returns: a line a row, columns separated by `|`.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn query(&self, sql: &str) -> Result<String, String> {
        self.place.query("postgres", sql)
    }

    /// Sets a parameter that can be changed while the cluster runs.
    ///
    /// # Panics
    /// When there is no such parameter, or the cluster is stopped.
    pub fn reconfigure(&self, name: &str, text: &str) {
        let change = format!("ALTER SYSTEM SET {name} = {}", quoted(text));
        self.place
            .query("postgres", &change)
            .and_then(|_| self.query("SELECT pg_reload_conf()"))
            .expect("a new setting");
    }

    /// Stops it. Its port and its folder stay its own.
    ///
    /// # Panics
    /// When it is stopped already.
    pub fn stop(&self, how: Stop) {
        self.control(&["-m", how.name(), "-w", "-t", "60", "stop"]).expect("the cluster stops");
    }

    /// Starts it where it was, and returns when it takes connections.
    ///
    /// # Panics
    /// When it does not start: with its log.
    pub fn start(&self) {
        let started = self.control(&["-w", "-t", "60", "start"]);
        started.unwrap_or_else(|why| panic!("the cluster does not start: {why}\n{}", self.log()));
    }

    /// Stops and starts it.
    ///
    /// # Panics
    /// When it does not start: with its log.
    pub fn restart(&self, how: Stop) {
        self.stop(how);
        self.start();
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            println!(
                "the end of the log of Postgres:\n{}",
                lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
            );
        }
    }
}

impl Stop {
    fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

impl Place {
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Programs::of_the_machine().command(program);
        command.env("PGHOST", &self.sockets).env("PGPORT", self.port.to_string()).env("PGUSER", "postgres");
        command
    }

    /// psql on a database, which says nothing but what it is asked for and stops at the first error.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut psql = self.command("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]);
        psql
    }

    pub(crate) fn query(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.psql(database);
        psql.args(["-c", sql]);
        run(psql)
    }
}
