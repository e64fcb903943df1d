//! Owns what workers feel of a server over Postgres: dispatch and whole tasks, as they are measured over SQLite, beside SQLite.

use std::sync::Arc;

use anyhow::Result;

use super::batches::Batches;
use super::ground::{Ground, Side};
use super::turns::{Turn, Turns};
use super::{TURNS, turn_of};
use crate::bench::Bench;
use crate::ids::{IdOrder, Ids};
use crate::report::Report;
use crate::workers::cycles;
use crate::workers::dispatch::Probe;

/// Tasks under way: one alone, and as many as over SQLite.
const LANES: [usize; 2] = [1, 64];

pub(super) async fn measure(bench: &Bench, ground: &Ground, report: &mut Report) -> Result<()> {
    let ground = ground.another();
    // Messages are found by their ids' numbers.
    let postgres = ground.serve(bench, "workers-postgres", &Arc::new(Ids::new(IdOrder::Time))).await?;
    let sqlite = Side::sqlite(bench, "workers-sqlite", IdOrder::Time).await?;
    for (side, name) in [(&postgres, "Postgres"), (&sqlite, "SQLite")] {
        let probe = Probe { server: &side.server, ids: &side.ids, group: "live", window: bench.options.window() };
        let before = Batches::read(&[&side.server]).await?;
        let dispatched = probe.run().await?;
        let batches = Batches::read(&[&side.server]).await?.since(&before);
        dispatched.show_with(&format!(", {name}"), &format!("; {batches}"), report);
        if name == "Postgres" {
            report.findings.postgres.dispatch = Some(dispatched.latency_since_sent());
        }
    }
    for lanes in LANES {
        cycle(bench, &ground, [&postgres, &sqlite], lanes, report).await?;
    }
    postgres.server.stop().await?;
    sqlite.server.stop().await
}

async fn cycle(bench: &Bench, ground: &Ground, sides: [&Side; 2], lanes: usize, report: &mut Report) -> Result<()> {
    let window = turn_of(bench.options.window());
    let mut both = [Turns::new(), Turns::new()];
    for _ in 0..TURNS {
        for (side, turns) in sides.iter().zip(&mut both) {
            let before = Batches::read(&[&side.server]).await?;
            let cycles = cycles::run(&side.server, &side.ids, lanes, window);
            let (cycled, postgres_cores) = tokio::try_join!(cycles, ground.watch(window))?;
            let batches = Batches::read(&[&side.server]).await?.since(&before);
            turns.push(Turn {
                per_second: cycled.per_second,
                tally: cycled.tally,
                cores: cycled.used.server_cores,
                postgres_cores,
                other_cores: cycled.used.other_cores - postgres_cores,
                resident: Some(cycled.used.resident),
                batches,
            });
        }
    }
    let [postgres, sqlite] = both;
    report.push(postgres.row("task cycle, Postgres".to_owned(), lanes));
    report.push(sqlite.row("task cycle, SQLite".to_owned(), lanes));
    report.findings.postgres.cycles.push((lanes, postgres.latency()));
    Ok(())
}
