//! The first place at which a replayed answer is another one than was recorded.

use std::fmt;

use serde_json::Value as Json;

use super::Entry;
use crate::time::Timestamp;

/// Longest value that is shown whole, in characters.
const SHOWN_MAX: usize = 200;

/// A replayed answer that is not the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line of the entry, from 1.
    pub line: u64,
    /// The kind of the request.
    pub kind: &'static str,
    /// The instant of the entry.
    pub now: Timestamp,
    /// Where the answers differ first, as `res.created.promise.state`.
    pub path: String,
    /// What was recorded there; nothing when only the replayed answer has the field.
    pub recorded: Option<Json>,
    /// What the machine answers there now; nothing when only the recorded answer has the field.
    pub replayed: Option<Json>,
}

impl Difference {
    /// The difference between an entry's answer and the one given now, if there is any.
    #[must_use]
    pub fn of(line: u64, entry: &Entry, replayed: &Json) -> Option<Self> {
        let mut path = "res".to_owned();
        let (recorded, replayed) = first(&mut path, Some(&entry.reply), Some(replayed))?;
        let (recorded, replayed) = (recorded.cloned(), replayed.cloned());
        Some(Self { line, kind: entry.request.kind(), now: entry.now, path, recorded, replayed })
    }
}

type Pair<'a> = (Option<&'a Json>, Option<&'a Json>);

/// Descends to the first place at which two values differ.
fn first<'a>(path: &mut String, recorded: Option<&'a Json>, replayed: Option<&'a Json>) -> Option<Pair<'a>> {
    let length = path.len();
    match (recorded, replayed) {
        (Some(Json::Object(left)), Some(Json::Object(right))) => {
            let added = right.keys().filter(|key| !left.contains_key(*key));
            for key in left.keys().chain(added) {
                path.push('.');
                path.push_str(key);
                let found = first(path, left.get(key), right.get(key));
                if found.is_some() {
                    return found;
                }
                path.truncate(length);
            }
            None
        }
        (Some(Json::Array(left)), Some(Json::Array(right))) => {
            for place in 0..left.len().max(right.len()) {
                path.push_str(&format!("[{place}]"));
                let found = first(path, left.get(place), right.get(place));
                if found.is_some() {
                    return found;
                }
                path.truncate(length);
            }
            None
        }
        (left, right) if left == right => None,
        differing => Some(differing),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, kind, now, path, recorded, replayed } = self;
        let (recorded, replayed) = (shown(recorded.as_ref()), shown(replayed.as_ref()));
        write!(f, "line {line}: {kind} at {now}: {path}: recorded {recorded}, replayed {replayed}")
    }
}

fn shown(value: Option<&Json>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
