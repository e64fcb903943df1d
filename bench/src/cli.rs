//! Owns the options of the program.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::ids::IdOrder;
use crate::measure::Window;
use crate::stand_in::StandInFlags;

const FULL_GROWTH: [u64; 2] = [1_000_000, 10_000_000];
const FULL_TIMERS: u64 = 1_000_000;
const QUICK_TIMERS: u64 = 100_000;

/// Measures a durable promise server from the outside.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What the program is when it does not measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// Serve the floor: a fixed answer to each request
    Floor {
        #[arg(long)]
        port: u16,
    },
    /// Serve the stand-in that --stand-in measures
    Serve(StandInFlags),
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    Disk,
    Rates,
    Timers,
    Dispatch,
    Burst,
    Cycles,
    Connections,
    DeadGroup,
    Growth,
    Postgres,
    PostgresGrowth,
    Wasm,
    Overload,
    Soak,
}

impl Section {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Section::Disk => "disk",
            Section::Rates => "rates",
            Section::Timers => "timers",
            Section::Dispatch => "dispatch",
            Section::Burst => "burst",
            Section::Cycles => "cycles",
            Section::Connections => "connections",
            Section::DeadGroup => "dead group",
            Section::Growth => "growth",
            Section::Postgres => "postgres",
            Section::PostgresGrowth => "growth on postgres",
            Section::Wasm => "wasm",
            Section::Overload => "overload",
            Section::Soak => "soak",
        }
    }

    /// Whether it only runs when it is named: it judges, and measures nothing that is compared.
    fn is_trial(self) -> bool {
        match self {
            Section::Overload | Section::Soak => true,
            Section::Disk
            | Section::Rates
            | Section::Timers
            | Section::Dispatch
            | Section::Burst
            | Section::Cycles
            | Section::Connections
            | Section::DeadGroup
            | Section::Growth
            | Section::Postgres
            | Section::PostgresGrowth
            | Section::Wasm => false,
        }
    }

    /// Whether it needs more of a server than the stand-in has.
    fn is_beyond_the_stand_in(self) -> bool {
        match self {
            Section::Disk | Section::Rates | Section::Timers | Section::Growth | Section::Wasm => false,
            Section::Dispatch
            | Section::Burst
            | Section::Cycles
            | Section::Connections
            | Section::DeadGroup
            | Section::Postgres
            | Section::PostgresGrowth
            | Section::Overload
            | Section::Soak => true,
        }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The server to measure
    #[arg(long, default_value = "target/release/resonate")]
    pub(crate) server: PathBuf,
    /// One more argument for the server; may be given again
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) server_arg: Vec<String>,
    /// Measure a built-in server that stores nothing and knows no workers, to try the bench itself
    #[arg(long)]
    pub(crate) stand_in: bool,
    /// Where to put databases; a real disk
    #[arg(long, default_value = "target/bench")]
    pub(crate) dir: PathBuf,
    /// Keep the databases and the servers' logs
    #[arg(long)]
    pub(crate) keep: bool,
    /// How long each load is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) seconds: u64,
    /// How long each load runs before it is measured
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub(crate) warm_up_seconds: u64,
    /// The numbers of connections to measure at
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256", value_parser = parse_connections)]
    pub(crate) connections: Vec<usize>,
    /// The parts to run [default: all but overload and soak]
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<Section>,
    /// Promises that fall due at once; 0 for none [default: 100000, with --full 1000000]
    #[arg(long)]
    timers: Option<u64>,
    /// Numbers of stored promises to measure growth at, rising [default: none, with --full 1000000,10000000]
    #[arg(long, value_delimiter = ',')]
    growth: Vec<u64>,
    /// The orders of ids to measure growth with
    #[arg(long, value_delimiter = ',', default_value = "time,random")]
    pub(crate) order: Vec<IdOrder>,
    /// How long the soak takes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10080))]
    pub(crate) soak_minutes: u64,
    /// The longest that filling to one size may take, in seconds
    #[arg(long, default_value_t = 3600)]
    pub(crate) fill_seconds_max: u64,
    /// Measure everything
    #[arg(long)]
    full: bool,
    /// Write the report as Markdown as well
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

impl Options {
    pub(crate) fn runs(&self, section: Section) -> bool {
        let wanted = if self.only.is_empty() { !section.is_trial() } else { self.only.contains(&section) };
        wanted && !(self.stand_in && section.is_beyond_the_stand_in())
    }

    pub(crate) fn timers(&self) -> u64 {
        self.timers.unwrap_or(if self.full { FULL_TIMERS } else { QUICK_TIMERS })
    }

    pub(crate) fn growth(&self) -> &[u64] {
        if self.full && self.growth.is_empty() { &FULL_GROWTH } else { &self.growth }
    }

    pub(crate) fn window(&self) -> Window {
        Window { warm_up: Duration::from_secs(self.warm_up_seconds), measured: Duration::from_secs(self.seconds) }
    }

    pub(crate) fn fill_max(&self) -> Duration {
        Duration::from_secs(self.fill_seconds_max)
    }
}

fn parse_connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=4096) => Ok(count),
        Ok(_) | Err(_) => Err("expected 1 to 4096".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn options(arguments: &[&str]) -> Options {
        Cli::parse_from([&["resonate-bench"], arguments].concat()).options
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_quick_run_does_not_grow_and_a_full_one_does() {
        assert_eq!(options(&[]).growth(), &[] as &[u64]);
        assert_eq!(options(&[]).timers(), 100_000);
        assert_eq!(options(&["--full"]).growth(), &[1_000_000, 10_000_000]);
        assert_eq!(options(&["--full"]).timers(), 1_000_000);
        assert_eq!(options(&["--full", "--growth", "7"]).growth(), &[7]);
    }

    #[test]
    fn the_stand_in_has_neither_workers_nor_postgres() {
        assert!(options(&["--only", "dead-group"]).runs(Section::DeadGroup));
        assert!(!options(&["--stand-in"]).runs(Section::DeadGroup));
        assert!(!options(&["--stand-in"]).runs(Section::Postgres));
        assert!(options(&["--stand-in"]).runs(Section::Rates));
    }

    #[test]
    fn connections_are_bounded() {
        assert_eq!(options(&["--connections", "1,256"]).connections, [1, 256]);
        assert!(Cli::try_parse_from(["resonate-bench", "--connections", "0"]).is_err());
    }
}
