//! A machine that loses its power: everything that a server did to its database file is written down while clients are at work, and the disk is made
//! again as it may have been at any moment, with what was synced and with some of what was not. Every such disk must open, and hold every write that
//! was acknowledged before.

mod cuts;
mod disk;
mod log;
mod record;

use std::path::PathBuf;

use fastrand::Rng;

use crate::report::Cuts;
use cuts::Plan;
use log::Log;
use record::Recording;

pub use disk::Lie;
pub use log::mark;

/// Attempts to write down what a server does: it may be killed between a write and the note of it.
const RECORDINGS_MAX: usize = 3;

/// A sync that fails, in the first life of the server. What was written before it is lost, or some of it, though everybody sees it until the power is cut.
#[derive(Clone, Copy, Debug)]
pub enum FailingSync {
    /// The n-th of the database's log: some commit fails.
    Log(u32),
    /// The n-th of the database itself: a checkpoint fails.
    Database(u32),
}

/// How a server is treated while everything is written down.
#[derive(Clone, Debug)]
pub struct Outage {
    /// The server. None is the one that was built beside the test.
    pub binary: Option<PathBuf>,
    /// Where chance comes from.
    pub seed: u64,
    /// SQLite's `synchronous`.
    pub synchronous: &'static str,
    /// Writes that are acknowledged in each of the three lives of the server.
    pub writes: u64,
    /// Whether the log of the database grows until it is copied back under load.
    pub with_checkpoint: bool,
    /// A sync that fails, if any does.
    pub failing_sync: Option<FailingSync>,
    /// One point of so many is looked at.
    pub one_point_in: usize,
    /// Disks with some of what was not synced, between two syncs.
    pub subsets: usize,
}

/// What a server did to its disk, and what its clients were told meanwhile.
#[derive(Debug)]
pub struct Recorded {
    recording: Recording,
    outage: Outage,
}

impl Outage {
    /// Runs the server and writes down what it does.
    ///
    /// # Panics
    /// When what was written down does not lead to the files that are there.
    #[must_use]
    pub fn record(&self) -> Recorded {
        let mut rng = Rng::with_seed(self.seed);
        let mut tries = (0..RECORDINGS_MAX).map(|_| record::record(self, &mut rng));
        let recording = tries.find_map(Result::ok).expect("a log that leads to the files that are there");
        Recorded { recording, outage: self.clone() }
    }
}

impl Recorded {
    /// Cuts the power at every point that is to be looked at. What is told is how many points of how many are done.
    #[must_use]
    pub fn cut(&self, tell: &(dyn Fn(u64, u64) + Sync)) -> Cuts {
        self.cut_disk(None, usize::MAX, tell)
    }

    /// The same on a disk that says that it has synced something, and has not: up to the first violations.
    #[must_use]
    pub fn cut_lying(&self, lie: Lie) -> Cuts {
        self.cut_disk(Some(lie), 1, &|_, _| {})
    }

    fn cut_disk(&self, lie: Option<Lie>, violations_max: usize, tell: &(dyn Fn(u64, u64) + Sync)) -> Cuts {
        let Outage { seed, one_point_in, subsets, .. } = self.outage;
        let plan = Plan { lie, seed, one_point_in, subsets, violations_max };
        plan.run(&self.recording, tell)
    }
}

impl Recording {
    fn log(&self) -> Log<'_> {
        Log(&self.bytes)
    }
}
