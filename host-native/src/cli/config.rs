//! `resonate config`: shows the configuration that `resonate serve` would use here, or the table of
//! all keys.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{Environment, Failure, print, serve};
use crate::config::{self, Defaults};

const MARKDOWN: &str = "markdown";

/// Describes it to clap.
pub(super) fn command() -> Command {
    let markdown = Arg::new(MARKDOWN)
        .long("markdown")
        .action(ArgAction::SetTrue)
        .help("Print the table of all keys as Markdown instead")
        .help_heading("General");
    let about = "Show the configuration that `resonate serve` would use, and where each value comes from";
    serve::configured(Command::new("config").about(about).arg(markdown), Defaults::Serve)
}

/// Prints it; what has no effect is told on standard error.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    if matches.get_flag(MARKDOWN) {
        return print(&config::markdown());
    }
    let loaded = serve::load(Defaults::Serve, matches, environment)?;
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    print(&config::toml(&loaded.settings))
}
