//! Owns creating so many tasks for one group as fast as the server takes them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use tokio::task::JoinSet;

use super::ledger::Ledger;
use crate::child::Server;
use crate::client::{Link, tomorrow_ms};
use crate::ids::Ids;
use crate::load::Tally;
use crate::protocol;

/// Tasks to be created, over so many connections, each with one create under way.
#[derive(Clone, Debug)]
pub(crate) struct Flood {
    pub(crate) ids: Arc<Ids>,
    pub(crate) group: &'static str,
    pub(crate) connections: usize,
    pub(crate) ledger: Arc<Ledger>,
}

impl Flood {
    /// Returns how long creates took.
    pub(crate) async fn run(&self, server: &Server) -> Result<Tally> {
        let next = Arc::new(AtomicU64::new(self.ledger.numbers().start));
        let mut tasks = JoinSet::new();
        for _ in 0..self.connections {
            tasks.spawn(self.clone().run_connection(server.address, Arc::clone(&next)));
        }
        let mut whole = Tally::new();
        while let Some(tally) = tasks.join_next().await {
            whole.add(tally??);
        }
        Ok(whole)
    }

    async fn run_connection(self, address: SocketAddr, next: Arc<AtomicU64>) -> Result<Tally> {
        let mut tally = Tally::new();
        let mut link = Link::open(address).await?;
        let (numbers, timeout_ms) = (self.ledger.numbers(), tomorrow_ms());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if !numbers.contains(&number) {
                return Ok(tally);
            }
            let create = protocol::create_for_group(&self.ids.text(number), timeout_ms, self.group);
            let started = Instant::now();
            self.ledger.sent(number, started);
            match link.ask(create).await {
                Ok(()) => {
                    self.ledger.acknowledged(number);
                    tally.record(started.elapsed());
                    tally.completed += 1;
                }
                Err(fault) => anyhow::bail!("{fault}"),
            }
        }
    }
}
