//! Owns what one promise takes on disk and in the log, by what becomes of it, and what is left to clean up.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::ground::Ground;
use super::stock::{self, Log};
use crate::bench::Bench;
use crate::client::{Call, create_body, resolve_body, tomorrow_ms};
use crate::fill::fill;
use crate::ids::{IdOrder, Ids};
use crate::load::{Load, Operation, Until};
use crate::measure::Window;
use crate::report::{Report, Row};
use crate::workers::cycles;
use crate::workers::flood::Flood;
use crate::workers::ledger::Ledger;

/// Promises of which each measure takes the mean.
const COUNT: u64 = 200_000;
const CONNECTIONS: usize = 64;
const AT_MOST: Duration = Duration::from_secs(600);

pub(super) async fn measure(bench: &Bench, ground: &Ground, report: &mut Report) -> Result<()> {
    for order in [IdOrder::Time, IdOrder::Random] {
        created(bench, ground, order, report).await?;
    }
    settled(bench, ground, report).await?;
    waiting_tasks(bench, ground, report).await?;
    done_tasks(bench, ground, report).await
}

/// Shows what was stored and logged for each of so many.
async fn show(ground: &Ground, what: &str, before: &Log, count: u64, report: &mut Report) -> Result<()> {
    let log = Log::read(ground).await?.each_since(before, count);
    let note = format!("{log}; on disk {}", stock::bytes_each(ground, count)?);
    report.push(Row { measure: what.to_owned(), note, ..Row::default() });
    Ok(())
}

async fn show_rows(ground: &Ground, what: &str, report: &mut Report) -> Result<()> {
    let rows = stock::rows(ground).await?.join("; ");
    let took = stock::vacuum(ground).await?;
    let note = format!("{rows}; VACUUM took {:.2} s", took.as_secs_f64());
    report.push(Row { measure: format!("rows after {what}"), note, ..Row::default() });
    Ok(())
}

async fn created(bench: &Bench, ground: &Ground, order: IdOrder, report: &mut Report) -> Result<()> {
    let ground = ground.another();
    let name = format!("sizes-{}", order.name().replace(' ', "-"));
    let side = ground.serve(bench, &name, &Arc::new(Ids::new(order))).await?;
    let before = Log::read(&ground).await?;
    fill(&side.server, &side.ids, COUNT, tomorrow_ms(), AT_MOST).await?;
    show(&ground, &format!("a promise, {}", order.name()), &before, COUNT, report).await?;
    side.server.stop().await
}

async fn settled(bench: &Bench, ground: &Ground, report: &mut Report) -> Result<()> {
    let ground = ground.another();
    let side = ground.serve(bench, "sizes-settled", &Arc::new(Ids::new(IdOrder::Random))).await?;
    let before = Log::read(&ground).await?;
    let latest = std::time::Instant::now() + AT_MOST;
    let operation =
        Operation::CreateAndResolve(Call::Create(create_body(tomorrow_ms())), Call::Resolve(resolve_body()));
    let until = Until::Taken { count: COUNT, latest };
    let load = Load { address: side.server.address, ids: Arc::clone(&side.ids), operation, until };
    let tally = load.run(CONNECTIONS).await?;
    show(&ground, "a promise, created and resolved", &before, tally.completed, report).await?;
    show_rows(&ground, "creates and resolves", report).await?;
    side.server.stop().await
}

async fn waiting_tasks(bench: &Bench, ground: &Ground, report: &mut Report) -> Result<()> {
    let ground = ground.another();
    let ids = Arc::new(Ids::new(IdOrder::Random));
    let side = ground.serve(bench, "sizes-waiting", &ids).await?;
    let before = Log::read(&ground).await?;
    let ledger = Arc::new(Ledger::new(ids.take_block(COUNT), COUNT));
    let flood = Flood { ids, group: "nobody", connections: CONNECTIONS, ledger };
    flood.run(&side.server).await?;
    show(&ground, "a promise with a task that waits", &before, COUNT, report).await?;
    show_rows(&ground, "creates of tasks", report).await?;
    side.server.stop().await
}

async fn done_tasks(bench: &Bench, ground: &Ground, report: &mut Report) -> Result<()> {
    let ground = ground.another();
    // Messages are found by their ids' numbers.
    let side = ground.serve(bench, "sizes-done", &Arc::new(Ids::new(IdOrder::Time))).await?;
    let before = Log::read(&ground).await?;
    let window =
        Window { measured: bench.options.window().measured.max(Duration::from_secs(20)), ..bench.options.window() };
    cycles::run(&side.server, &side.ids, CONNECTIONS, window).await?;
    let count = ground.number("SELECT count(*) FROM promises")? as u64;
    show(&ground, "a promise with a task that was done", &before, count, report).await?;
    show_rows(&ground, "task cycles", report).await?;
    side.server.stop().await
}
