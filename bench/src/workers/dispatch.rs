//! Owns the measure of dispatch: from a create for a worker to its message on that worker's connection, at a fixed rate of
//! creates, whether or not the server keeps up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::events::Readers;
use super::ledger::{Ledger, Since};
use crate::bench::Bench;
use crate::child::Server;
use crate::client::{Fault, Link, tomorrow_ms};
use crate::ids::{IdOrder, Ids};
use crate::load::Tally;
use crate::measure::{Used, Watch, Window};
use crate::procfs::Resident;
use crate::protocol;
use crate::report::{Latency, Report, Row};

/// Nobody takes the tasks of this measure, and none is to be sent again meanwhile.
pub(crate) const PATIENT: [&str; 2] = ["--tasks-retry-timeout", "3600000"];

const PER_SECOND: u32 = 500;
const CONNECTIONS: u32 = 16;
const ERRORS_PER_CONNECTION_MAX: u64 = 100;
/// What may pass between the last create and the last message.
const LAST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// A paced load on one server, and the worker that it is for.
pub(crate) struct Probe<'a> {
    pub(crate) server: &'a Server,
    pub(crate) ids: &'a Arc<Ids>,
    pub(crate) group: &'static str,
    pub(crate) window: Window,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Dispatched {
    since_acknowledged: Tally,
    since_sent: Tally,
    duplicates: u64,
    per_second: f64,
    used: Used,
}

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = bench.folder("dispatch")?;
    let server = Server::start(&bench.program.with(&PATIENT), &folder, false).await?;
    let ids = Arc::new(Ids::new(IdOrder::Time));
    let probe = Probe { server: &server, ids: &ids, group: "live", window: bench.options.window() };
    let dispatched = probe.run().await?;
    report.findings.dispatch = Some(dispatched.latency());
    dispatched.show("", report);
    server.stop().await
}

impl Dispatched {
    /// From the acknowledgement to the message.
    pub(crate) fn latency(&self) -> Latency {
        Latency::from(&self.since_acknowledged.latency)
    }

    /// From the sending of the create.
    pub(crate) fn latency_since_sent(&self) -> Latency {
        Latency::from(&self.since_sent.latency)
    }

    pub(crate) fn peak_kib(&self) -> u64 {
        self.used.resident.peak_kib
    }

    pub(crate) fn show(&self, circumstances: &str, report: &mut Report) {
        self.show_with(circumstances, "", report);
    }

    /// The same with one more thing to say of the creates.
    pub(crate) fn show_with(&self, circumstances: &str, more: &str, report: &mut Report) {
        let Dispatched { since_acknowledged, since_sent, duplicates, per_second, used } = self;
        let row = |from: &str, tally: &Tally| Row {
            measure: format!("execute, from its create {from}{circumstances}"),
            connections: Some(CONNECTIONS as usize),
            rate: Some(*per_second),
            latency: Some(Latency::from(&tally.latency)),
            note: format!("open loop, {PER_SECOND}/s; {duplicates} came again"),
            ..used.row()
        };
        let errors = Some(since_sent.errors);
        let sent = row("sent", since_sent);
        let note = format!("{}{more}", sent.note);
        report.push(Row { errors, first_error: since_sent.first_error.clone(), note, ..sent });
        report.push(row("acknowledged", since_acknowledged));
    }
}

impl Probe<'_> {
    pub(crate) async fn run(&self) -> Result<Dispatched> {
        let warm = count_in(self.window.warm_up);
        let whole = warm + count_in(self.window.measured);
        let ledger = Arc::new(Ledger::new(self.ids.take_block(whole), whole));
        let arrivals = Arc::clone(&ledger);
        let seen = move |number| arrivals.arrived(number);
        let mut readers = Readers::open(self.server.address, self.group, 1, self.ids, seen).await?;
        Resident::reset_peak(self.server.pid());
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for connection in 0..CONNECTIONS {
            let link = Link::open(self.server.address).await?;
            let paced = Paced { ids: Arc::clone(self.ids), ledger: Arc::clone(&ledger), group: self.group, began };
            tasks.spawn(paced.run(link, connection));
        }
        tokio::time::sleep_until((began + self.window.warm_up).into()).await;
        let watch = Watch::start(self.server)?;
        let mut since_sent = Tally::new();
        while let Some(faults) = tasks.join_next().await {
            since_sent.add(faults?);
        }
        let used = watch.stop()?;
        let missing = ledger.settle(LAST_MESSAGE_TIMEOUT).await;
        readers.check()?;
        if missing > 0 {
            since_sent.errors += missing;
            since_sent.first_error.get_or_insert_with(|| format!("{missing} messages have not come"));
        }
        let measured = ledger.numbers().start + warm..ledger.numbers().end;
        since_sent.add(ledger.latencies(measured.clone(), Since::Sent));
        let since_acknowledged = ledger.latencies(measured, Since::Acknowledged);
        let per_second = since_sent.latency.len() as f64 / self.window.measured.as_secs_f64();
        Ok(Dispatched { since_acknowledged, since_sent, duplicates: ledger.duplicates(), per_second, used })
    }
}

fn count_in(time: Duration) -> u64 {
    time.as_secs() * u64::from(PER_SECOND)
}

struct Paced {
    ids: Arc<Ids>,
    ledger: Arc<Ledger>,
    group: &'static str,
    began: Instant,
}

impl Paced {
    /// Sends every create of one connection when it is due. A create counts from when it was sent, or due if the answer to the one
    /// before was late, so that a stall shows in every create it delays.
    async fn run(self, mut link: Link, connection: u32) -> Tally {
        let interval = Duration::from_secs(1) / PER_SECOND;
        let mut faults = Tally::new();
        let mut due = self.began + interval * connection;
        for number in self.ledger.numbers().skip(connection as usize).step_by(CONNECTIONS as usize) {
            let create = protocol::create_for_group(&self.ids.text(number), tomorrow_ms(), self.group);
            let late = Instant::now() > due;
            tokio::time::sleep_until(due.into()).await;
            self.ledger.sent(number, if late { due } else { Instant::now() });
            match link.ask(create).await {
                Ok(()) => self.ledger.acknowledged(number),
                Err(fault) => {
                    faults.fail(&fault);
                    if matches!(fault, Fault::Broken(_)) || faults.errors >= ERRORS_PER_CONNECTION_MAX {
                        break;
                    }
                }
            }
            due += interval * CONNECTIONS;
        }
        faults
    }
}
