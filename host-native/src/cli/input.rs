//! How the arguments of client commands are read: durations, JSON, values, tags. Whatever is wrong is said with the cure.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgMatches, value_parser};
use resonate_core::limits::ID_BYTES_MAX;
use resonate_core::time::{Millis, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::Environment;
use crate::client::payload;
use crate::clock::Clock;

const DURATION_SHAPE: &str = "write it like 100ms, 30s, 1h30m or 1d2h3m4s5ms";

/// Lengths of the units in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration like `1h30m`. A number alone is refused: nobody agrees on what it counts.
pub(super) fn duration(text: &str) -> Result<Millis, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("a number needs a unit: {text}s, {text}m or {text}ms"));
    }
    let mut millis: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let length = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, length)| length);
        let (Ok(count), Some(length)) = (number.parse::<u64>(), length) else { return Err(DURATION_SHAPE.to_owned()) };
        millis = millis.saturating_add(count.saturating_mul(*length));
        rest = after;
    }
    if text.is_empty() { Err(DURATION_SHAPE.to_owned()) } else { Ok(Millis::saturating(millis)) }
}

/// Reads any JSON.
pub(super) fn json(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|why| format!("it is not JSON: {why}"))
}

/// Reads a JSON array.
pub(super) fn array(text: &str) -> Result<Vec<Json>, String> {
    match json(text)? {
        Json::Array(items) => Ok(items),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => {
            Err("it must be a JSON array: '[…]'".to_owned())
        }
    }
}

/// Reads a JSON object.
pub(super) fn object(text: &str) -> Result<Map<String, Json>, String> {
    match json(text)? {
        Json::Object(fields) => Ok(fields),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            Err("it must be a JSON object: '{…}'".to_owned())
        }
    }
}

/// Reads tags: a JSON object of strings.
pub(super) fn tags(text: &str) -> Result<BTreeMap<String, String>, String> {
    if let Some(meant) = pairs(text) {
        return Err(format!("it is not JSON; write '{}'", json!(meant)));
    }
    strings(object(text)?, r#"a tag's value must be a string: '{"NAME": "VALUE"}'"#)
}

/// The tags of `team=shop,size=3`, which is how other tools write them.
fn pairs(text: &str) -> Option<BTreeMap<&str, &str>> {
    let is_json_like = text.trim_start().starts_with(['{', '[', '"']);
    if is_json_like { None } else { text.split(',').map(|pair| pair.trim().split_once('=')).collect() }
}

/// Reads a param or a value: `data` is any JSON and becomes base64, as SDKs expect it.
pub(super) fn value(text: &str) -> Result<Json, String> {
    const SHAPE: &str = r#"it must look like '{"data": ANY_JSON}', with "headers" if you like"#;
    let mut fields =
        object(text).map_err(|why| if why.starts_with("it is not JSON") { why } else { SHAPE.to_owned() })?;
    let mut read = Map::new();
    if let Some(headers) = fields.remove("headers") {
        let Json::Object(headers) = headers else { return Err(r#""headers" must be an object of strings"#.to_owned()) };
        let headers = strings(headers, r#""headers" must be an object of strings"#)?;
        read.insert("headers".to_owned(), json!(headers));
    }
    if let Some(data) = fields.remove("data") {
        read.insert("data".to_owned(), Json::String(payload::encode(&data)));
    }
    match fields.keys().next() {
        Some(unknown) => Err(format!("there is no field {unknown:?} in it: {SHAPE}")),
        None => Ok(Json::Object(read)),
    }
}

/// Reads an argument of a function: JSON, and what is no JSON is a string.
pub(super) fn argument(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
}

/// Reads an id.
pub(super) fn id(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("an id must not be empty".to_owned()),
        bytes if bytes > ID_BYTES_MAX => Err(format!("an id has at most {ID_BYTES_MAX} bytes, this one has {bytes}")),
        _ => Ok(text.to_owned()),
    }
}

fn strings(fields: Map<String, Json>, shape: &str) -> Result<BTreeMap<String, String>, String> {
    let read = fields.into_iter().map(|(name, text)| match text {
        Json::String(text) => Ok((name, text)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
            Err(format!("{name:?} is no string; {shape}"))
        }
    });
    read.collect()
}

/// Reads the name of a function.
pub(super) fn func(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("a function has a name".to_owned()) } else { Ok(text.to_owned()) }
}

/// Reads the length of a page.
fn limit(text: &str) -> Result<u16, String> {
    let read = text.parse().ok().filter(|limit| (1..=1000).contains(limit));
    read.ok_or_else(|| "must be 1 to 1000".to_owned())
}

/// Now, by the clock of this machine.
pub(super) fn now() -> Timestamp {
    Clock::starting_at(Timestamp::ZERO).now()
}

/// A positional id.
pub(super) fn id_arg(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).value_name(name).required(true).value_parser(id).help(help)
}

/// A flag with a duration.
pub(super) fn duration_arg(name: &'static str, help: &'static str) -> Arg {
    // `-1h` is a duration that makes no sense, not a flag.
    let arg = Arg::new(name).long(name).value_name("DURATION").allow_hyphen_values(true);
    arg.value_parser(duration).help(help)
}

/// A flag with a param or a value.
pub(super) fn value_arg(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("JSON").value_parser(value).help(help)
}

/// The flag with tags.
pub(super) fn tags_arg(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("JSON").value_parser(tags).help(help)
}

/// The flag with a task's version.
pub(super) fn version_arg() -> Arg {
    let help = "Version of the task, as it was acquired";
    Arg::new("version").long("version").value_name("N").required(true).value_parser(value_parser!(u64)).help(help)
}

/// The flags of a search, for the states that there are.
pub(super) fn search_args(limit_default: u16) -> [Arg; 2] {
    let limit = Arg::new("limit").long("limit").value_name("N").value_parser(limit).allow_hyphen_values(true);
    let cursor = Arg::new("cursor").long("cursor").value_name("CURSOR");
    [
        limit.help(format!("Most that are listed, 1 to 1000 [default: {limit_default}]")),
        cursor.help("Where to go on, as the page before says"),
    ]
}

/// The flag with a state.
pub(super) fn state_arg(names: impl Iterator<Item = &'static str>) -> Arg {
    let parser = PossibleValuesParser::new(names).map(|name| name);
    Arg::new("state").long("state").value_name("STATE").value_parser(parser).help("Only those in this state")
}

/// A value that clap has made sure of.
pub(super) fn required<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> T {
    optional(matches, name).unwrap_or_else(|| panic!("clap lets nothing through without {name}"))
}

/// A value, if it is given.
pub(super) fn optional<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
    matches.get_one::<T>(name).cloned()
}

