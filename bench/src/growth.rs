//! Owns growth: the same loads on an empty database and on ever more stored promises, once for each
//! order of ids, and how a server starts on what was stored.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::child::{Folder, Server};
use crate::client::{Call, create_body, tomorrow_ms};
use crate::fill::fill;
use crate::ids::{IdOrder, Ids};
use crate::load::Operation;
use crate::measure::Measurement;
use crate::procfs::Resident;
use crate::report::{Report, Row, ratio, rounded};
use crate::targets::{CONNECTIONS, Grown};

/// The rates of one size.
struct Rates {
    create: f64,
    get: f64,
}

/// One database as it grows.
struct Series<'a> {
    bench: &'a Bench,
    folder: Folder,
    order: IdOrder,
    ids: Arc<Ids>,
}

pub(crate) async fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    for &order in &bench.options.order {
        let folder = bench.folder(&format!("growth-{}", order.name().replace(' ', "-")))?;
        let series = Series { bench, folder, order, ids: Arc::new(Ids::new(order)) };
        series.run(report).await.with_context(|| order.name())?;
    }
    Ok(())
}

impl Series<'_> {
    async fn run(&self, report: &mut Report) -> Result<()> {
        let mut server = Server::start(&self.bench.program, &self.folder, false).await?;
        for &size in self.bench.options.growth() {
            self.fill_to(&server, size, report).await?;
            let empty = self.empty_beside(size, report).await?;
            let grown = self.rates(&server, Some(&empty), report).await?;
            server.stop().await?;
            server = self.start_again(report).await?;
            report.findings.grown.push(Grown {
                order: self.order,
                stored: size,
                create_of_empty: ratio(grown.create, empty.create),
                started_in: server.started_in,
            });
        }
        server.stop().await
    }

    /// The rates of an empty database, taken right before those of a grown one: a filling takes minutes, in which the machine may change.
    async fn empty_beside(&self, size: u64, report: &mut Report) -> Result<Rates> {
        let folder = self.bench.folder(&format!("empty-{}-{size}", self.order.name().replace(' ', "-")))?;
        let empty = Series { bench: self.bench, folder, order: self.order, ids: Arc::new(Ids::new(self.order)) };
        let server = Server::start(&self.bench.program, &empty.folder, false).await?;
        let rates = empty.rates(&server, None, report).await?;
        server.stop().await?;
        Ok(rates)
    }

    async fn start_again(&self, report: &mut Report) -> Result<Server> {
        let bytes = self.folder.bytes()?;
        let server = Server::start(&self.bench.program, &self.folder, false).await?;
        let ready_ms = server.started_in.as_secs_f64() * 1e3;
        report.push(Row {
            measure: self.name("start"),
            resident: Some(Resident::read(server.pid())?),
            note: format!("ready in {ready_ms:.0} ms; {} MB on disk", bytes / 1_000_000),
            ..Row::default()
        });
        Ok(server)
    }

    /// Fills up to a size, unless the loads before have come that far.
    async fn fill_to(&self, server: &Server, size: u64, report: &mut Report) -> Result<()> {
        if self.ids.taken() < size {
            let at_most = self.bench.options.fill_max();
            let row = fill(server, &self.ids, size, tomorrow_ms(), at_most).await?;
            report.push(Row { measure: self.name("fill"), ..row });
        }
        Ok(())
    }

    /// The name of a measure on what is stored now.
    fn name(&self, measure: &str) -> String {
        format!("{measure}, {} stored, {}", rounded(self.ids.taken()), self.order.name())
    }

    async fn rates(&self, server: &Server, empty: Option<&Rates>, report: &mut Report) -> Result<Rates> {
        let of_empty = |now: f64, then: Option<f64>| {
            let ratio = then.and_then(|then| ratio(now, then));
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} of empty"))
        };
        let create = Operation::Create(Call::Create(create_body(tomorrow_ms())));
        let created =
            self.take(server, "create", create, report, |rate| of_empty(rate, empty.map(|rates| rates.create)));
        let create = created.await?;
        let get = Operation::Get { stored: self.ids.taken() };
        let got = self.take(server, "get", get, report, |rate| of_empty(rate, empty.map(|rates| rates.get)));
        Ok(Rates { create, get: got.await? })
    }

    /// One measurement, shown with a note on its rate. Returns the rate.
    async fn take(
        &self,
        server: &Server,
        measure: &str,
        operation: Operation,
        report: &mut Report,
        note: impl Fn(f64) -> String,
    ) -> Result<f64> {
        let name = self.name(measure);
        let window = self.bench.options.window();
        let taken = Measurement::take(server, &self.ids, operation, CONNECTIONS, window).await?;
        report.push(Row { note: note(taken.per_second), ..taken.row(&name, CONNECTIONS) });
        Ok(taken.per_second)
    }
}
