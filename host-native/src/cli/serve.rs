//! `resonate serve`: loads the configuration, starts logging and runs the server on its own
//! runtime.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::input::variable;
use super::{Environment, Failure};
use crate::config::{self, DEFAULT_FILE, Defaults, Loaded};
use crate::{log, open_files};

const CONFIG: &str = "config";

const AFTER_HELP: &str = "\
Every setting can be given in three places, and the later one wins: the configuration file (`server.port`, that is \
`port` in the section `[server]`), the environment (RESONATE_SERVER__PORT), and a flag (--server-port). \
`resonate config` shows the outcome and which place decided.";

/// Describes it to clap.
pub(super) fn command() -> Command {
    configured(Command::new("serve").about("Start the server, with its promises in a file"), Defaults::Serve)
}

/// Runs until the server stops.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    start(Defaults::Serve, matches, environment)
}

/// Adds the flags of the configuration.
pub(super) fn configured(command: Command, defaults: Defaults) -> Command {
    config::add_flags_to(command.arg(config_arg()), defaults).next_line_help(true).after_help(AFTER_HELP)
}

/// Adds the flags of the configuration that say where promises are kept.
pub(super) fn stored(command: Command) -> Command {
    config::add_storage_flags_to(command.arg(config_arg()), Defaults::Serve)
}

/// The flag that names the file of the configuration.
pub(super) fn config_arg() -> Arg {
    Arg::new(CONFIG)
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .action(ArgAction::Set)
        .help(format!("Configuration file, which must exist [default: {DEFAULT_FILE}, if there is one]"))
        .help_heading("General")
}

/// Reads the configuration for a command that has at least [`config_arg`].
pub(super) fn load(defaults: Defaults, matches: &ArgMatches, environment: &Environment) -> Result<Loaded, Failure> {
    let file = matches.get_one::<PathBuf>(CONFIG);
    Ok(config::load(defaults, file.map(PathBuf::as_path), environment.iter().cloned(), matches)?)
}

/// Loads, logs, serves.
pub(super) fn start(defaults: Defaults, matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    let Loaded { config, mut warnings, settings } = load(defaults, matches, environment)?;
    let options = log::Options {
        level: config.level,
        format: config.log.format,
        directives: variable(environment, "RUST_LOG").map(|directives| directives.to_string_lossy().into_owned()),
        colours: std::io::stdout().is_terminal() && variable(environment, "NO_COLOR").is_none(),
    };
    log::init(&options).map_err(|error| Failure::Usage(error.to_string()))?;
    warnings.extend(crate::serve::support::warnings(&settings));
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    open_files::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Runtime(format!("cannot start the runtime: {error}")))?;
    let served = runtime.block_on(crate::serve::run(config));
    // What was not finished in time is cut off, and does not hold the process.
    runtime.shutdown_background();
    served.map_err(|error| Failure::Runtime(error.to_string()))
}
