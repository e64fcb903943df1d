//! What can be wrong with a line of a recording.

use std::fmt;

use super::VERSION;

/// A line that cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrupt {
    /// Which one, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no line at all.
    Empty,
    /// The last line ends in the middle: whoever wrote it was cut off.
    Torn,
    /// It is not UTF-8.
    NotUtf8,
    /// It is not JSON.
    NotJson(String),
    /// It is JSON, and not what a line is made of: names the field.
    Field(String),
    /// No line has this kind.
    UnknownKind(String),
    /// Its kind is not that of its request.
    OtherKind {
        /// The kind that is written.
        kind: String,
        /// The kind of the request.
        of_request: &'static str,
    },
    /// The first line is not a header.
    NoHeader,
    /// The header is of another version of the format.
    Version(u32),
    /// The header's rules or snapshot cannot be those of a server.
    Header(String),
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for Corrupt {}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is none: the recording is empty"),
            Self::Torn => f.write_str("is cut off in the middle: the server ended while it wrote this line"),
            Self::NotUtf8 => f.write_str("is not UTF-8"),
            Self::NotJson(why) => write!(f, "is not JSON: {why}"),
            Self::Field(why) => f.write_str(why),
            Self::UnknownKind(kind) => write!(f, "unknown kind '{kind}'"),
            Self::OtherKind { kind, of_request } => {
                write!(f, "kind '{kind}' is not that of the request in 'req', which is '{of_request}'")
            }
            Self::NoHeader => f.write_str(
                "a recording begins with a line of kind 'recording', which holds its rules and the state at its start",
            ),
            Self::Version(version) => {
                write!(f, "the recording has version {version} of the format; this program reads version {VERSION}")
            }
            Self::Header(why) => f.write_str(why),
        }
    }
}
