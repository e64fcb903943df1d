//! A client of a Resonate server: envelopes out over `POST /`, answers in, and messages over `GET /poll`.
//!
//! It knows the protocol of today and nothing of terminals. What a request means is the server's to say.

mod error;
mod events;
pub mod limits;
pub mod payload;
pub mod record;
pub mod wait;

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;
use resonate_core::wire::envelope::VERSION;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

pub use error::Error;

/// Where a server is unless somebody says otherwise.
pub const DEFAULT_URL: &str = "http://localhost:8001";

const URL_SHAPE: &str = "write it like http://localhost:8001 or https://example.com";

/// A connection pool to one server. Clones share it.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    token: Option<String>,
}

/// The token is a secret.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// What a server answered to a request that it did not refuse.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// 200, or the 300 of `task.suspend`.
    pub status: u16,
    /// What the answer says.
    pub data: Json,
}

#[derive(Deserialize)]
struct Answered {
    head: AnsweredHead,
    #[serde(default)]
    data: Json,
}

#[derive(Deserialize)]
struct AnsweredHead {
    status: u16,
}

impl Client {
    /// A client of the server at `url`; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Url`] when `url` is none over HTTP, [`Error::Setup`] when the system's certificates cannot be read.
    pub fn new(url: &str, token: Option<String>) -> Result<Self, Error> {
        let refused = |why: String| Error::Url { url: url.to_owned(), why };
        let parsed = Url::parse(url).map_err(|why| refused(format!("{why}; {URL_SHAPE}")))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(refused(URL_SHAPE.to_owned()));
        }
        let mut http = reqwest::Client::builder()
            .connect_timeout(limits::CONNECT_MAX)
            .user_agent(concat!("resonate-cli/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&parsed) {
            // A proxy that the environment names stands somewhere else, where this address is another machine.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|why| Error::Setup(causes(&why)))?;
        Ok(Self { http, url: parsed, token })
    }

    /// The server's URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// [`Error::Refused`] is the server's own; the others say that there was no answer of a Resonate server.
    pub async fn call(&self, kind: &str, data: &Json) -> Result<Answer, Error> {
        let envelope = json!({"kind": kind, "head": head(), "data": data});
        let sent = self
            .authorized(self.http.post(self.url.clone()))
            .header("content-type", "application/json")
            .timeout(limits::ANSWER_MAX)
            .body(envelope.to_string())
            .send()
            .await;
        let response = sent.map_err(|why| self.unreachable(&why))?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(|why| self.unreachable(&why))?;
        match serde_json::from_str::<Answered>(&body) {
            Ok(Answered { head, data }) if head.status < 400 => Ok(Answer { status: head.status, data }),
            Ok(Answered { head, data }) => {
                Err(Error::Refused { kind: kind.to_owned(), status: head.status, why: plain(&data) })
            }
            Err(_) => Err(self.foreign(status, &body)),
        }
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn unreachable(&self, why: &reqwest::Error) -> Error {
        let url = self.url().to_owned();
        let why = causes(why);
        // What TLS and HTTP say of a stranger's first bytes; neither has a type for it that reaches this place.
        if self.url.scheme() == "https" && why.contains("corrupt message") {
            return Error::OtherLanguage { url, cure: "it has no TLS; write http:// instead of https://" };
        }
        if why.contains("invalid HTTP version") {
            let cure = "it is no HTTP server, or the gRPC port; name the HTTP port, which is 8001 unless configured";
            return Error::OtherLanguage { url, cure };
        }
        Error::Unreachable { url, why }
    }

    /// What answered is no Resonate server, or a proxy in front of one.
    fn foreign(&self, status: u16, body: &str) -> Error {
        let excerpt: String = body.trim().chars().take(limits::EXCERPT_CHARS_MAX).collect();
        Error::Foreign { url: self.url().to_owned(), status, excerpt }
    }
}

/// The head of a request, with a correlation id of its own.
#[must_use]
pub fn head() -> Json {
    json!({"corrId": unique(), "version": VERSION})
}

/// The data of a request, from fields of which absent ones are left out.
#[must_use]
pub fn fields<const N: usize>(fields: [(&str, Option<Json>); N]) -> Json {
    fields.into_iter().filter_map(|(name, field)| Some((name.to_owned(), field?))).collect::<Map<_, _>>().into()
}

/// A name that nobody else has.
#[must_use]
pub fn unique() -> String {
    format!("{:016x}", fastrand::u64(..))
}

/// The reason of a refusal, which is a plain text.
fn plain(data: &Json) -> String {
    data.as_str().map_or_else(|| data.to_string(), str::to_owned)
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The innermost cause, which is the one that says something ("Connection refused"), after the outermost that names the step.
fn causes(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_scheme_is_refused_with_the_cure() {
        for url in ["localhost:8001", "ftp://x", "", "http://"] {
            let refused = Client::new(url, None).unwrap_err();
            assert!(matches!(refused, Error::Url { .. }), "{url}: {refused}");
        }
        assert!(Client::new("localhost:8001", None).unwrap_err().to_string().contains("http://"));
    }

    #[test]
    fn the_token_is_not_shown() {
        let client = Client::new(DEFAULT_URL, Some("secret".to_owned())).unwrap();
        assert!(!format!("{client:?}").contains("secret"));
    }

    #[test]
    fn loopback_is_told_from_the_network() {
        let is = |url| is_loopback(&Url::parse(url).unwrap());
        assert!(is("http://localhost:1") && is("http://127.0.0.1:1") && is("http://[::1]:1"));
        assert!(!is("http://example.com") && !is("http://10.0.0.1"));
    }
}
