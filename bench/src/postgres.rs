//! Owns the measures of servers over Postgres, side by side with pgbench on the same cluster and with a server over SQLite. What is compared is measured
//! in turns, so that a machine that is busy for a while is busy for all.

mod batches;
mod ground;
mod growth;
mod pair;
mod pgbench;
mod rates;
mod sizes;
mod stock;
mod turns;
mod workers;

use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::measure::Window;
use crate::report::Report;

use ground::Ground;

/// How often each side of a comparison is measured.
const TURNS: u64 = 3;

/// One turn of a window that is measured in several, in whole seconds.
fn turn_of(window: Window) -> Window {
    Window { measured: Duration::from_secs(window.measured.as_secs().div_ceil(TURNS)), ..window }
}

/// The rates, beside those of pgbench and of SQLite.
pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let ground = Ground::prepare().await?;
    rates::measure(bench, &ground, report).await.context("rates")?;
    workers::measure(bench, &ground, report).await.context("workers")?;
    pair::measure(bench, &ground, report).await.context("two servers")
}

/// What stored promises take, and what they cost.
pub(crate) async fn measure_growth(bench: &Bench, report: &mut Report) -> Result<()> {
    let ground = Ground::prepare().await?;
    sizes::measure(bench, &ground, report).await.context("sizes")?;
    growth::measure(bench, &ground, report).await
}
