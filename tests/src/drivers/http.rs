//! The server through HTTP: its router, its engine and a database file, over real sockets.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderValue;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use resonate::auth::Gate;
use resonate::http::{Bodies, Shared, api, serve};
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use serde_json::Value;
use tokio::net::TcpStream;

use super::BODY_LIMIT;
use super::server::{RUNTIME, Server};
use crate::driver::{Answer, Call, Dials, Driver, HttpCall, RestCall};

pub(super) struct Http {
    /// Closed before the server stops, which waits for open connections.
    connection: Option<SendRequest<Full<Bytes>>>,
    server: Server,
}

impl Http {
    pub(super) fn open(dials: Dials) -> Self {
        let server = Server::start(dials, |listener, engine, stop| {
            let gate = Gate::open();
            serve(
                listener,
                api(Shared {
                    engine,
                    gate,
                    bodies: Bodies::new(BODY_LIMIT),
                    poll: None,
                    debug: false,
                    report_now: false,
                }),
                stop,
            )
        });
        Self { connection: None, server }
    }

    fn send(&mut self, call: &HttpCall) -> Answer {
        RUNTIME.block_on(async {
            let mut connection = match self.connection.take() {
                Some(open) => open,
                None => self.connect().await,
            };
            if connection.ready().await.is_err() {
                // The server closes a connection whose request it did not read to the end.
                connection = self.connect().await;
            }
            let uri: Uri = call.path.parse().unwrap_or_else(|why| panic!("{} is no path: {why}", call.path));
            let mut request = Request::builder().method(&*call.method).uri(uri).header("host", "localhost");
            for (name, text) in &call.headers {
                let text = HeaderValue::from_bytes(text).expect("a header line");
                request = request.header(name, text);
            }
            let request = request.body(Full::from(call.body.clone())).expect("a request of HTTP");
            let response = connection.send_request(request).await.expect("an answer");
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.expect("a body").to_bytes();
            self.connection = Some(connection);
            Answer::of_json(status, &bytes)
        })
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(self.server.address).await.expect("a connection");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection of HTTP");
        tokio::spawn(connection);
        sender
    }
}

impl Driver for Http {
    fn call(&mut self, now: Timestamp, call: &Call) -> Option<Answer> {
        self.server.advance_to(now);
        if let Call::Tick = call {
            self.server.tick();
            return Some(Answer { status: 200, body: Value::Null });
        }
        http_call(call).map(|call| self.send(&call))
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        Some(self.server.snapshot())
    }
}

/// A call as a request of HTTP; `None` where it is none.
#[must_use]
pub fn http_call(call: &Call) -> Option<HttpCall> {
    match call {
        Call::Rest(call) => Some(of_rest(call)),
        Call::Http(call) => Some(call.clone()),
        Call::Envelope(body) => Some(of_envelope(body)),
        Call::Tick | Call::Sent | Call::Report(_) | Call::Connect => None,
    }
}

fn of_envelope(body: &[u8]) -> HttpCall {
    HttpCall { method: "POST".to_owned(), path: "/".to_owned(), headers: Vec::new(), body: body.to_owned() }
}

fn of_rest(call: &RestCall) -> HttpCall {
    let get = |path| HttpCall { method: "GET".to_owned(), path, headers: Vec::new(), body: Vec::new() };
    match call {
        RestCall::Get { id } => get(format!("/promises/{id}")),
        RestCall::Search { query } => get(format!("/promises?{query}")),
        RestCall::Write { verb, id, key, strict, body } => {
            let named =
                |name: &str, text: &Option<String>| text.clone().map(|text| (name.to_owned(), text.into_bytes()));
            HttpCall {
                method: "POST".to_owned(),
                path: format!("/promises/{id}/{}", verb.name()),
                headers: [named("Idempotency-Key", key), named("Strict", strict)].into_iter().flatten().collect(),
                body: body.clone(),
            }
        }
    }
}
