//! Turns what a layer says about a key into a value of the key's kind, or says what would have been
//! accepted.
//!
//! It must not know which layer spoke: that is for [`super::layers`] to add.

use serde::Deserialize;
use toml::Value;

use super::key::{Key, Kind};

/// Why a value does not fit its key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The value, quoted for print; a secret is masked.
    pub shown: String,
    /// What the key takes instead.
    pub accepted: String,
}

/// Reads the text of an environment variable or a flag. `None` unsets the key.
pub(super) fn from_text(key: &Key, text: &str) -> Result<Option<Value>, Refusal> {
    let trimmed = text.trim();
    let value = match key.kind {
        Kind::Bool => match trimmed {
            "true" => Some(Value::Boolean(true)),
            "false" => Some(Value::Boolean(false)),
            _ => None,
        },
        Kind::Port | Kind::Count | Kind::Bytes | Kind::Millis { .. } => trimmed.parse().ok().map(Value::Integer),
        Kind::Text { .. } | Kind::Choice(_) | Kind::Anything => Some(Value::String(text.to_owned())),
        Kind::List { .. } => list_from_text(trimmed),
    };
    match value {
        Some(value) => from_toml(key, value),
        None => Err(refusal(key, &Value::String(text.to_owned()))),
    }
}

/// Reads a value of `resonate.toml`. `None` unsets the key.
pub(super) fn from_toml(key: &Key, value: Value) -> Result<Option<Value>, Refusal> {
    let fits = match (key.kind, &value) {
        (Kind::Anything, _) | (Kind::Bool, Value::Boolean(_)) => true,
        (Kind::Port | Kind::Count | Kind::Bytes | Kind::Millis { .. }, Value::Integer(number)) => {
            let (min, max) = bounds(key.kind);
            (min..=max).contains(number)
        }
        // An empty text takes back what a lower layer said, which no value of an optional key could
        // say otherwise.
        (Kind::Text { .. }, Value::String(text)) if text.is_empty() && key.default.is_none() => {
            return Ok(None);
        }
        (Kind::Text { .. }, Value::String(text)) => !text.is_empty(),
        (Kind::List { .. }, Value::Array(items)) => {
            items.iter().all(|item| item.as_str().is_some_and(|text| !text.is_empty()))
        }
        (Kind::Choice(names), Value::String(text)) => {
            return match names.iter().find(|name| name.eq_ignore_ascii_case(text.trim())) {
                Some(name) => Ok(Some(Value::String((*name).to_owned()))),
                None => Err(refusal(key, &value)),
            };
        }
        (
            Kind::Bool
            | Kind::Port
            | Kind::Count
            | Kind::Bytes
            | Kind::Millis { .. }
            | Kind::Text { .. }
            | Kind::List { .. }
            | Kind::Choice(_),
            _,
        ) => false,
    };
    if fits { Ok(Some(value)) } else { Err(refusal(key, &value)) }
}

/// The value of the table's own text. Panics if the table contradicts itself.
pub(super) fn from_default(key: &Key, text: &str) -> Option<Value> {
    match from_text(key, text) {
        Ok(value) => value,
        Err(refused) => panic!("the default {} of {} must be {}", refused.shown, key.path, refused.accepted),
    }
}

/// What a key of this kind takes, as it reads after "must be".
fn accepted(key: &Key) -> String {
    match key.kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Port | Kind::Count => range_of(key.kind, "whole number"),
        Kind::Bytes => range_of(key.kind, "whole number of bytes"),
        Kind::Millis { min } => format!("a whole number of milliseconds, at least {min}"),
        Kind::Text { .. } if key.default.is_none() => "text".to_owned(),
        Kind::Text { .. } => "text that is not empty".to_owned(),
        Kind::List { .. } => "a list of texts".to_owned(),
        Kind::Choice(names) => match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            Some(_) | None => names.join(", "),
        },
        Kind::Anything => "anything".to_owned(),
    }
}

