//! The answer that a row expects, and whether an answer is that.

use serde_json::Value;

use crate::driver::Answer;

/// The states of the 2023 API.
const STATES: [&str; 5] = ["PENDING", "RESOLVED", "REJECTED", "REJECTED_TIMEDOUT", "REJECTED_CANCELED"];

/// What an answer must be.
#[derive(Debug, PartialEq)]
pub(super) struct Expected {
    status: u16,
    checks: Vec<Check>,
}

#[derive(Debug, PartialEq)]
enum Check {
    /// The place holds this and nothing else.
    At(Vec<String>, Value),
    /// Every field of this is there so.
    Includes(Value),
    /// The body is this and nothing else.
    Is(Value),
    /// The error says this.
    Says(String),
    /// The page of a search.
    Page { ids: Vec<String>, more: bool },
}

impl Expected {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (status, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let status = status.parse().map_err(|_| format!("no status: {text}"))?;
        let mut checks = Vec::new();
        rest = rest.trim();
        while !rest.is_empty() {
            let (word, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if let Some(json) = rest.strip_prefix('=') {
                checks.push(Check::Is(parse_json(json)?));
                break;
            } else if rest.starts_with(['{', '[', '"']) || word == "null" {
                checks.push(Check::Includes(parse_json(rest)?));
                break;
            } else if word == "ids" {
                let (page, behind) = parse_page(behind)?;
                checks.push(page);
                rest = behind;
                continue;
            } else if STATES.contains(&word) {
                checks.push(Check::At(vec!["state".to_owned()], word.into()));
            } else if let Some((path, json)) = word.split_once('=').filter(|(path, _)| is_path(path)) {
                let path = path.split('.').map(str::to_owned).collect();
                checks.push(Check::At(path, serde_json::from_str(json).unwrap_or_else(|_| json.into())));
            } else {
                checks.push(Check::Says(rest.to_owned()));
                break;
            }
            rest = behind.trim_start();
        }
        Ok(Self { status, checks })
    }

    /// Whether nothing is said of the body.
    pub(super) fn is_bare(&self, status: u16) -> bool {
        self.status == status && self.checks.is_empty()
    }

    /// Whether the request is refused for what it is, and not for what there is.
    pub(super) fn refuses_input(&self) -> bool {
        matches!(self.status, 400 | 405 | 413)
    }

    /// Whether an answer is the expected one.
    pub(super) fn fits(&self, answer: &Answer) -> bool {
        self.status == answer.status && self.checks.iter().all(|check| check.fits(&answer.body))
    }
}

impl Check {
    fn fits(&self, body: &Value) -> bool {
        match self {
            Self::At(path, wanted) => match length_at(path, body) {
                Some(length) => *wanted == length,
                None => includes(wanted, at(path, body)),
            },
            Self::Includes(wanted) => includes(wanted, body),
            Self::Is(wanted) => wanted == body,
            Self::Says(wanted) => {
                let fields = body.as_object().map_or(0, serde_json::Map::len);
                let alone = || body.get("error").filter(|_| fields == 1)?.as_str();
                let enveloped = || body.get("data").filter(|_| fields == 3)?.as_str();
                let error = body.as_str().or_else(alone).or_else(enveloped);
                error.is_some_and(|error| error.contains(wanted.as_str()))
            }
            Self::Page { ids, more } => {
                let rows = ["promises", "tasks", "schedules"].iter().find_map(|name| body.get(name)?.as_array());
                let found: Option<Vec<&str>> =
                    rows.and_then(|rows| rows.iter().map(|row| row.get("id")?.as_str()).collect());
                let cursor = body.get("cursor").is_some_and(|cursor| !cursor.is_null());
                found.is_some_and(|found| found == *ids) && cursor == *more
            }
        }
    }
}

/// Whether `body` has everything that `wanted` has. Arrays are as long as wanted; null is absent too.
fn includes(wanted: &Value, body: &Value) -> bool {
    match (wanted, body) {
        (Value::Object(wanted), Value::Object(body)) => {
            wanted.iter().all(|(name, wanted)| includes(wanted, body.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(wanted), Value::Array(body)) => {
            wanted.len() == body.len() && wanted.iter().zip(body).all(|(wanted, body)| includes(wanted, body))
        }
        (wanted, body) => wanted == body,
    }
}

fn at<'a>(path: &[String], body: &'a Value) -> &'a Value {
    let step = |value: &'a Value, name: &String| match value {
        Value::Array(items) => name.parse::<usize>().ok().and_then(|at| items.get(at)),
        other => other.get(name),
    };
    path.iter().try_fold(body, step).unwrap_or(&Value::Null)
}

/// The length of what a path that ends with `#` leads to.
fn length_at(path: &[String], body: &Value) -> Option<u64> {
    let (last, parent) = path.split_last()?;
    if last != "#" {
        return None;
    }
    let length = match at(parent, body) {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => text.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    u64::try_from(length).ok()
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.#:-".contains(&byte))
}

fn parse_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text.trim()).map_err(|why| format!("no JSON ({why}): {text}"))
}

/// Reads `a b | more`, and what follows it.
fn parse_page(text: &str) -> Result<(Check, &str), String> {
    let (ids, behind) = text.split_once('|').ok_or("a page ends with | more or | end")?;
    let behind = behind.trim_start();
    let (end, behind) = behind.split_once(char::is_whitespace).unwrap_or((behind, ""));
    let more = match end {
        "more" => true,
        "end" => false,
        other => return Err(format!("a page ends with | more or | end, not {other:?}")),
    };
    Ok((Check::Page { ids: ids.split_whitespace().map(str::to_owned).collect(), more }, behind.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fits(expected: &str, status: u16, body: Value) -> bool {
        Expected::parse(expected).expect("an answer").fits(&Answer { status, body })
    }

    #[test]
    fn an_answer_fits_when_everything_that_is_said_of_it_holds() {
        let body = || json!({"state": "PENDING", "tags": {"a": "b"}, "rows": [{"id": "x"}], "n": 1});
        for expected in [
            "200",
            "200 PENDING",
            "200 PENDING n=1 tags.a=b",
            "200 rows.0.id=x rows.#=1 tags.#=1 absent=null rows.1=null",
            r#"200 {"tags":{"a":"b"},"rows":[{}],"absent":null}"#,
        ] {
            assert!(fits(expected, 200, body()), "{expected}");
        }
        for expected in
            ["201", "200 RESOLVED", "200 n=2", "200 rows.#=0", r#"200 {"rows":[]}"#, "200 ={}", "200 PENDING text"]
        {
            assert!(!fits(expected, 200, body()), "{expected}");
        }
    }

    #[test]
    fn errors_and_pages_have_forms_of_their_own() {
        assert!(fits("400 'id' must", 400, json!({"error": "'id' must not be"})));
        assert!(fits("400 'id' must", 400, json!("'id' must not be")));
        assert!(fits("400 kind=k 'id' must", 400, json!({"kind": "k", "head": {}, "data": "'id' must not be"})));
        assert!(!fits("400 'id' must", 400, json!({"error": "'id' must not be", "more": 1})));
        assert!(fits("200 ids a b | more", 200, json!({"promises": [{"id": "a"}, {"id": "b"}], "cursor": "c"})));
        assert!(fits("200 ids | end", 200, json!({"tasks": []})));
        assert!(!fits("200 ids a | end", 200, json!({"promises": [{"id": "a"}], "cursor": "c"})));
        assert!(Expected::parse("200 ids a").is_err() && Expected::parse("fine").is_err());
    }
}
