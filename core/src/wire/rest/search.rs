//! The search of the 2023 API: its query, and the cursor that stands for all of it.

use crate::limits::{PATTERN_BYTES_MAX, SEARCH_2023_LIMIT_MAX};
use crate::promise::{Promise, PromiseState};
use crate::request::Request;
use crate::search::{IdPattern, PromiseOrder, SearchPromises, StateFilter};
use crate::wire::BadInput;
use crate::wire::cursor::{CursorKind, open, seal};
use crate::wire::field::check_text;

/// A query as its texts; empty or absent is the same for gRPC's sake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery<'a> {
    /// The id pattern; required unless a cursor is given.
    pub q: Option<&'a str>,
    /// `pending`, `resolved` or `rejected` in any case.
    pub state: Option<&'a str>,
    /// Promises on a page; absent, 0, negative or above 100 counts as 100.
    pub limit: Option<i64>,
    /// A cursor of an earlier answer, which stands for the whole query.
    pub cursor: Option<&'a str>,
}

const NAMES: [&str; 4] = ["q", "state", "limit", "cursor"];

/// Reads the query string's pairs, decoded.
///
/// # Errors
/// [`BadInput`] names a pair that is unknown, given twice or does not fit.
pub(super) fn parse_search_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Request, BadInput> {
    let mut query = SearchQuery::default();
    for (name, text) in pairs {
        let twice = match name {
            "q" => query.q.replace(text).is_some(),
            "state" => query.state.replace(text).is_some(),
            "cursor" => query.cursor.replace(text).is_some(),
            // Clients that always send every parameter leave some empty.
            "limit" if text.is_empty() => false,
            "limit" => query.limit.replace(parse_limit(text)?).is_some(),
            unknown => {
                return Err(BadInput(format!("unknown query parameter '{unknown}': known are {}", NAMES.join(", "))));
            }
        };
        if twice {
            return Err(BadInput::field(name, "is given twice"));
        }
    }
    parse_search(&query)
}

/// Reads a query.
///
/// # Errors
/// [`BadInput`] names what does not fit.
pub fn parse_search(query: &SearchQuery<'_>) -> Result<Request, BadInput> {
    if let Some(cursor) = query.cursor.filter(|cursor| !cursor.is_empty()) {
        let mut search: SearchPromises = open(CursorKind::Rest, cursor)?;
        search.limit = search.limit.clamp(1, SEARCH_2023_LIMIT_MAX);
        // The scope comes from the caller's token, never from a cursor.
        search.prefix = None;
        return Ok(Request::SearchPromises(search));
    }
    let pattern = query.q.filter(|q| !q.is_empty());
    let pattern = pattern.ok_or_else(|| BadInput::field("q", "is required: an id, or a pattern such as 'order-*'"))?;
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(BadInput::field("q", format_args!("must be at most {PATTERN_BYTES_MAX} bytes long")));
    }
    check_text("q", pattern)?;
    let limit = query.limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    Ok(Request::SearchPromises(SearchPromises {
        pattern: Some(IdPattern::new(pattern)),
        prefix: None,
        state: query.state.filter(|state| !state.is_empty()).map(parse_state).transpose()?,
        tags: crate::promise::Tags::new(),
        order: PromiseOrder::Newest { after: None },
        limit: limit.map_or(SEARCH_2023_LIMIT_MAX, |limit| limit.min(SEARCH_2023_LIMIT_MAX)),
    }))
}

/// A limit is any integer, however large: what is out of range counts as the largest page.
fn parse_limit(text: &str) -> Result<i64, BadInput> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadInput::field("limit", "must be an integer"));
    }
    Ok(text.parse().unwrap_or(i64::MAX))
}

fn parse_state(text: &str) -> Result<StateFilter, BadInput> {
    match text.to_ascii_lowercase().as_str() {
        "pending" => Ok(StateFilter::Only(PromiseState::Pending)),
        "resolved" => Ok(StateFilter::Only(PromiseState::Resolved)),
        "rejected" => Ok(StateFilter::AnyRejected),
        _ => Err(BadInput::field("state", format_args!("must be pending, resolved or rejected, not {text:?}"))),
    }
}

/// The cursor behind the last promise of a page.
#[must_use]
pub fn cursor_behind(search: &SearchPromises, last: &Promise) -> String {
    let after = Some((last.created_at, last.id.clone()));
    seal(CursorKind::Rest, &SearchPromises { order: PromiseOrder::Newest { after }, ..search.clone() })
}