fn range_of(kind: Kind, what: &str) -> String {
    let (min, max) = bounds(kind);
    format!("a {what} from {min} to {max}")
}

fn bounds(kind: Kind) -> (i64, i64) {
    match kind {
        Kind::Port => (0, i64::from(u16::MAX)),
        Kind::Count | Kind::Bytes => (1, i64::from(u32::MAX)),
        Kind::Millis { min } => (min, i64::MAX),
        Kind::Bool | Kind::Text { .. } | Kind::List { .. } | Kind::Choice(_) | Kind::Anything => (i64::MIN, i64::MAX),
    }
}

/// A TOML (so also a JSON) array, or names separated by commas, which is what fits on a command
/// line.
fn list_from_text(text: &str) -> Option<Value> {
    if text.starts_with('[') {
        let array = toml::de::ValueDeserializer::parse(text).ok()?;
        return Value::deserialize(array).ok();
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
}

fn refusal(key: &Key, value: &Value) -> Refusal {
    match value {
        Value::String(text) => refused_text(key, &format!("{:?}", key.masked(text))),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) => {
            refused_text(key, &key.masked(&value.to_string()))
        }
        Value::Table(_) => refused_text(key, "a section"),
    }
}

/// Refuses what stands in a file but is no value at all; `written` may be secret.
pub(super) fn refuse_written(key: &Key, written: &str) -> Refusal {
    refused_text(key, &key.masked(written))
}

fn refused_text(key: &Key, printed: &str) -> Refusal {
    /// Longer values would push what matters off the line.
    const SHOWN_CHARS_MAX: usize = 80;
    let shown = match printed.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &printed[..end]),
        None => printed.to_owned(),
    };
    Refusal { shown, accepted: accepted(key) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::lookup;

    fn read(path: &str, text: &str) -> Result<Option<Value>, Refusal> {
        from_text(lookup::find(path).expect(path), text)
    }

    fn texts(items: &[&str]) -> Option<Value> {
        Some(Value::from(items.to_vec()))
    }

    #[test]
    fn numbers_keep_to_their_bounds() {
        assert_eq!(read("server.port", " 8080\n"), Ok(Some(Value::Integer(8080))));
        assert_eq!(read("server.port", "0"), Ok(Some(Value::Integer(0))));
        for (path, text) in
            [("server.port", "65536"), ("server.port", "-1"), ("server.body_limit", "0"), ("tasks.retry_timeout", "0")]
        {
            assert!(read(path, text).is_err(), "{path} = {text}");
        }
        let refused = read("tasks.retry_timeout", "5s").unwrap_err();
        assert_eq!(refused.accepted, "a whole number of milliseconds, at least 1");
        assert_eq!(refused.shown, "\"5s\"");
    }

    #[test]
    fn a_list_is_an_array_or_names_between_commas() {
        let origins = |text| read("server.cors.allow_origins", text);
        assert_eq!(origins("http://a, http://b"), Ok(texts(&["http://a", "http://b"])));
        assert_eq!(origins(r#"["http://a", "http://b"]"#), Ok(texts(&["http://a", "http://b"])));
        assert_eq!(origins("[]"), Ok(texts(&[])));
        assert!(origins("[1]").is_err());
        assert!(origins("[\"a\"").is_err());
    }

    #[test]
    fn a_choice_lists_its_names() {
        assert_eq!(read("level", "WARN"), Ok(Some(Value::String("warn".to_owned()))));
        let refused = read("storage.type", "mysql").unwrap_err();
        assert_eq!(refused.accepted, "sqlite or postgres");
    }

    #[test]
    fn an_empty_text_unsets_what_is_optional_and_nothing_else() {
        assert_eq!(read("server.url", ""), Ok(None));
        assert!(read("storage.sqlite.path", "").is_err());
    }

    #[test]
    fn a_refused_secret_is_not_shown() {
        let key = lookup::find("transports.http_push.auth.token").unwrap();
        assert_eq!(from_toml(key, Value::Integer(12345)).unwrap_err().shown, "***");
    }
}
