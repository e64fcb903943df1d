//! From the bytes of a line to the line. Bad bytes are named, never a panic.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use serde_json::error::Category;

use super::{Entry, HEADER, Header, Line, RESET, VERSION, Why};
use crate::property::check_configuration;
use crate::request::Request;
use crate::time::Timestamp;

/// What tells lines apart.
#[derive(Deserialize)]
struct Tagged<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Deserialize)]
struct ReadEntry {
    now: Timestamp,
    req: Request,
    res: Json,
}

#[derive(Deserialize)]
struct ReadReset {
    now: Timestamp,
}

impl Line {
    /// Reads a line: its bytes up to and with its line feed, which only the last one may lack.
    ///
    /// # Errors
    /// [`Why`] says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Why> {
        let is_last = !bytes.ends_with(b"\n");
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if is_last && error.error_len().is_none() => return Err(Why::Torn),
            Err(_) => return Err(Why::NotUtf8),
        };
        let tagged: Tagged<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Eof if is_last => Why::Torn,
            Category::Eof | Category::Syntax | Category::Io => Why::NotJson(said(&error)),
            Category::Data => Why::Field(said(&error)),
        })?;
        if !text.trim_start().starts_with('{') {
            return Err(Why::Field("must be a JSON object".to_owned()));
        }
        match &*tagged.kind {
            HEADER => parse_header(text).map(|header| Self::Header(Box::new(header))),
            RESET => typed::<ReadReset>(text).map(|reset| Self::Reset { now: reset.now }),
            kind => parse_entry(kind, text).map(|entry| Self::Entry(Box::new(entry))),
        }
    }
}

fn parse_header(text: &str) -> Result<Header, Why> {
    let Versioned { version } = typed(text)?;
    if version != VERSION {
        return Err(Why::Version(version));
    }
    let header: Header = typed(text)?;
    if let Some(violation) = check_configuration(&header.rules).into_iter().next() {
        return Err(Why::Header(format!("the rules contradict {}: {}", violation.property, violation.detail)));
    }
    Ok(header)
}

fn parse_entry(kind: &str, text: &str) -> Result<Entry, Why> {
    if !Request::KINDS.contains(&kind) {
        return Err(Why::UnknownKind(kind.to_owned()));
    }
    let ReadEntry { now, req: request, res: reply } = typed(text)?;
    if request.kind() != kind {
        return Err(Why::OtherKind { kind: kind.to_owned(), of_request: request.kind() });
    }
    Ok(Entry { now, request, reply })
}

/// Reads what a line of this kind is made of. It is known to be JSON.
fn typed<T: DeserializeOwned>(text: &str) -> Result<T, Why> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let why = said(error.inner());
        Why::Field(if path == "." { why } else { format!("{path}: {why}") })
    })
}

/// What the reader of JSON says, with the place in the line.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
    if error.column() == 0 { what.to_owned() } else { format!("{what} (column {})", error.column()) }
}
