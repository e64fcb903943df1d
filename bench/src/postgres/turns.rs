//! Owns one side of a comparison: the turns in which it was measured, and what they come to together.

use anyhow::Result;
use futures_util::future::try_join_all;

use super::batches::Batches;
use super::ground::{Ground, Side};
use crate::load::{Operation, Tally};
use crate::measure::{Measurement, Window};
use crate::procfs::Resident;
use crate::report::{Latency, Row};

/// All turns of one side.
#[derive(Debug)]
pub(super) struct Turns {
    count: u32,
    rates: f64,
    cores: f64,
    postgres_cores: f64,
    other_cores: f64,
    resident: Option<Resident>,
    pub(super) tally: Tally,
    batches: Batches,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) per_second: f64,
    pub(super) tally: Tally,
    /// Of the servers, all together; of pgbench nothing is known.
    pub(super) cores: f64,
    pub(super) postgres_cores: f64,
    /// Neither servers, nor Postgres, nor the load generator, unless that is pgbench.
    pub(super) other_cores: f64,
    pub(super) resident: Option<Resident>,
    pub(super) batches: Batches,
}

impl Turn {
    /// A load that is split over servers.
    pub(super) async fn take(
        ground: &Ground,
        sides: &[&Side],
        operation: &Operation,
        connections: usize,
        window: Window,
    ) -> Result<Self> {
        let servers: Vec<_> = sides.iter().map(|side| &side.server).collect();
        let before = Batches::read(&servers).await?;
        let each = connections / sides.len();
        let loads =
            sides.iter().map(|side| Measurement::take(&side.server, &side.ids, operation.clone(), each, window));
        let (measured, postgres_cores) = tokio::try_join!(try_join_all(loads), ground.watch(window))?;
        let batches = Batches::read(&servers).await?.since(&before);
        let cores: f64 = measured.iter().map(|one| one.used.server_cores).sum();
        let busy = measured.first().map_or(0.0, |one| one.used.server_cores + one.used.other_cores);
        let mut turn = Turn {
            per_second: measured.iter().map(|one| one.per_second).sum(),
            tally: Tally::new(),
            cores,
            postgres_cores,
            other_cores: busy - cores - postgres_cores,
            resident: measured.first().map(|one| one.used.resident),
            batches,
        };
        measured.into_iter().for_each(|one| turn.tally.add(one.tally));
        Ok(turn)
    }
}

impl Turns {
    pub(super) fn new() -> Self {
        Turns {
            count: 0,
            rates: 0.0,
            cores: 0.0,
            postgres_cores: 0.0,
            other_cores: 0.0,
            resident: None,
            tally: Tally::new(),
            batches: Batches::default(),
        }
    }

    pub(super) fn push(&mut self, turn: Turn) {
        self.count += 1;
        self.rates += turn.per_second;
        self.cores += turn.cores;
        self.postgres_cores += turn.postgres_cores;
        self.other_cores += turn.other_cores;
        self.resident = turn.resident.or(self.resident);
        self.tally.add(turn.tally);
        self.batches = self.batches.and(&turn.batches);
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / f64::from(self.count.max(1))
    }

    pub(super) fn per_second(&self) -> f64 {
        self.mean(self.rates)
    }

    pub(super) fn latency(&self) -> Latency {
        Latency::from(&self.tally.latency)
    }

    /// The row of a side that is pgbench.
    pub(super) fn row_of_pgbench(&self, measure: String, connections: usize) -> Row {
        let (postgres, others) = (self.mean(self.postgres_cores), self.mean(self.other_cores).max(0.0));
        let note = format!("Postgres {postgres:.2} cores, pgbench and others {others:.2}");
        Row { note, ..self.bare_row(measure, connections) }
    }

    /// The row of a side that is one of our servers, or two.
    pub(super) fn row(&self, measure: String, connections: usize) -> Row {
        let postgres = self.mean(self.postgres_cores);
        let mut notes = Vec::new();
        notes.extend((postgres >= 0.05).then(|| format!("Postgres {postgres:.2} cores")));
        notes.extend((!self.batches.is_empty()).then(|| self.batches.to_string()));
        Row {
            server_cores: Some(self.mean(self.cores)),
            other_cores: Some(self.mean(self.other_cores).max(0.0)),
            resident: self.resident,
            note: notes.join("; "),
            ..self.bare_row(measure, connections)
        }
    }

    fn bare_row(&self, measure: String, connections: usize) -> Row {
        Row {
            measure,
            connections: Some(connections),
            rate: Some(self.per_second()),
            latency: Some(self.latency()),
            errors: Some(self.tally.errors),
            first_error: self.tally.first_error.clone(),
            ..Row::default()
        }
    }
}
