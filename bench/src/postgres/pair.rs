//! Owns the measure of two servers over one database: creates that are split between both, beside the same creates on one of them. On a machine
//! where everything shares the cores a second server adds nothing; what is measured is whether it takes anything away.

use std::sync::Arc;

use anyhow::Result;

use super::ground::{Ground, Side};
use super::pgbench::Inserts;
use super::turns::{Turn, Turns};
use super::{TURNS, turn_of};
use crate::bench::Bench;
use crate::client::{Call, create_body, tomorrow_ms};
use crate::ids::{IdOrder, Ids};
use crate::load::Operation;
use crate::report::{Report, Row, ratio};
use crate::targets::postgres::{COUNTS_OF_PAIRS, Pair};

pub(super) async fn measure(bench: &Bench, ground: &Ground, report: &mut Report) -> Result<()> {
    let ground = ground.another();
    let ids = Arc::new(Ids::new(IdOrder::Random));
    let one = ground.serve(bench, "one-of-two", &ids).await?;
    let two = ground.serve(bench, "two-of-two", &ids).await?;
    let inserts = Inserts::prepare(&ground)?;
    for synced in [true, false] {
        ground.cluster().reconfigure("synchronous_commit", if synced { "on" } else { "off" });
        for connections in COUNTS_OF_PAIRS {
            compare(bench, &ground, [&one, &two], &inserts, connections, synced, report).await?;
        }
    }
    ground.cluster().reconfigure("synchronous_commit", "on");
    one.server.stop().await?;
    two.server.stop().await
}

async fn compare(
    bench: &Bench,
    ground: &Ground,
    [one, two]: [&Side; 2],
    inserts: &Inserts<'_>,
    connections: usize,
    synced: bool,
    report: &mut Report,
) -> Result<()> {
    let window = turn_of(bench.options.window());
    let create = Operation::Create(Call::Create(create_body(tomorrow_ms())));
    let (mut floor, mut single, mut split) = (Turns::new(), Turns::new(), Turns::new());
    for _ in 0..TURNS {
        floor.push(inserts.turn(connections, window).await?);
        single.push(Turn::take(ground, &[one], &create, connections, window).await?);
        split.push(Turn::take(ground, &[one, two], &create, connections, window).await?);
    }
    let how = if synced { "" } else { ", synchronous_commit=off" };
    report.push_floor(floor.row_of_pgbench(format!("single inserts by pgbench{how}"), connections));
    let of_floor = |turns: &Turns| ratio(turns.per_second(), floor.per_second());
    let row = single.row(format!("create, one server{how}"), connections);
    report.push(Row { of_floor: of_floor(&single), ..row });
    let of_one = ratio(split.per_second(), single.per_second());
    let row = split.row(format!("create, two servers{how}"), connections);
    let note = format!("{:.2} of one; {}", of_one.unwrap_or(0.0), row.note);
    report.push(Row { of_floor: of_floor(&split), note, ..row });
    report.findings.postgres.pairs.extend(of_one.map(|of_one| Pair { connections, synced, of_one }));
    Ok(())
}
