//! What goes wrong on this side of the boundary, as JSON that the other side makes an error of. Refusals of the machine are answers, not faults.

use std::fmt;

use resonate_core::drive::TxError;
use resonate_core::time::{MILLIS_MAX, Timestamp};
use serde::Serialize;

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// The caller gave something that does not fit; nothing has changed.
    BadInput,
    /// The store failed; the request may or may not have taken effect.
    Store,
}

/// A call that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    /// What kind of fault it is.
    pub(crate) kind: FaultKind,
    /// What is wrong, naming the argument and the cure.
    pub(crate) error: String,
}

impl Fault {
    /// Input that does not fit.
    pub(crate) fn bad(name: &str, why: impl fmt::Display) -> Self {
        Self { kind: FaultKind::BadInput, error: format!("{name}: {why}") }
    }

    /// The fault as JSON.
    ///
    /// # Panics
    /// Never: it is two texts.
    #[must_use]
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are JSON")
    }
}

impl<E: fmt::Display> From<TxError<E>> for Fault {
    fn from(error: TxError<E>) -> Self {
        Self { kind: FaultKind::Store, error: format!("the store failed: {error}") }
    }
}

/// Reads JSON that the caller gave.
///
/// # Errors
/// A fault that names the argument.
pub(crate) fn parse<'a, T: serde::Deserialize<'a>>(name: &str, bytes: &'a [u8]) -> Result<T, Fault> {
    // Of text, as the core reads it: nothing is in the module twice.
    let text = std::str::from_utf8(bytes).map_err(|why| Fault::bad(name, why))?;
    serde_json::from_str(text).map_err(|why| Fault::bad(name, why))
}

/// Reads a JSON object that the caller gave. A list would pass for the fields of a structure in their order.
///
/// # Errors
/// A fault that names the argument.
pub(crate) fn parse_object<'a, T: serde::Deserialize<'a>>(name: &str, bytes: &'a [u8]) -> Result<T, Fault> {
    match bytes.trim_ascii_start().first() {
        Some(b'[') => Err(Fault::bad(name, "must be a JSON object")),
        Some(_) | None => parse(name, bytes),
    }
}

/// Reads an instant.
///
/// # Errors
/// When it lies beyond what JSON clients hold exactly.
pub(crate) fn instant(millis: u64) -> Result<Timestamp, Fault> {
    Timestamp::try_from(millis).map_err(|_| {
        Fault::bad("now", format_args!("must be an integer number of milliseconds from 0 to {MILLIS_MAX}"))
    })
}