/// A variable of the environment that is set and not empty.
pub(super) fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a OsStr> {
    let (_, value) = environment.iter().find(|(key, value)| key == name && !value.is_empty())?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, millis) in [
            ("100ms", 100),
            ("30s", 30_000),
            ("1m", 60_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("0s", 0),
            ("99999999999999999d", Millis::MAX.as_millis()),
        ] {
            assert_eq!(duration(text), Ok(Millis::saturating(millis)), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_refused_with_the_cure() {
        assert_eq!(duration("5").unwrap_err(), "a number needs a unit: 5s, 5m or 5ms");
        for text in ["", "h", "1x", "1h30", "-1s", "1.5h", "1h 30m", "1 h"] {
            assert_eq!(duration(text).unwrap_err(), DURATION_SHAPE, "{text}");
        }
    }

    #[test]
    fn a_page_has_bounds() {
        assert_eq!((limit("1"), limit("1000")), (Ok(1), Ok(1000)));
        for text in ["0", "2000", "99999", "-1", "x"] {
            assert_eq!(limit(text).unwrap_err(), "must be 1 to 1000", "{text}");
        }
    }

    #[test]
    fn the_data_of_a_value_is_encoded() {
        let read = value(r#"{"data": {"a": 1}, "headers": {"h": "x"}}"#).unwrap();
        assert_eq!(read, json!({"data": "eyJhIjoxfQ==", "headers": {"h": "x"}}));
        assert_eq!(value("{}").unwrap(), json!({}));
        assert_eq!(value(r#"{"data": null}"#).unwrap(), json!({"data": "bnVsbA=="}));
    }

    #[test]
    fn a_value_of_another_shape_is_refused_with_the_cure() {
        for text in ["42", r#"{"dat": 1}"#, "[]"] {
            assert!(value(text).unwrap_err().contains(r#"'{"data": ANY_JSON}'"#), "{text}");
        }
        assert!(value("{").unwrap_err().starts_with("it is not JSON"));
        assert!(value(r#"{"headers": {"a": 1}}"#).unwrap_err().contains("\"a\" is no string"));
    }

    #[test]
    fn tags_are_strings() {
        assert_eq!(tags(r#"{"a": "b"}"#).unwrap(), BTreeMap::from([("a".to_owned(), "b".to_owned())]));
        assert!(tags(r#"{"a": 1}"#).unwrap_err().contains("\"a\" is no string"));
        assert_eq!(tags("team=shop").unwrap_err(), r#"it is not JSON; write '{"team":"shop"}'"#);
        assert!(tags(r#"["a"]"#).unwrap_err().contains("JSON object"));
    }

    #[test]
    fn an_argument_is_json_or_else_a_string() {
        assert_eq!(argument("1"), json!(1));
        assert_eq!(argument("\"1\""), json!("1"));
        assert_eq!(argument("{\"a\":[]}"), json!({"a": []}));
        assert_eq!(argument("hello world"), json!("hello world"));
    }
}
