//! What a simulation is made of: its size, its mix and its faults, all drawn from the seed unless they are given.

use std::collections::BTreeSet;

use fastrand::Rng;
use resonate_core::rules::Rules;
use resonate_core::time::Millis;

use crate::store::Isolation;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A server ends before its transaction is committed.
    CrashBeforeCommit,
    /// A server ends after its commit, and answers nobody.
    CrashAfterCommit,
    /// A commit fails for its server, and was made.
    LostAcknowledgement,
    /// A transaction conflicts for no reason that shows.
    Conflict,
    /// A transaction takes long.
    SlowStore,
    /// A sync fails: what was written may be there or not.
    FailedSync,
    /// For a while nothing can be written.
    FullDisk,
    /// A request, an answer or a message is lost.
    Lost,
    /// A request or a message comes twice.
    Doubled,
    /// Something takes much longer than what was sent after it.
    Delayed,
    /// A clock jumps, in either direction.
    ClockJump,
    /// A worker stands still for a while, and goes on with what it knew.
    PausedWorker,
    /// A worker loses its memory.
    CrashedWorker,
    /// A connection of a worker ends.
    LostConnection,
    /// A server cannot reach the store for a while.
    Partition,
    /// A transaction runs inside another one.
    Rivalry,
    /// Everything stands still for up to a month, and whatever was to come comes late.
    Standstill,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 17] = [
        Self::CrashBeforeCommit,
        Self::CrashAfterCommit,
        Self::LostAcknowledgement,
        Self::Conflict,
        Self::SlowStore,
        Self::FailedSync,
        Self::FullDisk,
        Self::Lost,
        Self::Doubled,
        Self::Delayed,
        Self::ClockJump,
        Self::PausedWorker,
        Self::CrashedWorker,
        Self::LostConnection,
        Self::Partition,
        Self::Rivalry,
        Self::Standstill,
    ];

    /// The name on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CrashBeforeCommit => "crash-before-commit",
            Self::CrashAfterCommit => "crash-after-commit",
            Self::LostAcknowledgement => "lost-acknowledgement",
            Self::Conflict => "conflict",
            Self::SlowStore => "slow-store",
            Self::FailedSync => "failed-sync",
            Self::FullDisk => "full-disk",
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Delayed => "delayed",
            Self::ClockJump => "clock-jump",
            Self::PausedWorker => "paused-worker",
            Self::CrashedWorker => "crashed-worker",
            Self::LostConnection => "lost-connection",
            Self::Partition => "partition",
            Self::Rivalry => "rivalry",
            Self::Standstill => "standstill",
        }
    }

    /// The fault of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Out of a thousand occasions, the most that it happens on.
    const fn rate_max(self) -> u32 {
        match self {
            Self::Standstill => 5,
            Self::CrashBeforeCommit | Self::CrashAfterCommit | Self::FailedSync => 20,
            Self::LostAcknowledgement | Self::FullDisk | Self::Partition | Self::LostConnection => 40,
            Self::PausedWorker | Self::CrashedWorker | Self::ClockJump => 60,
            Self::SlowStore => 100,
            Self::Lost | Self::Doubled | Self::Delayed | Self::Conflict => 150,
            Self::Rivalry => 900,
        }
    }
}

/// What is wanted of a simulation. Whatever is not given follows from the seed.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where all chance comes from.
    pub seed: u64,
    /// Requests after which faults and new work end; what has been begun is then brought to its end.
    pub steps: u64,
    /// Servers.
    pub servers: Option<u64>,
    /// Workers.
    pub workers: Option<u64>,
    /// Workflows that are started at most.
    pub workflows: Option<u64>,
    /// Faults that do not happen.
    pub without: BTreeSet<Fault>,
    /// Nobody sends requests that belong to no workflow.
    pub without_strangers: bool,
    /// Whether what takes effect is kept.
    pub with_log: bool,
    /// Whether what clients see is checked against the machine in the end.
    pub linearize: bool,
    /// The guard that servers and their store leave out.
    #[cfg(feature = "mutants")]
    pub mutant: Option<resonate_core::mutant::Mutant>,
    /// Whether the machine that they are compared with has that guard.
    #[cfg(feature = "mutants")]
    pub beside_sound: bool,
}

