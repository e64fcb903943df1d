//! Something that must not be.

use std::fmt;

/// What was found to be wrong, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The property: of the catalogue, or one of the simulation's.
    pub property: &'static str,
    /// What contradicts it.
    pub detail: String,
    /// Requests that had been judged, reads beside the writer among them.
    pub step: u64,
    /// Requests that had taken effect: so many lines of the log lead here.
    pub taken: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {} requests: {}", self.property, self.step, self.detail)
    }
}
