//! Reading JSON with errors that name the field. Shared by both protocols.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::BadInput;
use crate::id::Id;

/// Reads a JSON document.
///
/// # Errors
/// [`BadInput`] names the field that does not fit, or the place where the text stops being JSON.
pub fn parse_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, BadInput> {
    // The path costs time, so that it is looked for only when something is wrong.
    let text = std::str::from_utf8(bytes).map_err(|why| BadInput(format!("the body is not JSON: {why}")))?;
    serde_json::from_str(text).map_err(|error| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(traced) if error.is_data() && traced.path().iter().len() > 0 => {
                BadInput::field(&traced.path().to_string(), traced.inner())
            }
            Ok(_) | Err(_) if error.is_data() => BadInput(error.to_string()),
            Ok(_) | Err(_) => BadInput(format!("the body is not JSON: {error}")),
        }
    })
}

/// A JSON object. Without it an array would pass for the fields of a structure in their order.
#[derive(Debug, Default)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// Reads a JSON value that was parsed before.
///
/// # Errors
/// As [`parse_json`].
pub fn parse_value<T: DeserializeOwned>(text: &serde_json::value::RawValue) -> Result<T, BadInput> {
    parse_json(text.get().as_bytes())
}

/// Reads an id.
///
/// # Errors
/// [`BadInput`] names the field.
pub fn parse_id(name: &str, text: &str) -> Result<Id, BadInput> {
    Id::parse(text).map_err(|why| BadInput::field(name, why))
}

/// Refuses NUL, which not every store can hold, in the strings of a map.
///
/// # Errors
/// [`BadInput`] names the field.
pub fn check_map(name: &str, map: &BTreeMap<String, String>) -> Result<(), BadInput> {
    if has_nul(map) { Err(BadInput::field(name, "must not contain NUL characters")) } else { Ok(()) }
}

/// Whether a NUL is in the strings of a map.
pub(crate) fn has_nul(map: &BTreeMap<String, String>) -> bool {
    map.iter().any(|(key, text)| key.contains('\0') || text.contains('\0'))
}

/// Refuses NUL in a text.
///
/// # Errors
/// [`BadInput`] names the field.
pub fn check_text(name: &str, text: &str) -> Result<(), BadInput> {
    if text.contains('\0') { Err(BadInput::field(name, "must not contain NUL characters")) } else { Ok(()) }
}
