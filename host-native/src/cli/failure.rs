//! How a command fails, and how that is told: one line on standard error and an exit code.
//!
//! | code | means |
//! |---|---|
//! | 0 | done; what was waited for is resolved |
//! | 1 | it could not be done: no server, no answer, no file … |
//! | 2 | the arguments or the configuration make no sense |
//! | 3 | what was named is not there |
//! | 4 | the server refused, or the promise is settled otherwise already |
//! | 5 | what was waited for is rejected, cancelled or timed out |
//! | 6 | what was waited for is still pending |
//! | 7 | a recording replays with another answer; a copy is not the same as its source; a simulation found something wrong |
//! | 8 | a recording is corrupt |
//! | 130 | interrupted while it waited |

use std::fmt;
use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::{client, config, store};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The arguments were not understood, or asked for help.
    Arguments(clap::Error),
    /// The arguments or the configuration make no sense.
    Usage(String),
    /// It was understood and could not be done.
    Runtime(String),
    /// The server has nothing under that name.
    NotFound(String),
    /// The server refused.
    Refused(String),
    /// What was waited for was settled, but not resolved.
    Rejected(String),
    /// What was waited for is still pending.
    StillPending(String),
    /// A replayed answer is not the recorded one, a copy not its source, or a simulation not what it must be.
    Differs(String),
    /// A line of a recording cannot be replayed.
    Corrupt(String),
    /// Somebody has pressed Ctrl-C, and knows.
    Interrupted,
}

impl Failure {
    /// A refusal of the server, by its status.
    pub(super) fn refused(status: u16, why: String) -> Self {
        match status {
            404 => Self::NotFound(why),
            400..500 => Self::Refused(why),
            _ => Self::Runtime(why),
        }
    }

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
            Self::Interrupted => {}
            Self::Usage(_)
            | Self::Runtime(_)
            | Self::NotFound(_)
            | Self::Refused(_)
            | Self::Rejected(_)
            | Self::StillPending(_)
            | Self::Differs(_)
            | Self::Corrupt(_) => eprintln!("error: {self}"),
        }
        ExitCode::from(match self {
            Self::Runtime(_) => 1,
            Self::Arguments(_) | Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
            Self::Refused(_) => 4,
            Self::Rejected(_) => 5,
            Self::StillPending(_) => 6,
            Self::Differs(_) => 7,
            Self::Corrupt(_) => 8,
            Self::Interrupted => 130,
        })
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::Runtime(error.to_string())
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        let told = error.to_string();
        match error {
            client::Error::Url { .. } => Self::Usage(told),
            client::Error::Refused { status, .. } => Self::refused(status, told),
            client::Error::NoStream { status: 400..500, .. } => Self::Refused(told),
            client::Error::Setup(_)
            | client::Error::NoStream { .. }
            | client::Error::Unreachable { .. }
            | client::Error::OtherLanguage { .. }
            | client::Error::Foreign { .. }
            | client::Error::Unreadable { .. } => Self::Runtime(told),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => f.write_str(&one_line(&error.render().to_string())),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Usage(message)
            | Self::Runtime(message)
            | Self::NotFound(message)
            | Self::Refused(message)
            | Self::Rejected(message)
            | Self::StillPending(message)
            | Self::Differs(message)
            | Self::Corrupt(message) => f.write_str(message),
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
