//! Owns one measurement: a load for a fixed time on one server, with what the server used meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::child::Server;
use crate::ids::Ids;
use crate::load::{Load, Operation, Tally, Until};
use crate::procfs::{CpuTicks, Resident};
use crate::report::Row;

/// How long a load runs before and while it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// A server that is watched.
#[derive(Debug)]
pub(crate) struct Watch {
    pid: u32,
    before: CpuTicks,
    from: Instant,
}

/// What a server used while it was watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) server_cores: f64,
    pub(crate) other_cores: f64,
    pub(crate) resident: Resident,
}

impl Watch {
    pub(crate) fn start(server: &Server) -> Result<Self> {
        let pid = server.pid();
        Ok(Watch { pid, before: CpuTicks::read(pid)?, from: Instant::now() })
    }

    pub(crate) fn stop(self) -> Result<Used> {
        let (after, seconds) = (CpuTicks::read(self.pid)?, self.from.elapsed().as_secs_f64());
        let (server_cores, other_cores) = after.cores_since(&self.before, seconds);
        Ok(Used { server_cores, other_cores, resident: Resident::read(self.pid)? })
    }
}

impl Used {
    /// The row of a table that shows it, and nothing else yet.
    pub(crate) fn row(&self) -> Row {
        Row {
            server_cores: Some(self.server_cores),
            other_cores: Some(self.other_cores),
            resident: Some(self.resident),
            ..Row::default()
        }
    }
}

/// What a load did and what it took.
#[derive(Debug)]
pub(crate) struct Measurement {
    pub(crate) per_second: f64,
    pub(crate) tally: Tally,
    pub(crate) used: Used,
}

impl Measurement {
    /// Runs the load and watches the server.
    pub(crate) async fn take(
        server: &Server,
        ids: &Arc<Ids>,
        operation: Operation,
        connections: usize,
        window: Window,
    ) -> Result<Self> {
        let warm = Instant::now() + window.warm_up;
        let end = warm + window.measured;
        let until = Until::Elapsed { warm, end };
        let load = Load { address: server.address, ids: Arc::clone(ids), operation, until };
        Resident::reset_peak(server.pid());
        let watch = async {
            tokio::time::sleep_until(warm.into()).await;
            let watch = Watch::start(server)?;
            tokio::time::sleep_until(end.into()).await;
            watch.stop()
        };
        let (tally, used) = tokio::try_join!(load.run(connections), watch)
            .with_context(|| format!("{connections} connections, log of the server: {:?}", server.last_words()))?;
        let per_second = tally.completed as f64 / window.measured.as_secs_f64();
        Ok(Measurement { per_second, tally, used })
    }

    /// The row of a table that shows it.
    pub(crate) fn row(&self, name: &str, connections: usize) -> Row {
        Row {
            measure: name.to_owned(),
            connections: Some(connections),
            rate: Some(self.per_second),
            latency: Some((&self.tally.latency).into()),
            errors: Some(self.tally.errors),
            first_error: self.tally.first_error.clone(),
            ..self.used.row()
        }
    }
}
