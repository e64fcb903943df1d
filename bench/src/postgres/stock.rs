//! Owns what Postgres says of the space that a database takes, of the log it has written, and of rows that wait to be cleaned up.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::ground::Ground;

/// Statistics of sessions come at most once a second, and when a session rests.
const STATISTICS: Duration = Duration::from_secs(2);

const SIZES: &str = "SELECT c.relname || ' ' || pg_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i') AND pg_relation_size(c.oid) > 65536 ORDER BY c.relkind DESC, c.relname";
const ROWS: &str = "SELECT relname || ': ' || n_live_tup || ' rows, ' || n_dead_tup || ' dead, of ' || n_tup_upd || ' updates ' \
     || round(100.0 * n_tup_hot_upd / greatest(n_tup_upd, 1)) || '% in place, cleaned up ' || autovacuum_count || ' times' \
     FROM pg_stat_user_tables WHERE n_tup_ins > 1000 ORDER BY relname";

/// Bytes of the log, and pages that are in it as a whole: each for the first time after a checkpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log {
    bytes: f64,
    pages: f64,
}

impl Log {
    /// Since the cluster was made.
    pub(super) async fn read(ground: &Ground) -> Result<Self> {
        tokio::time::sleep(STATISTICS).await;
        let bytes = ground.number("SELECT pg_current_wal_insert_lsn() - '0/0'")?;
        Ok(Log { bytes, pages: ground.number("SELECT wal_fpi FROM pg_stat_wal")? })
    }

    /// What was written since, for each of so many.
    pub(super) fn each_since(&self, earlier: &Log, count: u64) -> String {
        let each = |now: f64, then: f64| (now - then) / count.max(1) as f64;
        let (bytes, pages) = (each(self.bytes, earlier.bytes), each(self.pages, earlier.pages));
        format!("{bytes:.0} B of log, {pages:.3} whole pages")
    }
}

/// What tables and indexes take for each of so many: those of any size.
pub(super) fn bytes_each(ground: &Ground, count: u64) -> Result<String> {
    let mut sum = 0.0;
    let mut parts = Vec::new();
    for line in ground.query(SIZES)?.lines() {
        if let Some((name, bytes)) = line.split_once(' ') {
            let each = bytes.parse::<f64>()? / count.max(1) as f64;
            sum += each;
            parts.push(format!("{name} {each:.0}"));
        }
    }
    Ok(format!("{sum:.0} B: {}", parts.join(", ")))
}

/// What Postgres knows of rows, a line a table.
pub(super) async fn rows(ground: &Ground) -> Result<Vec<String>> {
    tokio::time::sleep(STATISTICS).await;
    Ok(ground.query(ROWS)?.lines().map(str::to_owned).collect())
}

/// Cleans up; how long that takes.
pub(super) async fn vacuum(ground: &Ground) -> Result<Duration> {
    let (ground, started) = (ground.clone(), Instant::now());
    tokio::task::spawn_blocking(move || ground.query("VACUUM")).await??;
    Ok(started.elapsed())
}
