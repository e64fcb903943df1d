//! Which web pages may call this server (CORS). Browsers ask, nobody else does: this is no protection against other clients.

use std::time::Duration;

use axum::Router;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, RETRY_AFTER,
};
use hyper::{Method, Uri};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::promises::{IDEMPOTENCY_KEY, STRICT};

/// How long a browser may remember the answer to its preflight. Browsers have smaller limits of their own.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// What browsers send when they resume a stream of events.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The pages that may call this server.
#[derive(Clone, Debug)]
pub struct Origins(AllowOrigin);

impl Origins {
    /// Reads what `server.cors.allow_origins` says; `None` when it allows nobody.
    ///
    /// # Errors
    /// The first text that no browser would ever send as its origin, and what to write instead.
    pub fn parse(texts: &[String]) -> Result<Option<Self>, String> {
        if texts.is_empty() {
            return Ok(None);
        }
        let origins = texts.iter().filter(|text| *text != "*").map(|text| parse_origin(text));
        let origins = origins.collect::<Result<Vec<_>, _>>()?;
        let any = texts.iter().any(|text| text == "*");
        Ok(Some(Self(if any { AllowOrigin::any() } else { AllowOrigin::list(origins) })))
    }

    /// Answers the preflights of browsers, and tells them which pages may read the answers of a router.
    pub fn allow_to_call(self, router: Router) -> Router {
        let layer = CorsLayer::new()
            .allow_origin(self.0)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([
                AUTHORIZATION,
                CACHE_CONTROL,
                CONTENT_TYPE,
                IDEMPOTENCY_KEY,
                IF_NONE_MATCH,
                LAST_EVENT_ID,
                STRICT,
            ])
            .expose_headers([ETAG, RETRY_AFTER])
            .max_age(MAX_AGE);
        router.layer(layer)
    }
}

/// An origin as browsers write it: they leave out the port that goes with the scheme, and everything is in small letters.
fn parse_origin(text: &str) -> Result<HeaderValue, String> {
    let refuse = |cure: &str| Err(format!("{text:?} is no origin: {cure}"));
    let example = "write scheme://host or scheme://host:port, such as https://example.com, or * for any";
    let Ok(uri) = text.parse::<Uri>() else { return refuse(example) };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return refuse(example) };
    if !matches!(uri.path(), "" | "/")
        || text.ends_with('/')
        || uri.query().is_some()
        || authority.as_str().contains('@')
    {
        return refuse(&format!(
            "write {scheme}://{}, without anything behind or before it",
            host_and_port(&uri, scheme)
        ));
    }
    if authority.as_str().contains('*') {
        return refuse("there are no patterns: name every origin, or allow any with * alone");
    }
    let origin = format!("{scheme}://{}", host_and_port(&uri, scheme)).to_ascii_lowercase();
    HeaderValue::from_str(&origin).or_else(|_| refuse(example))
}

fn host_and_port(uri: &Uri, scheme: &str) -> String {
    let host = uri.host().unwrap_or_default();
    match (uri.port_u16(), scheme) {
        (None, _) | (Some(80), "http") | (Some(443), "https") => host.to_owned(),
        (Some(port), _) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send() {
        for (text, sent) in [
            ("https://example.com", "https://example.com"),
            ("https://Example.COM:443", "https://example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:80", "http://localhost"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("app://resonate", "app://resonate"),
        ] {
            assert_eq!(parse_origin(text).as_ref().map(HeaderValue::as_bytes), Ok(sent.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_refused_with_the_cure() {
        for (text, cure) in [
            ("", "write scheme://host"),
            ("null", "write scheme://host"),
            ("example.com", "write scheme://host"),
            ("https://", "write scheme://host"),
            ("https://exämple.com", "write scheme://host"),
            ("https://example.com/", "write https://example.com,"),
            ("https://example.com/app?x", "write https://example.com,"),
            ("https://me@example.com", "write https://example.com,"),
            ("https://*.example.com", "no patterns"),
            ("http://localhost:*", "no patterns"),
        ] {
            let refused = parse_origin(text).expect_err(text);
            assert!(refused.contains(cure) && refused.contains(text), "{refused}");
        }
    }
}
