//! `resonate dev`: `resonate serve` with other defaults.

use clap::{ArgMatches, Command};

use super::{Environment, Failure, serve};
use crate::config::Defaults;

/// Describes it to clap.
pub(super) fn command() -> Command {
    serve::configured(
        Command::new("dev").about("Start the server, with its promises in memory until it stops"),
        Defaults::Dev,
    )
}

/// Runs until the server stops.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    serve::start(Defaults::Dev, matches, environment)
}
