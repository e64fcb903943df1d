//! Identifiers: of promises (and their tasks), of schedules, of workers. Owns what an identifier may look like; gives it no meaning.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::limits::ID_BYTES_MAX;

/// The id of a promise and of its task, or of a schedule: 1 to [`ID_BYTES_MAX`] bytes without NUL. Ordered by its UTF-8 bytes. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(Arc<str>);

/// Why a text is not an [`Id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidId {
    /// No character at all.
    Empty,
    /// More than [`ID_BYTES_MAX`] bytes.
    TooLong,
    /// A NUL character inside.
    Nul,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::TooLong => write!(f, "must be at most {ID_BYTES_MAX} bytes long"),
            Self::Nul => f.write_str("must not contain NUL characters"),
        }
    }
}

impl std::error::Error for InvalidId {}

impl Id {
    /// Checks and takes an id.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is empty, too long or contains NUL.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() {
            return Err(InvalidId::Empty);
        }
        if text.len() > ID_BYTES_MAX {
            return Err(InvalidId::TooLong);
        }
        if text.contains('\0') {
            return Err(InvalidId::Nul);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An id whose text was checked when it was first an id.
    pub(crate) fn of_shared(text: &Arc<str>) -> Self {
        Self(Arc::clone(text))
    }

    pub(crate) fn shared(&self) -> &Arc<str> {
        &self.0
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Most ids that are compared and equal are clones of one: their bytes need no look.
impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl Deref for Id {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Id {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0.as_ref().to_owned()
    }
}