/// The world of a seed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Servers over the store.
    pub servers: u64,
    /// Workers of workflows.
    pub workers: u64,
    /// Workflows that are started at most.
    pub workflows: u64,
    /// How the store keeps transactions apart.
    pub isolation: Isolation,
    /// Whether a load is a way over a network.
    pub is_far: bool,
    /// Whether the store has a clock that all servers go by.
    pub has_clock: bool,
    /// The dials.
    pub rules: Rules,
    /// Out of a hundred requests of clients, those that belong to no workflow.
    pub strangers: u64,
    /// Out of a thousand occasions, how often each fault happens; in the order of [`Fault::ALL`].
    pub rates: [u32; Fault::ALL.len()],
}

impl Plan {
    /// Draws what is not given.
    pub(crate) fn draw(options: &Options, rng: &mut Rng) -> Self {
        let mut rates = Fault::ALL.map(|fault| if rng.bool() { rng.u32(..=fault.rate_max()) } else { 0 });
        let drawn = rng.u64(1..=4);
        let servers = options.servers.unwrap_or(drawn).max(1);
        let shared = if rng.bool() { Isolation::Locks } else { Isolation::Versions };
        let isolation = if servers == 1 && rng.bool() { Isolation::Alone } else { shared };
        let workers = rng.u64(1..=5);
        // A world of fewer steps is the same to their end, where it has as many workflows.
        let workflows = 1 + (1 + options.steps / 30) * rng.u64(..1000) / 1000;
        let strangers = [0, 20, 60, 90, 100, 100][rng.u64(..6) as usize];
        let retry_timeout = [100, 1_000, 5_000, 30_000][rng.u64(..4) as usize];
        let unblock_retention = [5_000, 60_000, 604_800_000][rng.u64(..3) as usize];
        let rules = Rules {
            retry_timeout: Millis::saturating(retry_timeout),
            unblock_retention: Millis::saturating(unblock_retention),
            strict: rng.u32(..4) == 0,
            #[cfg(feature = "mutants")]
            mutant: options.mutant,
        };
        for (fault, rate) in Fault::ALL.iter().zip(&mut rates) {
            if options.without.contains(fault) {
                *rate = 0;
            }
        }
        Self {
            servers,
            workers: options.workers.unwrap_or(workers).max(1),
            workflows: options.workflows.unwrap_or(workflows),
            isolation,
            is_far: isolation == Isolation::Locks && rng.bool(),
            has_clock: isolation != Isolation::Alone,
            rules,
            strangers: if options.without_strangers { 0 } else { strangers },
            rates,
        }
    }

    /// How often a fault happens, out of a thousand occasions.
    #[must_use]
    pub fn rate(&self, fault: Fault) -> u32 {
        self.rates[fault as usize]
    }

    /// Its size and its mix in words, each with its name.
    #[must_use]
    pub fn words(&self) -> [(&'static str, String); 4] {
        let Self { servers, workers, workflows, strangers, rules, .. } = self;
        let world = format!("{servers} servers, {workers} workers, {workflows} workflows, {strangers} % strangers");
        let clock = if self.has_clock { "with a clock" } else { "without a clock" };
        let far = if self.is_far { ", far" } else { "" };
        let store = format!("{:?}, {clock}{far}", self.isolation).to_lowercase();
        let (retry, retention) = (rules.retry_timeout.as_millis(), rules.unblock_retention.as_millis());
        let strict = if rules.strict { ", strict" } else { "" };
        let dials = format!("retry {retry} ms, retention {retention} ms{strict}");
        let faults = Fault::ALL.iter().filter(|fault| self.rate(**fault) > 0);
        let faults: Vec<String> = faults.map(|fault| format!("{} {}‰", fault.name(), self.rate(*fault))).collect();
        let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(", ") };
        [("world", world), ("store", store), ("dials", dials), ("faults", faults)]
    }
}
