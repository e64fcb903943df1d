//! Owns the rates of one server over Postgres: create beside single inserts by pgbench and beside SQLite, get beside SQLite.

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
use crate::targets::postgres::Reached;

pub(super) async fn measure(bench: &Bench, ground: &Ground, report: &mut Report) -> Result<()> {
    let postgres = ground.serve(bench, "postgres", &Arc::new(Ids::new(IdOrder::Random))).await?;
    let sqlite = Side::sqlite(bench, "beside-postgres", IdOrder::Random).await?;
    let sides = Sides { bench, ground, inserts: Inserts::prepare(ground)?, postgres, sqlite };
    for &connections in &bench.options.connections {
        sides.create(connections, report).await?;
    }
    for &connections in &bench.options.connections {
        sides.get(connections, report).await?;
    }
    sides.postgres.server.stop().await?;
    sides.sqlite.server.stop().await
}

struct Sides<'a> {
    bench: &'a Bench,
    ground: &'a Ground,
    inserts: Inserts<'a>,
    postgres: Side,
    sqlite: Side,
}

impl Sides<'_> {
    async fn turn(&self, side: &Side, operation: &Operation, connections: usize) -> Result<Turn> {
        Turn::take(self.ground, &[side], operation, connections, turn_of(self.bench.options.window())).await
    }

    async fn create(&self, connections: usize, report: &mut Report) -> Result<()> {
        let create = Operation::Create(Call::Create(create_body(tomorrow_ms())));
        let (mut floor, mut postgres, mut sqlite) = (Turns::new(), Turns::new(), Turns::new());
        for _ in 0..TURNS {
            floor.push(self.inserts.turn(connections, turn_of(self.bench.options.window())).await?);
            postgres.push(self.turn(&self.postgres, &create, connections).await?);
            sqlite.push(self.turn(&self.sqlite, &create, connections).await?);
        }
        report.push_floor(floor.row_of_pgbench("single inserts by pgbench".to_owned(), connections));
        let of_floor = ratio(postgres.per_second(), floor.per_second());
        report.push(Row { of_floor, ..postgres.row("create, Postgres".to_owned(), connections) });
        report.push(sqlite.row("create, SQLite".to_owned(), connections));
        let found = &mut report.findings.postgres;
        found.single_inserts.push(Reached {
            clients: connections,
            per_second: floor.per_second(),
            latency: floor.latency(),
        });
        found.creates.push(Reached {
            clients: connections,
            per_second: postgres.per_second(),
            latency: postgres.latency(),
        });
        Ok(())
    }

    async fn get(&self, connections: usize, report: &mut Report) -> Result<()> {
        let (mut postgres, mut sqlite) = (Turns::new(), Turns::new());
        for _ in 0..TURNS {
            for (side, turns) in [(&self.postgres, &mut postgres), (&self.sqlite, &mut sqlite)] {
                turns.push(self.turn(side, &Operation::Get { stored: side.ids.taken() }, connections).await?);
            }
        }
        report.push(postgres.row("get, Postgres".to_owned(), connections));
        report.push(sqlite.row("get, SQLite".to_owned(), connections));
        Ok(())
    }
}
