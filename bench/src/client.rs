//! Owns one HTTP/1.1 connection to a server and the requests that are sent over it.
//! The connection is driven by whoever waits for an answer: no task of its own, one exchange at a time.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::ids::Ids;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY: HeaderValue = HeaderValue::from_static("bench-key-0000000001");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// 100 characters of canonical base64.
pub(crate) const PAYLOAD: &str =
    "ZHVyYWJsZSBwcm9taXNlZHVyYWJsZSBwcm9taXNlZHVyYWJsZSBwcm9taXNlZHVyYWJsZSBwcm9taXNlZHVyYWJsZSBwcm9taXNl";
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const REFUSAL_CHARACTERS_MAX: usize = 200;

/// Milliseconds since the Unix epoch.
pub(crate) fn unix_ms() -> u64 {
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// A timeout that no run comes to.
pub(crate) fn tomorrow_ms() -> u64 {
    unix_ms() + DAY_MS
}

/// The body of a create that falls due at this instant, in milliseconds since the Unix epoch.
pub(crate) fn create_body(timeout_ms: u64) -> Bytes {
    format!(r#"{{"param":{{"data":"{PAYLOAD}"}},"timeout":{timeout_ms}}}"#).into()
}

/// The body of a resolve.
pub(crate) fn resolve_body() -> Bytes {
    format!(r#"{{"value":{{"data":"{PAYLOAD}"}}}}"#).into()
}

/// A promise as a server prints it: what the floor answers.
pub(crate) fn sample_promise() -> Bytes {
    format!(
        r#"{{"id":"00000000-0000-7000-8000-000000000000","state":"PENDING","param":{{"data":"{PAYLOAD}"}},"value":{{}},"timeout":2524608000000,"idempotencyKeyForCreate":"bench-key-0000000001","createdOn":1696118400000,"tags":{{}}}}"#
    )
    .into()
}

/// Why a call did not do what it was sent for.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server answered something else; the connection goes on.
    Refused(String),
    /// The connection is of no more use.
    Broken(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Refused(text) | Fault::Broken(text) => out.write_str(text),
        }
    }
}

/// What is asked of one promise in the 2023 API.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Create(Bytes),
    Resolve(Bytes),
    Get,
}

impl Call {
    /// The one status that counts: a create that finds its promise (200) has not created.
    fn success(&self) -> StatusCode {
        match self {
            Call::Create(_) | Call::Resolve(_) => StatusCode::CREATED,
            Call::Get => StatusCode::OK,
        }
    }
}

/// An open connection.
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<TcpStream>, Full<Bytes>>,
    host: HeaderValue,
    path: BytesMut,
}

impl Link {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connect")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let host = HeaderValue::from_str(&address.to_string())?;
        Ok(Link { sender, connection, host, path: BytesMut::with_capacity(4096) })
    }

    /// Sends one call about the promise with this number and reads the whole answer.
    pub(crate) async fn call(&mut self, call: &Call, ids: &Ids, number: u64) -> Result<(), Fault> {
        let request = self.request(call, ids, number).map_err(|error| Fault::Broken(error.to_string()))?;
        self.expect(request, call.success()).await
    }

    /// Sends one request of today's protocol and reads the whole answer.
    pub(crate) async fn ask(&mut self, envelope: Bytes) -> Result<(), Fault> {
        let mut request = Request::new(Full::new(envelope));
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        request.headers_mut().insert(HOST, self.host.clone());
        self.expect(request, StatusCode::OK).await
    }

    async fn expect(&mut self, request: Request<Full<Bytes>>, success: StatusCode) -> Result<(), Fault> {
        let (status, body) = self.exchange(request, false).await?;
        if status == success {
            return Ok(());
        }
        let shown: String = String::from_utf8_lossy(&body).chars().take(REFUSAL_CHARACTERS_MAX).collect();
        Err(Fault::Refused(format!("{status} {shown}")))
    }

    fn request(&mut self, call: &Call, ids: &Ids, number: u64) -> Result<Request<Full<Bytes>>> {
        let (method, suffix, body) = match call {
            Call::Create(body) => (Method::POST, "/create", body.clone()),
            Call::Resolve(body) => (Method::POST, "/resolve", body.clone()),
            Call::Get => (Method::GET, "", Bytes::new()),
        };
        self.path.reserve(64);
        self.path.write_str("/promises/")?;
        ids.write(number, &mut self.path)?;
        self.path.write_str(suffix)?;
        let mut request = Request::new(Full::new(body));
        if method == Method::POST {
            request.headers_mut().insert(IDEMPOTENCY_KEY, KEY);
            request.headers_mut().insert(CONTENT_TYPE, JSON);
        }
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_maybe_shared(self.path.split().freeze())?;
        request.headers_mut().insert(HOST, self.host.clone());
        Ok(request)
    }

    /// One request and its answer. The body is kept only on demand or when the answer is a refusal.
    async fn exchange(&mut self, request: Request<Full<Bytes>>, keep: bool) -> Result<(StatusCode, Bytes), Fault> {
        let sender = &mut self.sender;
        let answer = async move {
            sender.ready().await?;
            let mut response = sender.send_request(request).await?;
            let status = response.status();
            if keep || !status.is_success() {
                return Ok((status, response.into_body().collect().await?.to_bytes()));
            }
            while let Some(frame) = response.body_mut().frame().await {
                frame?;
            }
            Ok::<_, hyper::Error>((status, Bytes::new()))
        };
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|error| Fault::Broken(error.to_string())),
            ended = &mut self.connection => Err(Fault::Broken(match ended {
                Ok(()) => "the server closed the connection".to_owned(),
                Err(error) => error.to_string(),
            })),
        }
    }
}

/// One GET on a connection of its own: the status and the body.
pub(crate) async fn fetch(address: SocketAddr, path: &'static str) -> Result<(StatusCode, Bytes)> {
    let whole = async {
        let mut link = Link::open(address).await?;
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = Uri::from_static(path);
        request.headers_mut().insert(HOST, link.host.clone());
        link.exchange(request, true).await.map_err(|fault| anyhow::anyhow!("{fault}"))
    };
    tokio::time::timeout(FETCH_TIMEOUT, whole).await.with_context(|| format!("GET {path} took too long"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bodies_are_json_with_a_canonical_payload() {
        assert_eq!(PAYLOAD.len(), 100);
        for body in [create_body(2_524_608_000_000), resolve_body(), sample_promise()] {
            assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
        }
    }
}
