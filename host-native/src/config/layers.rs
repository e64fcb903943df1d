//! Lays defaults, file, environment and flags over each other, and checks what only the whole can
//! show.
//!
//! A higher layer wins key by key. Every layer is checked in full, also where a higher one would
//! hide it: a wrong value that is hidden today is an outage on the day the flag goes away.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::error::{Error, Origin};
use super::key::{Key, Meaning};
use super::typed::Config;
use super::value::{self, Refusal};
use super::{Loaded, keys};

/// Whose defaults apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defaults {
    /// `resonate serve`.
    Serve,
    /// `resonate dev`.
    Dev,
}

impl Defaults {
    /// The default of a key, spelled as on the command line.
    pub fn of(self, key: &Key) -> Option<&'static str> {
        match self {
            Self::Serve => key.default,
            Self::Dev => key.dev_default.or(key.default),
        }
    }
}

/// What one layer says about one key.
#[derive(Debug)]
pub(super) struct Given {
    key: &'static Key,
    origin: Origin,
    value: Option<Value>,
}

impl Given {
    pub(super) fn from_text(key: &'static Key, origin: Origin, text: &str) -> Result<Self, Error> {
        Self::checked(key, origin, value::from_text(key, text))
    }

    pub(super) fn from_toml(key: &'static Key, origin: Origin, value: Value) -> Result<Self, Error> {
        Self::checked(key, origin, value::from_toml(key, value))
    }

    /// Refuses what stands in a file but is no value at all.
    pub(super) fn refused(key: &'static Key, origin: Origin, written: &str) -> Result<Self, Error> {
        Self::checked(key, origin, Err(value::refuse_written(key, written)))
    }

    /// One list, from a flag that was repeated.
    pub(super) fn from_texts<'a>(
        key: &'static Key,
        origin: Origin,
        texts: impl Iterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let mut all = Vec::new();
        for text in texts {
            if let Some(Value::Array(items)) = Self::from_text(key, origin.clone(), text)?.value {
                all.extend(items);
            }
        }
        Ok(Self { key, origin, value: Some(Value::Array(all)) })
    }

    fn checked(key: &'static Key, origin: Origin, read: Result<Option<Value>, Refusal>) -> Result<Self, Error> {
        match read {
            Ok(value) => Ok(Self { key, origin, value }),
            Err(Refusal { shown, accepted }) => Err(Error::WrongValue { origin, path: key.path, shown, accepted }),
        }
    }
}

/// The final value of a key that this server acts on.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The key.
    pub key: &'static Key,
    /// Its value; `None` means unset.
    pub value: Option<Value>,
    /// The layer that decided.
    pub origin: Origin,
}

/// Merges the layers, lowest first.
pub(super) fn merge(defaults: Defaults, given: impl IntoIterator<Item = Given>) -> Result<Loaded, Error> {
    let mut decided: BTreeMap<&'static str, Given> = BTreeMap::new();
    for one in given {
        decided.insert(one.key.path, one);
    }

    let settings: Vec<Setting> = keys::live()
        .map(|key| match decided.remove(key.path) {
            Some(Given { key, origin, value }) => Setting { key, value, origin },
            None => Setting {
                key,
                value: defaults.of(key).and_then(|text| value::from_default(key, text)),
                origin: Origin::Default,
            },
        })
        .collect();
    // What is left was not a live key.
    let warnings = keys::all()
        .filter(|key| key.meaning == Meaning::Ignored)
        .filter_map(|key| decided.get(key.path))
        .map(|one| format!("{}: {} has no effect here: {}", one.origin, one.key.path, one.key.help))
        .collect();

    require(&settings, "transports.http_push.auth.mode", Some("bearer"), "transports.http_push.auth.token")?;
    // Without a key nothing is verified, and whoever names an issuer or an audience believes
    // otherwise.
    require(&settings, "auth.iss", None, "auth.publickey")?;
    require(&settings, "auth.aud", None, "auth.publickey")?;
    require(&settings, "record.redact", Some("true"), "record.file")?;
    Ok(Loaded { config: typed(&settings), settings, warnings })
}

/// If `path` is set (to `expected`, if that is given), `missing` must be set too.
fn require(settings: &[Setting], path: &str, expected: Option<&str>, missing: &'static str) -> Result<(), Error> {
    let of = |path: &str| settings.iter().find(|setting| setting.key.path == path);
    let Some(Setting { value: Some(value), origin, .. }) = of(path) else {
        return Ok(());
    };
    let is = |text: &str| value.as_str() == Some(text) || value.as_bool().is_some_and(|on| on.to_string() == text);
    if expected.is_some_and(|text| !is(text)) || of(missing).is_some_and(|setting| setting.value.is_some()) {
        return Ok(());
    }
    let set = expected.map_or_else(|| path.to_owned(), |text| format!("{path} = {text}"));
    Err(Error::Incomplete { origin: origin.clone(), set, missing })
}

/// Every value was checked against its kind, so only a table that contradicts [`Config`] can fail
/// here.
fn typed(settings: &[Setting]) -> Config {
    match Config::deserialize(nested(settings)) {
        Ok(config) => config,
        Err(error) => panic!("the key table and Config disagree: {error}"),
    }
}

/// The set values as nested sections.
pub(super) fn nested(settings: &[Setting]) -> Table {
    let mut root = Table::new();
    for Setting { key, value, .. } in settings {
        let Some(value) = value else { continue };
        let mut parts: Vec<&str> = key.path.split('.').collect();
        let name = parts.pop().unwrap_or(key.path);
        let mut table = &mut root;
        for part in parts {
            let section = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            table = match section {
                Value::Table(inner) => inner,
                Value::String(_)
                | Value::Integer(_)
                | Value::Float(_)
                | Value::Boolean(_)
                | Value::Datetime(_)
                | Value::Array(_) => {
                    panic!("{} lies below another key", key.path)
                }
            };
        }
        table.insert(name.to_owned(), value.clone());
    }
    root
}
