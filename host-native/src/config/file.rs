//! The layer of `resonate.toml`: reads a file and finds the key and the line of everything in it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Error, Origin};
use super::key::Key;
use super::layers::Given;
use super::lookup;

/// The file that is read when none is named; it may be missing.
pub const DEFAULT_FILE: &str = "resonate.toml";

/// Reads the named file, or [`DEFAULT_FILE`] in the working directory if there is one.
pub(super) fn read(named: Option<&Path>) -> Result<Vec<Given>, Error> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(cause) if named.is_none() && cause.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(Error::Unreadable { path: path.to_owned(), cause }),
    }
}

/// Reads the text of a file; `path` is only named in what is said about it.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Given>, Error> {
    let source = Source { path: path.to_owned(), text };
    let table = DeTable::parse(text).map_err(|error| Error::Syntax {
        origin: source.origin(error.span().map_or(0, |span| span.start)),
        message: error.message().replace('\n', "; "),
    })?;
    let mut given = Vec::new();
    source.collect("", table.into_inner(), &mut given)?;
    Ok(given)
}

struct Source<'a> {
    path: PathBuf,
    text: &'a str,
}

impl Source<'_> {
    fn origin(&self, offset: usize) -> Origin {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Origin::File { path: self.path.clone(), line }
    }

    fn collect(&self, section: &str, table: DeTable<'_>, given: &mut Vec<Given>) -> Result<(), Error> {
        for (name, value) in table {
            let origin = self.origin(name.span().start);
            let path =
                if section.is_empty() { name.get_ref().to_string() } else { format!("{section}.{}", name.get_ref()) };
            match (lookup::find(&path), value.get_ref()) {
                (Some(key), _) => given.push(self.given(key, origin, value)?),
                (None, DeValue::Table(_)) if lookup::is_section(&path) => {
                    if let DeValue::Table(inner) = value.into_inner() {
                        self.collect(&path, inner, given)?;
                    }
                }
                (None, _) if lookup::is_section(&path) => {
                    return Err(Error::SectionAsKey { origin, path });
                }
                (None, written) => {
                    let nearest = match written {
                        DeValue::Table(_) => lookup::nearest_section(&path),
                        DeValue::String(_)
                        | DeValue::Integer(_)
                        | DeValue::Float(_)
                        | DeValue::Boolean(_)
                        | DeValue::Datetime(_)
                        | DeValue::Array(_) => lookup::nearest(&path),
                    }
                    .map(str::to_owned);
                    return Err(Error::UnknownKey { origin, path, nearest });
                }
            }
        }
        Ok(())
    }

    fn given(&self, key: &'static Key, origin: Origin, value: Spanned<DeValue<'_>>) -> Result<Given, Error> {
        let span = value.span();
        let deserializer = toml::de::ValueDeserializer::from(value);
        match toml::Value::deserialize(deserializer) {
            Ok(value) => Given::from_toml(key, origin, value),
            // Valid TOML can still be out of the range of its types: an integer of more than 64 bits.
            Err(_) => Given::refused(key, origin, self.text.get(span).unwrap_or_default()),
        }
    }
}
