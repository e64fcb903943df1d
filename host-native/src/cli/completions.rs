//! `resonate completions`: a script that completes commands in a shell.

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use super::{Environment, Failure, print};

const SHELL: &str = "SHELL";

const AFTER_HELP: &str = "\
Example:
  resonate completions bash > ~/.local/share/bash-completion/completions/resonate
  resonate completions zsh > ~/.zfunc/_resonate
  resonate completions fish > ~/.config/fish/completions/resonate.fish";

/// Describes it to clap.
pub(super) fn command() -> Command {
    let shell = Arg::new(SHELL).required(true).value_parser(value_parser!(Shell)).help("The shell");
    Command::new("completions")
        .about("Print a script that completes commands in a shell")
        .arg(shell)
        .after_help(AFTER_HELP)
}

/// Prints it.
pub(super) fn run(matches: &ArgMatches, _: &Environment) -> Result<(), Failure> {
    let shell: Shell = super::input::required(matches, SHELL);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "resonate", &mut script);
    print(&String::from_utf8_lossy(&script))
}
