//! The dials that the machine reads. A plain value, equal on all servers of one database.

use serde::{Deserialize, Serialize};

use crate::mutant::Mutant;
use crate::time::Millis;

/// The dials of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Time after which a dispatched task that nobody acquired is dispatched again; at least 1 ms.
    pub retry_timeout: Millis,
    /// How long an `unblock` message is tried before it is dropped.
    pub unblock_retention: Millis,
    /// The formal specification to the letter: only promises with a target, a timer or `resonate:external` are awaitable, the sleep
    /// of a released SDK, a timer with a target, is refused, an empty heartbeat extends nothing, duplicates in a suspension are refused.
    pub strict: bool,
    /// The guard that is left out on purpose.
    #[cfg(feature = "mutants")]
    #[serde(skip)]
    pub mutant: Option<Mutant>,
}

impl Rules {
    /// Whether a guard is left out on purpose: never, but in the build that tests the tests.
    #[cfg(not(feature = "mutants"))]
    #[inline]
    #[must_use]
    pub const fn mutated(&self, _: Mutant) -> bool {
        false
    }

    /// Whether a guard is left out on purpose.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub fn mutated(&self, by: Mutant) -> bool {
        self.mutant == Some(by)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            retry_timeout: Millis::saturating(5_000),
            unblock_retention: Millis::saturating(7 * 24 * 3_600_000),
            strict: false,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}
