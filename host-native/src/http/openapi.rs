//! `GET /openapi.json`: the description of both protocols for tools. The tests hold every answer of the decision tables against it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};

use super::respond::json;

/// The document.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// Tells one document from the next.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    DOCUMENT.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::from_str(&tag).expect("digits in quotes")
});

/// The document, or 304 for who has it.
pub(super) async fn document(headers: HeaderMap) -> Response {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let mut known = known.flat_map(|tags| tags.split(',')).map(str::trim);
    let unchanged = known.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == TAG.as_bytes());
    let mut response =
        if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { json(StatusCode::OK, DOCUMENT) };
    response.headers_mut().insert(ETAG, TAG.clone());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
