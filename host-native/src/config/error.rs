//! What can be wrong with a configuration, told so that one line says where to look and what to
//! write.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The key table.
    Default,
    /// A configuration file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The named environment variable.
    Environment(String),
    /// The named flag, without the dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// A configuration that is refused. Its text is one line.
#[derive(Debug)]
pub enum Error {
    /// A file that cannot be read.
    Unreadable {
        /// The file, as it was named.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file that is not TOML.
    Syntax {
        /// The file and the line.
        origin: Origin,
        /// What the parser said.
        message: String,
    },
    /// An environment variable of ours that is not text.
    NotText {
        /// The variable.
        origin: Origin,
    },
    /// A key that does not exist.
    UnknownKey {
        /// Who named it.
        origin: Origin,
        /// Its dotted path.
        path: String,
        /// What was probably meant, spelled for that layer.
        nearest: Option<String>,
    },
    /// A section that is used as a key.
    SectionAsKey {
        /// Who did.
        origin: Origin,
        /// Its dotted path.
        path: String,
    },
    /// A value that its key does not take.
    WrongValue {
        /// Who gave it.
        origin: Origin,
        /// The key's dotted path.
        path: &'static str,
        /// The value, masked if it is secret.
        shown: String,
        /// What the key takes.
        accepted: String,
    },
    /// A key that needs another one.
    Incomplete {
        /// Who set the key that needs the other.
        origin: Origin,
        /// The key that was set, and to what if that matters.
        set: String,
        /// The dotted path of the missing key.
        missing: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, cause } => {
                write!(f, "cannot read the configuration file {}: {cause}", path.display())
            }
            Self::Syntax { origin, message } => write!(f, "{origin}: not valid TOML: {message}"),
            Self::NotText { origin } => write!(f, "{origin}: the value is not valid UTF-8"),
            Self::UnknownKey { origin, path, nearest: None } => {
                write!(f, "{origin}: unknown key {path}; `resonate config --markdown` lists all keys")
            }
            Self::UnknownKey { origin, path, nearest: Some(nearest) } => {
                write!(f, "{origin}: unknown key {path}; did you mean {nearest}?")
            }
            Self::SectionAsKey { origin, path } => {
                write!(f, "{origin}: {path} is a section and takes no value")
            }
            Self::WrongValue { origin, path, shown, accepted } => {
                write!(f, "{origin}: {path} is {shown}, but must be {accepted}")
            }
            Self::Incomplete { origin, set, missing } => write!(f, "{origin}: {set} needs {missing}, which is not set"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { cause, .. } => Some(cause),
            Self::Syntax { .. }
            | Self::NotText { .. }
            | Self::UnknownKey { .. }
            | Self::SectionAsKey { .. }
            | Self::WrongValue { .. }
            | Self::Incomplete { .. } => None,
        }
    }
}
