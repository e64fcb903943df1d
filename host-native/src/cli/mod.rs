//! The command line: which commands there are, how a failure is told, and with which code the
//! process exits.
//!
//! A command is one file with `command()`, which describes it to clap, and `run()`; to add one, add
//! its line to `COMMANDS`. Commands must not print errors or exit on their own.

mod completions;
mod config;
mod copy;
mod dev;
mod failure;
mod input;
mod invoke;
mod mcp;
mod migrate;
mod promises;
mod replay;
mod schedules;
mod serve;
mod session;
mod show;
mod sim;
mod tasks;
mod tree;
mod wait;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgMatches, Command};

pub use failure::Failure;

/// The environment of the process, as commands see it.
pub type Environment = [(OsString, OsString)];

/// A command of the binary.
struct Entry {
    command: fn() -> Command,
    run: fn(&ArgMatches, &Environment) -> Result<(), Failure>,
}

/// Every command, in the order in which help lists them.
const COMMANDS: &[Entry] = &[
    Entry { command: serve::command, run: serve::run },
    Entry { command: dev::command, run: dev::run },
    Entry { command: invoke::command, run: invoke::run },
    Entry { command: tree::command, run: tree::run },
    Entry { command: promises::command, run: promises::run },
    Entry { command: tasks::command, run: tasks::run },
    Entry { command: schedules::command, run: schedules::run },
    Entry { command: mcp::command, run: mcp::run },
    Entry { command: replay::command, run: replay::run },
    Entry { command: sim::command, run: sim::run },
    Entry { command: migrate::command, run: migrate::run },
    Entry { command: copy::command, run: copy::run },
    Entry { command: config::command, run: config::run },
    Entry { command: completions::command, run: completions::run },
];

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Runs the command that `args` name and returns the exit code: 0, or the one of its [`Failure`].
pub fn main(
    args: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let environment: Vec<_> = environment.into_iter().collect();
    match run(args, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The whole command tree.
pub fn command() -> Command {
    Command::new("resonate")
        .about("A durable promise server")
        .version(env!("CARGO_PKG_VERSION"))
        .styles(STYLES)
        .max_term_width(120)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(COMMANDS.iter().map(|entry| (entry.command)()))
}

fn run(args: impl IntoIterator<Item = OsString>, environment: &Environment) -> Result<(), Failure> {
    let matches = command().try_get_matches_from(args).map_err(Failure::Arguments)?;
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Failure::Usage("a command is required".to_owned()));
    };
    match COMMANDS.iter().find(|entry| (entry.command)().get_name() == name) {
        Some(entry) => (entry.run)(matches, environment),
        None => Err(Failure::Usage(format!("unknown command {name}"))),
    }
}

/// Prints what a command was asked for. A reader that has gone away (`resonate config | head`) is
/// no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Runtime(format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(args: &[&str]) -> String {
        run(args.iter().map(OsString::from), &[]).unwrap_err().to_string()
    }

    #[test]
    fn the_command_tree_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_wrong_flag_is_one_line_with_a_suggestion() {
        let line = failure(&["resonate", "serve", "--server-prot", "1"]);
        assert!(!line.contains('\n'), "{line}");
        assert!(line.contains("'--server-prot'") && line.contains("'--server-port'"), "{line}");
        assert!(line.ends_with("(see `resonate serve --help`)"), "{line}");
    }

    #[test]
    fn a_wrong_value_names_its_flag() {
        assert_eq!(
            failure(&["resonate", "config", "--server-port", "-1"]),
            "flag --server-port: server.port is -1, but must be a whole number from 0 to 65535"
        );
    }
}
