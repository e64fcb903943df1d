//! The opaque payload of promises. Owns the difference between an absent and an empty part; never looks inside.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A payload: optional headers and an optional string that only clients understand. An empty part is not the same as an absent one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// Named strings beside the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// The payload; SDKs put base64 of their own encoding here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Value {
    /// Whether both parts are absent, as in a promise that nobody has settled.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.headers.is_none() && self.data.is_none()
    }

    /// Bytes that this value occupies, roughly: the sum of its strings.
    #[must_use]
    pub fn weight(&self) -> usize {
        let headers = self.headers.as_ref().map_or(0, map_weight);
        headers + self.data.as_ref().map_or(0, String::len)
    }
}

/// The sum of the lengths of a map's strings, in bytes.
pub(crate) fn map_weight(map: &BTreeMap<String, String>) -> usize {
    map.iter().map(|(name, text)| name.len() + text.len()).sum()
}
