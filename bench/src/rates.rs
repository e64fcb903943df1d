//! Owns the rates: create, get, and create with resolve at each number of connections, each beside the
//! floor, which is measured just before so that both see the same machine.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::child::{Folder, Server};
use crate::client::{Call, create_body, resolve_body, tomorrow_ms};
use crate::ids::{IdOrder, Ids};
use crate::load::Operation;
use crate::measure::Measurement;
use crate::procfs::Resident;
use crate::report::{Report, Row, ratio};
use crate::targets;

/// What a server is left alone for before its idle memory is read.
const IDLE: Duration = Duration::from_secs(1);

/// The two servers under comparison.
struct Sides<'a> {
    bench: &'a Bench,
    floor: Server,
    floor_ids: Arc<Ids>,
    server: Server,
    ids: Arc<Ids>,
}

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let folder = bench.folder("rates")?;
    let sides = start(bench, &folder, report).await?;
    for &connections in &bench.options.connections {
        sides.compare(connections, report).await?;
    }
    sides.floor.stop().await.context("the floor")?;
    sides.server.stop().await.context("the server")
}

async fn start<'a>(bench: &'a Bench, folder: &Folder, report: &mut Report) -> Result<Sides<'a>> {
    let floor = Server::start_floor(folder).await.context("the floor")?;
    let server = Server::start(&bench.program, folder, false).await.context("the server")?;
    tokio::time::sleep(IDLE).await;
    let resident = Resident::read(server.pid())?;
    report.findings.idle_kib = Some(resident.now_kib);
    report.push(Row {
        measure: "idle after start".to_owned(),
        resident: Some(resident),
        note: format!("ready in {:.0} ms", server.started_in.as_secs_f64() * 1e3),
        ..Row::default()
    });
    let ids = || Arc::new(Ids::new(IdOrder::Time));
    Ok(Sides { bench, floor, floor_ids: ids(), server, ids: ids() })
}

impl Sides<'_> {
    async fn compare(&self, connections: usize, report: &mut Report) -> Result<()> {
        let judged = connections == targets::CONNECTIONS;
        let window = self.bench.options.window();
        let take_floor = |operation| Measurement::take(&self.floor, &self.floor_ids, operation, connections, window);
        let take = |operation| Measurement::take(&self.server, &self.ids, operation, connections, window);
        let create = || Call::Create(create_body(tomorrow_ms()));

        let floor_post = take_floor(Operation::Create(create())).await?;
        report.push_floor(floor_post.row("floor POST", connections));
        let created = take(Operation::Create(create())).await?;
        let of_floor = ratio(created.per_second, floor_post.per_second);
        if connections == 1 {
            report.findings.create_rate_of_one = Some(created.per_second);
        }
        let over_one = report.findings.create_rate_of_one.and_then(|one| ratio(created.per_second, one));
        let note = over_one.map_or_else(String::new, |over_one| format!("{over_one:.1} x create at 1"));
        let row = Row { of_floor, note, ..created.row("create", connections) };
        if judged {
            report.findings.create_rate = Some(created.per_second);
            report.findings.create_of_floor = of_floor;
            report.findings.create_p99_ms = row.latency.map(|latency| latency.p99_ms);
        }
        report.push(row);

        let floor_get = take_floor(Operation::Get { stored: self.floor_ids.taken() }).await?;
        report.push_floor(floor_get.row("floor GET", connections));
        let got = take(Operation::Get { stored: self.ids.taken() }).await?;
        let of_floor = ratio(got.per_second, floor_get.per_second);
        if judged {
            report.findings.get_of_floor = of_floor;
        }
        report.push(Row { of_floor, ..got.row("get", connections) });

        let pairs = take(Operation::CreateAndResolve(create(), Call::Resolve(resolve_body()))).await?;
        let note = format!("pairs/s; {:.0} requests/s", 2.0 * pairs.per_second);
        report.push(Row { note, ..pairs.row("create+resolve", connections) });
        Ok(())
    }
}
