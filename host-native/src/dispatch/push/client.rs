//! One delivery over HTTP: the request, and what its answer means. It knows no queues and no retries.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use reqwest::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Response, StatusCode, Url};
use resonate_core::address::Address;
use resonate_core::message::Delivery;
use resonate_core::wire::envelope::print_message;

use super::Carrier;
use super::limits::{ANSWER_BYTES_MAX, ANSWER_REST, IDLE_CONNECTION, IDLE_CONNECTIONS_PER_HOST_MAX};
use crate::config::{HttpPushConfig, PushAuthMode};

/// Why a delivery failed. What it says holds nothing of the address.
#[derive(Debug)]
pub(super) enum Failure {
    /// The address is no URL.
    Address,
    /// An answer that is not a 2xx.
    Status(StatusCode),
    /// No answer: no connection, a broken one, or none in time.
    NoAnswer(reqwest::Error),
    /// Others needed the slot.
    CutShort,
    /// The transport failed, and not the target.
    Defect,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("the address is not a URL"),
            Self::Status(status) if status.is_redirection() => {
                write!(f, "the answer is {status}: redirects are not followed")
            }
            Self::Status(status) => write!(f, "the answer is {status}"),
            Self::NoAnswer(error) if error.is_timeout() && !error.is_connect() => f.write_str("no answer in time"),
            Self::NoAnswer(error) => {
                write!(f, "no answer: {error}")?;
                let mut source = error.source();
                while let Some(error) = source {
                    write!(f, ": {error}")?;
                    source = error.source();
                }
                Ok(())
            }
            Self::CutShort => f.write_str("no answer yet, and other targets needed the slot"),
            Self::Defect => f.write_str("internal error: sending has panicked"),
        }
    }
}

/// The host that an address leads to, without what may be secret in it.
pub(super) fn host(address: &Address) -> String {
    Url::parse(address.as_str()).map_or_else(|_| "unknown".to_owned(), |url| url.origin().ascii_serialization())
}

/// Sends messages by POST.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    headers: HeaderMap,
    server_url: Arc<str>,
}

impl Client {
    pub(super) fn new(config: &HttpPushConfig, server_url: Arc<str>) -> Result<Self, String> {
        let headers = headers(config)?;
        let http = builder(config).build().or_else(|error| {
            // A machine without certificate authorities can still push over http.
            let why = describe(&error);
            tracing::warn!(why, "https targets cannot be verified: push to them will fail");
            builder(config).tls_certs_only([]).build().map_err(|error| describe(&error))
        });
        let http = http.map_err(|why| format!("cannot set up push over HTTP: {why}"))?;
        Ok(Self { http, headers, server_url })
    }
}

fn builder(config: &HttpPushConfig) -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("resonate/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.connect_timeout)
        .timeout(config.request_timeout)
        .redirect(Policy::none())
        .referer(false)
        // What the environment of the server says is for other programs.
        .no_proxy()
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST_MAX)
        .pool_idle_timeout(IDLE_CONNECTION)
}

fn describe(error: &reqwest::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// What every request carries.
fn headers(config: &HttpPushConfig) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    match config.auth.mode {
        PushAuthMode::None => {}
        PushAuthMode::Bearer => {
            let name = HeaderName::from_bytes(config.auth.header.as_bytes())
                .map_err(|_| "transports.http_push.auth.header: is not the name of a header".to_owned())?;
            let token = config.auth.token.as_ref().map_or("", |token| token.expose());
            let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| "transports.http_push.auth.token: has characters that no header may have".to_owned())?;
            bearer.set_sensitive(true);
            headers.insert(name, bearer);
        }
    }
    Ok(headers)
}

impl Carrier for Client {
    async fn carry(self: Arc<Self>, delivery: Delivery, keep: bool) -> Result<(), Failure> {
        let url = Url::parse(delivery.address.as_str()).map_err(|_| Failure::Address)?;
        let mut headers = self.headers.clone();
        if !keep {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let body = print_message(&delivery.message, Some(&self.server_url));
        // Replaces what the URL itself may hold for the header of the token.
        let request = self.http.post(url).headers(headers).body(body);
        let answer = request.send().await.map_err(|error| Failure::NoAnswer(error.without_url()))?;
        let status = answer.status();
        if keep {
            read_rest(answer).await;
        }
        if status.is_success() { Ok(()) } else { Err(Failure::Status(status)) }
    }
}

/// Reads the rest of an answer, within bounds, for a connection that has been read to its end can be used again.
async fn read_rest(mut answer: Response) {
    let rest = async {
        let mut read = 0;
        while let Ok(Some(chunk)) = answer.chunk().await {
            read += chunk.len();
            if read > ANSWER_BYTES_MAX {
                break;
            }
        }
    };
    // How it ends makes no difference: the status has said what there is to say.
    let _ = tokio::time::timeout(ANSWER_REST, rest).await;
}
