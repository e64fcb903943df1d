//! The routes of the API: from a method, a path and the texts beside them to a request, and from a reply back to bytes. Owns the order of the
//! checks and their texts, so that every edge says the same; knows no type of HTTP.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

use super::{
    Status, Terms, body, cursor_behind, parse_create, parse_get, parse_search_pairs, parse_settle, parse_strict,
};
use crate::reply::Reply;
use crate::request::{Request, Verdict};
use crate::search::SearchPromises;
use crate::shown::shown;
use crate::wire::BadInput;

/// A call of the API, in the texts that HTTP has for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path as it was sent: percent-encoded, without the query.
    pub path: &'a str,
    /// The query as it was sent, empty when there is none.
    pub query: &'a str,
    /// The header `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// The header `Strict`.
    pub strict: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Call<'a> {
    /// What stands beside method and path.
    #[must_use]
    pub fn input(&self) -> Input<'a> {
        Input { query: self.query, key: self.key, strict: self.strict, body: self.body }
    }
}

/// What stands beside method and path of a call. A route reads what it needs of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Input<'a> {
    /// The query as it was sent, empty when there is none.
    pub query: &'a str,
    /// The header `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// The header `Strict`.
    pub strict: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// An answer of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The body: JSON.
    pub body: Vec<u8>,
    /// The header `Allow`, of an answer to a wrong method.
    pub allow: Option<&'static str>,
}

impl From<Misrouted> for Answer {
    fn from(why: Misrouted) -> Self {
        Self { status: why.status(), body: body::print_error(&why.to_string()), allow: why.allow() }
    }
}

impl From<BadInput> for Answer {
    fn from(why: BadInput) -> Self {
        Self { status: Status::Invalid as u16, body: body::print_error(&why.0), allow: None }
    }
}

/// A route of the API. Ids are decoded, and not yet known to be any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `GET /promises`
    Search,
    /// `GET /promises/{id}`
    Get {
        /// The promise.
        id: Cow<'a, str>,
    },
    /// `POST /promises/{id}/create`
    Create {
        /// The promise.
        id: Cow<'a, str>,
    },
    /// `POST /promises/{id}/resolve`, `/reject` and `/cancel`
    Settle {
        /// The promise.
        id: Cow<'a, str>,
        /// How it is settled.
        verdict: Verdict,
    },
}

/// Why a method and a path are no route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misrouted {
    /// There is nothing at this path.
    Nowhere {
        /// The path.
        path: String,
    },
    /// There is no such thing below a promise.
    NoVerb,
    /// The path goes with another method.
    Method {
        /// The method.
        given: String,
        /// The method that goes there.
        allowed: &'static str,
    },
    /// The id is not percent-encoded UTF-8.
    Id,
}

impl Misrouted {
    /// The status of HTTP.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Id => 400,
            Self::Nowhere { .. } | Self::NoVerb => 404,
            Self::Method { .. } => 405,
        }
    }

    /// The header `Allow` of the answer.
    #[must_use]
    pub const fn allow(&self) -> Option<&'static str> {
        match self {
            Self::Method { given: _, allowed } => Some(*allowed),
            Self::Nowhere { .. } | Self::NoVerb | Self::Id => None,
        }
    }
}

impl fmt::Display for Misrouted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere { path } => write!(f, "there is nothing at {path}"),
            Self::NoVerb => f.write_str(
                "a promise has create, resolve, reject and cancel below it; write a slash inside an id as %2F",
            ),
            Self::Method { given, allowed } => write!(f, "{given} does not go here: use {allowed}"),
            Self::Id => BadInput::field("id", "must be percent-encoded UTF-8").fmt(f),
        }
    }
}

impl std::error::Error for Misrouted {}

/// What a call asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The request.
    pub request: Request,
    /// Whether a duplicate must find the promise in the state that it wants ([`Terms::of`]).
    pub strict: bool,
}

impl Asked {
    /// What the status of the answer depends on.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms::of(&self.request, self.strict)
    }
}

