//! What a panic shows of the machine's own values: their JSON, which the wire prints anyhow. Their `Debug` would be as much code again, and a page
//! that loads the core pays for every byte.

use serde::Serialize;

/// A value as text, for panics.
pub(crate) fn shown<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
