//! Why a call came to nothing.

use std::fmt;

use serde_json::Value;

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The module says that the call does not fit.
    Fault {
        /// What kind of fault it is.
        kind: String,
        /// What is wrong.
        error: String,
    },
    /// The module has a defect, or was asked for more memory than there is. Every later call to the instance fails the same way.
    Trap {
        /// What the module said before it ended, else what the runtime says.
        said: String,
    },
}

impl Failure {
    /// Reads a fault.
    ///
    /// # Panics
    /// When the bytes are none.
    #[must_use]
    pub fn fault(json: &[u8]) -> Self {
        let fault: Value = serde_json::from_slice(json).expect("a fault is JSON");
        let text =
            |name: &str| fault[name].as_str().unwrap_or_else(|| panic!("a fault without {name}: {fault}")).to_owned();
        assert_eq!(
            fault.as_object().map(serde_json::Map::len),
            Some(2),
            "a fault with more than kind and error: {fault}"
        );
        Self::Fault { kind: text("kind"), error: text("error") }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault { kind, error } => write!(f, "{kind}: {error}"),
            Self::Trap { said } => write!(f, "the module has trapped: {said}"),
        }
    }
}

impl std::error::Error for Failure {}
