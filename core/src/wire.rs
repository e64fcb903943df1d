//! The spellings of both protocols: bytes in, requests out; replies in, bytes out. Nothing here knows HTTP or gRPC, and nothing here decides.
//!
//! [`rest`] is the Durable Promise API of 2023, [`envelope`] the Resonate protocol of today.

pub mod cursor;
pub mod envelope;
pub mod field;
pub mod rest;

use std::fmt;

/// Input that is refused where it is read: the text names the field and says what it must be. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadInput(pub String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

impl BadInput {
    /// A field that does not fit, and why.
    #[must_use]
    pub fn field(name: &str, why: impl fmt::Display) -> Self {
        Self(format!("'{name}' {why}"))
    }
}
