//! Owns growth: the same loads over ever more stored promises, each beside an empty database of the same cluster.

use std::sync::Arc;

use anyhow::{Context, Result};

use super::ground::{Ground, Side};
use super::stock::{self, Log};
use super::turns::{Turn, Turns};
use super::{TURNS, turn_of};
use crate::bench::Bench;
use crate::client::{Call, create_body, tomorrow_ms};
use crate::fill::fill;
use crate::ids::{IdOrder, Ids};
use crate::load::Operation;
use crate::report::{Report, Row, ratio, rounded};
use crate::targets::CONNECTIONS;

pub(super) async fn measure(bench: &Bench, ground: &Ground, report: &mut Report) -> Result<()> {
    for &order in &bench.options.order {
        let series = Series { bench, ground: ground.another(), order };
        series.run(report).await.with_context(|| order.name())?;
    }
    Ok(())
}

/// One database as it grows.
struct Series<'a> {
    bench: &'a Bench,
    ground: Ground,
    order: IdOrder,
}

impl Series<'_> {
    async fn run(&self, report: &mut Report) -> Result<()> {
        if self.bench.options.growth().is_empty() {
            return Ok(());
        }
        let order = self.order.name().replace(' ', "-");
        let grown = self.ground.serve(self.bench, &format!("grown-{order}"), &self.ids()).await?;
        for &size in self.bench.options.growth() {
            if grown.ids.taken() < size {
                let row = fill(&grown.server, &grown.ids, size, tomorrow_ms(), self.bench.options.fill_max()).await?;
                report.push(Row { measure: self.name("fill", &grown), ..row });
            }
            let ground = self.ground.another();
            let empty = ground.serve(self.bench, &format!("empty-{order}-{size}"), &self.ids()).await?;
            self.compare(&grown, &empty, report).await?;
            empty.server.stop().await?;
            let note = format!("on disk {}", stock::bytes_each(&self.ground, grown.ids.taken())?);
            report.push(Row { measure: self.name("a promise", &grown), note, ..Row::default() });
        }
        grown.server.stop().await
    }

    fn ids(&self) -> Arc<Ids> {
        Arc::new(Ids::new(self.order))
    }

    fn name(&self, measure: &str, side: &Side) -> String {
        format!("{measure}, {} stored, {}, Postgres", rounded(side.ids.taken()), self.order.name())
    }

    async fn compare(&self, grown: &Side, empty: &Side, report: &mut Report) -> Result<()> {
        // What a checkpoint costs is in the measure, and is the same each time.
        self.ground.query("CHECKPOINT")?;
        let create = |_: &Side| Operation::Create(Call::Create(create_body(tomorrow_ms())));
        let get = |side: &Side| Operation::Get { stored: side.ids.taken() };
        let (first, stored) = (Log::read(&self.ground).await?, grown.ids.taken());
        self.turn(grown, &create(grown)).await?;
        let log = Log::read(&self.ground).await?.each_since(&first, grown.ids.taken() - stored);
        let note = format!("right after a checkpoint: {log}");
        report.push(Row { measure: self.name("a create", grown), note, ..Row::default() });
        self.both("create", create, grown, empty, report).await?;
        self.both("get", get, grown, empty, report).await
    }

    async fn turn(&self, side: &Side, operation: &Operation) -> Result<Turn> {
        Turn::take(&self.ground, &[side], operation, CONNECTIONS, turn_of(self.bench.options.window())).await
    }

    async fn both(
        &self,
        measure: &str,
        operation: impl Fn(&Side) -> Operation,
        grown: &Side,
        empty: &Side,
        report: &mut Report,
    ) -> Result<()> {
        let (mut many, mut few) = (Turns::new(), Turns::new());
        for _ in 0..TURNS {
            few.push(self.turn(empty, &operation(empty)).await?);
            many.push(self.turn(grown, &operation(grown)).await?);
        }
        report.push(few.row(self.name(measure, empty), CONNECTIONS));
        let of_empty = ratio(many.per_second(), few.per_second()).unwrap_or(0.0);
        let row = many.row(self.name(measure, grown), CONNECTIONS);
        report.push(Row { note: format!("{of_empty:.2} of empty; {}", row.note), ..row });
        Ok(())
    }
}
