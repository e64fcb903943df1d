//! How a command fails, and how that is told: one line on standard error and an exit code.

use std::fmt;
use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::config;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The arguments were not understood, or asked for help.
    Arguments(clap::Error),
    /// The arguments or the configuration make no sense.
    Usage(String),
    /// It was understood and could not be done.
    Runtime(String),
}

impl Failure {
    /// Prints it and returns the code to exit with.
    pub(super) fn report(&self) -> ExitCode {
        match self {
            Self::Arguments(error) => match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                    // There is nobody to tell that help could not be printed.
                    let _ = error.print();
                    return ExitCode::SUCCESS;
                }
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                    let _ = error.print();
                }
                // `ErrorKind` grows with clap; all its other kinds are mistakes.
                _ => eprintln!("error: {self}"),
            },
            Self::Usage(_) | Self::Runtime(_) => eprintln!("error: {self}"),
        }
        match self {
            Self::Arguments(_) | Self::Usage(_) => ExitCode::from(2),
            Self::Runtime(_) => ExitCode::from(1),
        }
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => f.write_str(&one_line(&error.render().to_string())),
            Self::Usage(message) | Self::Runtime(message) => f.write_str(message),
        }
    }
}

/// What clap says over several lines: the mistake, its tips, and in place of the usage where to
/// find it.
fn one_line(rendered: &str) -> String {
    let mut mistake: Vec<&str> = Vec::new();
    let mut tips: Vec<String> = Vec::new();
    let mut usage = None;
    for line in rendered.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(text) = line.strip_prefix("Usage:") {
            usage = Some(text.trim());
        } else if usage.is_some() {
            break;
        } else if let Some(tip) = line.strip_prefix("tip:") {
            tips.push(format!("; {}", tip.trim()));
        } else if !line.starts_with("For more information") {
            mistake.push(line.strip_prefix("error:").unwrap_or(line).trim());
        }
    }
    // The usage starts with the names of the commands, up to the first placeholder or flag.
    let help = usage.map(|usage| {
        let names: Vec<&str> = usage.split_whitespace().take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
        format!(" (see `{} --help`)", names.join(" "))
    });
    format!("{}{}{}", mistake.join(" "), tips.concat(), help.unwrap_or_default())
}
