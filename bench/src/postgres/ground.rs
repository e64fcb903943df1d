//! Owns what all sides stand on: a private cluster that syncs every commit, with the settings of a small machine in production and no other tuning.

use std::panic;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use resonate_postgres_cluster::{Cluster, Database, Settings};

use crate::bench::Bench;
use crate::child::{Folder, Program, Server};
use crate::ids::{IdOrder, Ids};
use crate::measure::Window;
use crate::procfs;
use crate::workers::dispatch::PATIENT;

const SETTINGS: [(&str, &str); 4] = [
    ("shared_buffers", "512MB"),
    ("max_wal_size", "4GB"),
    // 256 clients of pgbench, and ours.
    ("max_connections", "400"),
    ("log_checkpoints", "off"),
];
/// The file system that keeps nothing, by its number.
const TMPFS: i64 = 0x0102_1994;

/// A cluster, and one database in it.
#[derive(Clone)]
pub(super) struct Ground {
    database: Arc<Database>,
    cluster: Arc<Cluster>,
    postmaster: u32,
}

/// A server on a store of its own or a shared one, and the ids in that store.
pub(super) struct Side {
    pub(super) server: Server,
    pub(super) ids: Arc<Ids>,
    _folder: Folder,
}

impl Ground {
    pub(super) async fn prepare() -> Result<Self> {
        let folder = std::env::temp_dir();
        let kind = rustix::fs::statfs(&folder)?.f_type;
        ensure!(kind != TMPFS, "{} is memory: let TMPDIR name a folder on a disk", folder.display());
        tokio::task::spawn_blocking(Self::start).await?
    }

    fn start() -> Result<Self> {
        let settings = SETTINGS.iter().fold(Settings::new().durable(), |all, (name, text)| all.set(name, text));
        // It panics where tests have to fail. What it says there has been shown.
        let cluster = panic::catch_unwind(|| settings.start()).map_err(|_| anyhow!("no cluster of Postgres"))?;
        let numbers = said(cluster.query("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"))?;
        let postmaster = numbers.parse().context("the number of the postmaster")?;
        Ok(Ground { database: Arc::new(cluster.database()), cluster: Arc::new(cluster), postmaster })
    }

    /// A fresh database on the same cluster.
    pub(super) fn another(&self) -> Self {
        let database = Arc::new(self.cluster.database());
        Ground { database, cluster: Arc::clone(&self.cluster), postmaster: self.postmaster }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// A folder that the programs of Postgres may read and write.
    pub(super) fn folder(&self) -> PathBuf {
        self.cluster.sockets().to_owned()
    }

    /// What a statement returns.
    pub(super) fn query(&self, sql: &str) -> Result<String> {
        said(self.database.query(sql))
    }

    /// A number that a statement returns.
    pub(super) fn number(&self, sql: &str) -> Result<f64> {
        let text = self.query(sql)?;
        text.parse().with_context(|| format!("{sql}: {text:?}"))
    }

    /// Another server over the database, whose ids are those of all over it.
    pub(super) async fn serve(&self, bench: &Bench, name: &str, ids: &Arc<Ids>) -> Result<Side> {
        let url = self.database.url();
        let storage = ["--storage-type", "postgres", "--storage-postgres-url", &url];
        let program = bench.program.with(&[&PATIENT[..], &storage].concat());
        Side::start(&program, bench, name, ids).await
    }

    /// The cores that Postgres uses while a window is measured.
    pub(super) async fn watch(&self, window: Window) -> Result<f64> {
        tokio::time::sleep(window.warm_up).await;
        let (before, from) = (procfs::family_ticks(self.postmaster)?, Instant::now());
        tokio::time::sleep(window.measured).await;
        let ticks = procfs::family_ticks(self.postmaster)?.saturating_sub(before);
        Ok(procfs::cores(ticks, from.elapsed().as_secs_f64()))
    }
}

impl Side {
    /// A server over SQLite, on a database of its own.
    pub(super) async fn sqlite(bench: &Bench, name: &str, order: IdOrder) -> Result<Self> {
        Self::start(&bench.program.with(&PATIENT), bench, name, &Arc::new(Ids::new(order))).await
    }

    async fn start(program: &Program, bench: &Bench, name: &str, ids: &Arc<Ids>) -> Result<Self> {
        let folder = bench.folder(name)?;
        let server = Server::start(program, &folder, true).await.with_context(|| name.to_owned())?;
        Ok(Side { server, ids: Arc::clone(ids), _folder: folder })
    }
}

fn said(answer: Result<String, String>) -> Result<String> {
    answer.map_err(|why| anyhow!(why))
}