impl<'a> Route<'a> {
    /// The route of a method and a path as it was sent, without the query.
    ///
    /// # Errors
    /// [`Misrouted`] says why there is none.
    pub fn of(method: &str, path: &'a str) -> Result<Self, Misrouted> {
        let only = |allowed: &'static str| {
            if method == allowed { Ok(()) } else { Err(Misrouted::Method { given: method.to_owned(), allowed }) }
        };
        if path == "/promises" {
            return only("GET").map(|()| Self::Search);
        }
        let below = path.strip_prefix("/promises/").ok_or_else(|| Misrouted::Nowhere { path: path.to_owned() })?;
        // Split before it is decoded: an id may hold an encoded slash.
        let (id, verb) = below.split_once('/').map_or((below, None), |(id, verb)| (id, Some(verb)));
        let id = percent_decode_str(id).decode_utf8().map_err(|_| Misrouted::Id)?;
        let Some(verb) = verb else {
            return only("GET").map(|()| Self::Get { id });
        };
        let route = match verb {
            "create" => Self::Create { id },
            "resolve" => Self::Settle { id, verdict: Verdict::Resolved },
            "reject" => Self::Settle { id, verdict: Verdict::Rejected },
            "cancel" => Self::Settle { id, verdict: Verdict::RejectedCanceled },
            _ => return Err(Misrouted::NoVerb),
        };
        only("POST").map(|()| route)
    }

    /// Whether calls of this route have a body.
    #[must_use]
    pub const fn has_body(&self) -> bool {
        match self {
            Self::Search | Self::Get { .. } => false,
            Self::Create { .. } | Self::Settle { .. } => true,
        }
    }

    /// Reads what a call of this route asks for.
    ///
    /// # Errors
    /// [`BadInput`] names what does not fit.
    pub fn parse(&self, input: &Input<'_>) -> Result<Asked, BadInput> {
        match self {
            Self::Search => Ok(Asked { request: parse_query(input.query)?, strict: false }),
            Self::Get { id } => Ok(Asked { request: parse_get(id)?, strict: false }),
            Self::Create { id } => {
                let strict = parse_strict(input.strict)?;
                Ok(Asked { request: parse_create(id, input.key, input.body)?, strict })
            }
            Self::Settle { id, verdict } => {
                let strict = parse_strict(input.strict)?;
                Ok(Asked { request: parse_settle(id, *verdict, input.key, input.body)?, strict })
            }
        }
    }
}

/// Reads the query string of a search: pairs joined by `&`, percent-encoded, `+` for a blank.
fn parse_query(query: &str) -> Result<Request, BadInput> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8().map(Cow::into_owned);
        decoded.map_err(|_| BadInput::field("query", "must be percent-encoded UTF-8"))
    };
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode(name)?, decode(text)?));
    }
    parse_search_pairs(pairs.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

/// The body of an answer; `search` is what was asked for, when that was a search.
///
/// # Panics
/// When the reply is none to a request of this API.
#[must_use]
pub fn print(status: Status, reply: &Reply, search: Option<&SearchPromises>) -> Vec<u8> {
    match (reply, search) {
        (Reply::Promise(promise) | Reply::Created { promise, .. } | Reply::Settled { promise, .. }, _) => {
            body::print_promise(promise)
        }
        (Reply::Promises { promises, more }, Some(search)) => {
            let last = promises.last().filter(|_| *more);
            let cursor = last.map(|last| cursor_behind(search, last));
            body::print_page(promises, cursor.as_deref())
        }
        (Reply::Refused(refusal), _) if status == Status::Invalid => body::print_error(&refusal.to_string()),
        (Reply::Refused(_), _) => b"null".to_vec(),
        (reply, _) => unreachable!("no answer of the 2023 API: {}", shown(reply)),
    }
}

/// The search of a request that is one.
#[must_use]
pub fn search_of(request: &Request) -> Option<&SearchPromises> {
    if let Request::SearchPromises(search) = request { Some(search) } else { None }
}
