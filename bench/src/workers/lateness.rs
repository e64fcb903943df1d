//! Owns the measure of timers that fall due one after the other: how late the notice of a promise's timeout comes to who listens.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::events::Readers;
use super::ledger::Ledger;
use crate::child::Server;
use crate::client::Link;
use crate::ids::Ids;
use crate::load::Tally;
use crate::protocol;

const PROMISES: u64 = 2_000;
const INTERVAL: Duration = Duration::from_millis(4);
/// For creating the promises before the first falls due.
const LEAD: Duration = Duration::from_secs(4);
const LAST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTIONS: u64 = 16;
const GROUP: &str = "listeners";

/// The longest that the measure takes.
pub(crate) const TAKES: Duration = Duration::from_secs(24);

/// Creates promises with a listener each, and waits for their timeouts.
pub(crate) async fn measure(server: &Server, ids: &Arc<Ids>) -> Result<Tally> {
    let ledger = Arc::new(Ledger::new(ids.take_block(PROMISES), PROMISES));
    let arrivals = Arc::clone(&ledger);
    let mut readers = Readers::open(server.address, GROUP, 1, ids, move |number| arrivals.arrived(number)).await?;
    let due = Due::from(ledger.numbers().start);
    let mut tasks = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let link = Link::open(server.address).await?;
        tasks.spawn(create(link, connection, due, Arc::clone(ids), Arc::clone(&ledger)));
    }
    while let Some(created) = tasks.join_next().await {
        created??;
    }
    ensure!(Instant::now() < due.at, "the promises fell due before all were there");
    let span = INTERVAL * u32::try_from(PROMISES)?;
    let missing = ledger.settle(LEAD + span + LAST_MESSAGE_TIMEOUT).await;
    readers.check()?;
    ensure!(missing == 0, "{missing} of {PROMISES} timeouts were not told of");
    Ok(ledger.lateness(|number| due.instant(number)))
}

async fn create(mut link: Link, connection: u64, due: Due, ids: Arc<Ids>, ledger: Arc<Ledger>) -> Result<()> {
    for number in ledger.numbers().skip(connection as usize).step_by(CONNECTIONS as usize) {
        let id = ids.text(number);
        for request in [protocol::create(&id, due.unix_ms(number)), protocol::register_listener(&id, GROUP, "w0")] {
            link.ask(request).await.map_err(|fault| anyhow::anyhow!("{fault}"))?;
        }
        ledger.acknowledged(number);
    }
    Ok(())
}

/// When promises fall due: the first at one instant of both clocks.
#[derive(Clone, Copy, Debug)]
struct Due {
    first: u64,
    at: Instant,
    at_ms: u64,
}

impl Due {
    fn from(first: u64) -> Self {
        let (now, since_epoch) = (Instant::now(), SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default());
        let at_ms = millis(since_epoch + LEAD);
        Due { first, at: now + Duration::from_millis(at_ms).saturating_sub(since_epoch), at_ms }
    }

    fn after(&self, number: u64) -> Duration {
        INTERVAL * u32::try_from(number - self.first).unwrap_or(u32::MAX)
    }

    fn instant(&self, number: u64) -> Instant {
        self.at + self.after(number)
    }

    fn unix_ms(&self, number: u64) -> u64 {
        self.at_ms + millis(self.after(number))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
