//! A second cluster that follows the first by streaming replication, and takes over from it.

use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::settings::quoted;

/// Longest wait for a standby: far above what is normal.
const PATIENCE: Duration = Duration::from_secs(60);

impl Cluster {
    /// A standby with the settings of this cluster, which follows it under a name.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn standby(&self, name: &str) -> Self {
        let standby = Self::lay_out(&self.settings, |data| {
            let mut backup = self.command("pg_basebackup");
            let from = format!("application_name={name}");
            backup.args(["--no-sync", "--checkpoint=fast", "--wal-method=stream", "-R", "-d", &from, "-D"]).arg(data);
            backup
        });
        self.wait_until("it streams", &format!("application_name = {} AND state = 'streaming'", quoted(name)));
        standby
    }

    /// Acknowledges from now on only what the standby of this name has made durable too.
    ///
    /// # Panics
    /// When there is no such standby.
    pub fn require(&self, standby: &str) {
        self.reconfigure("synchronous_standby_names", standby);
        self.wait_until("it is waited for", &format!("application_name = {} AND sync_state = 'sync'", quoted(standby)));
    }

    /// Makes a standby a cluster of its own, which takes writes.
    ///
    /// # Panics
    /// When it is none.
    pub fn promote(&self) {
        self.control(&["-w", "-t", "60", "promote"]).expect("a standby that is promoted");
    }

    fn wait_until(&self, what: &str, condition: &str) {
        let started = Instant::now();
        let count = format!("SELECT count(*) FROM pg_stat_replication WHERE {condition}");
        while self.query(&count).expect("a superuser") != "1" {
            assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
