//! Owns the open-loop load: create and get at a fixed rate, whether or not the server keeps up. A latency
//! counts from when the call was due to be sent, so that a stall shows in every call it delays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::client::{Call, Fault, Link};
use crate::ids::Ids;
use crate::load::Tally;

const ERRORS_PER_CONNECTION_MAX: u64 = 100;

/// A paced load, which runs until `stop` is set or `latest` has come.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) address: SocketAddr,
    pub(crate) ids: Arc<Ids>,
    pub(crate) create: Call,
    pub(crate) per_second: u32,
    pub(crate) connections: u32,
    /// Calls due before it are told apart from those due from it on.
    pub(crate) split: Instant,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) latest: Instant,
}

/// What came of a paced load.
#[derive(Debug)]
pub(crate) struct Paced {
    pub(crate) before: Tally,
    pub(crate) after: Tally,
}

impl Pace {
    pub(crate) async fn run(self) -> Result<Paced> {
        let mut tasks = JoinSet::new();
        let began = Instant::now();
        for number in 0..self.connections {
            tasks.spawn(self.clone().run_connection(began, number));
        }
        let mut paced = Paced { before: Tally::new(), after: Tally::new() };
        while let Some(one) = tasks.join_next().await {
            let one = one?;
            paced.before.add(one.before);
            paced.after.add(one.after);
        }
        Ok(paced)
    }

    async fn run_connection(self, began: Instant, number: u32) -> Paced {
        let interval = Duration::from_secs(1) / self.per_second;
        let mut paced = Paced { before: Tally::new(), after: Tally::new() };
        let mut due = began + interval * number;
        let mut link = None;
        let mut created = None;
        while due < self.latest && !self.stop.load(Ordering::Relaxed) {
            tokio::time::sleep_until(due.into()).await;
            let tally = if due < self.split { &mut paced.before } else { &mut paced.after };
            match self.call(&mut link, &mut created).await {
                Ok(()) => tally.record(due.elapsed()),
                Err(fault) => {
                    if matches!(fault, Fault::Broken(_)) {
                        link = None;
                    }
                    tally.fail(&fault);
                    if tally.errors >= ERRORS_PER_CONNECTION_MAX {
                        break;
                    }
                }
            }
            due += interval * self.connections;
        }
        paced
    }

    /// A create, and the next time a get of what it made.
    async fn call(&self, link: &mut Option<Link>, created: &mut Option<u64>) -> Result<(), Fault> {
        let open = match link {
            Some(open) => open,
            None => {
                let opened = Link::open(self.address).await;
                link.insert(opened.map_err(|error| Fault::Broken(error.to_string()))?)
            }
        };
        if let Some(number) = created.take() {
            return open.call(&Call::Get, &self.ids, number).await;
        }
        let number = self.ids.take();
        open.call(&self.create, &self.ids, number).await?;
        *created = Some(number);
        Ok(())
    }
}
