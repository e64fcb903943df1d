//! The server through gRPC: its service, its engine and a database file, over real sockets. Answers are shown in the JSON of HTTP, so that the
//! same table holds for both.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use resonate::auth::Gate;
use resonate::grpc;
use resonate_core::time::Timestamp;
use resonate_proto::promise as proto;
use resonate_proto::promise::promise_service_client::PromiseServiceClient;
use serde_json::{Map, Value, json};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::BODY_LIMIT;
use super::server::{RUNTIME, Server};
use crate::driver::{Answer, Call, Dials, Driver, RestCall, Verb};

pub(super) struct Grpc {
    /// Closed before the server stops, which waits for open connections.
    client: PromiseServiceClient<Channel>,
    server: Server,
}

/// Status and promise of a response.
type Outcome = (i32, Option<proto::Promise>);

impl Grpc {
    pub(super) fn open(dials: Dials) -> Self {
        let server = Server::start(dials, |listener, engine, mut stopped| async move {
            let stop = async move {
                // An error means that the sender is gone, which is a stop too.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            grpc::serve(listener, engine, Gate::open(), BODY_LIMIT, stop).await.expect("a server that runs");
        });
        let endpoint = Endpoint::try_from(format!("http://{}", server.address)).expect("an address");
        let channel = RUNTIME.block_on(async { endpoint.connect().await.expect("a connection") });
        Self { client: PromiseServiceClient::new(channel), server }
    }

    fn rest(&mut self, call: &RestCall) -> Option<Answer> {
        let answer = match call {
            RestCall::Get { id } => self.get(decoded(id)?).map(print_outcome),
            RestCall::Search { query } => self.search(parse_search(query)?),
            RestCall::Write { verb, id, key, strict, body } => {
                let strict = match strict.as_deref() {
                    None | Some("false") => false,
                    Some("true") => true,
                    Some(_) => return None,
                };
                let body = if body.is_empty() { b"{}" } else { &**body };
                let body: Value = serde_json::from_slice(body).ok()?;
                let write = Write { id: decoded(id)?, key: key.clone().unwrap_or_default(), strict };
                self.write(*verb, write, &body)?.map(print_outcome)
            }
        };
        Some(answer.unwrap_or_else(|status| print_error(&status)))
    }

    fn get(&mut self, id: String) -> Result<Outcome, Status> {
        let response = RUNTIME.block_on(self.client.read_promise(proto::ReadPromiseRequest { id }))?.into_inner();
        Ok((response.status, response.promise))
    }

    fn search(&mut self, search: proto::SearchPromisesRequest) -> Result<Answer, Status> {
        let response = RUNTIME.block_on(self.client.search_promises(search))?.into_inner();
        let cursor = (!response.cursor.is_empty()).then_some(response.cursor);
        let promises: Vec<Value> = response.promises.into_iter().map(print_promise).collect();
        let status = u16::try_from(response.status).expect("a status");
        Ok(Answer { status, body: json!({"cursor": cursor, "promises": promises}) })
    }

    /// `None` where the contract has no way to say the body.
    fn write(&mut self, verb: Verb, write: Write, body: &Value) -> Option<Result<Outcome, Status>> {
        let Write { id, key: idempotency_key, strict } = write;
        let fields = body.as_object()?;
        let value = |name: &str| fields.get(name).map_or(Some(None), |value| parse_value(value).map(Some));
        macro_rules! settle {
            ($method:ident, $message:ident) => {{
                let message = proto::$message { id, idempotency_key, strict, value: value("value")? };
                RUNTIME.block_on(self.client.$method(message)).map(|response| {
                    let response = response.into_inner();
                    (response.status, response.promise)
                })
            }};
        }
        Some(match verb {
            Verb::Create => {
                let tags = fields.get("tags").map_or(Some(HashMap::new()), parse_map)?.into_iter().collect();
                let timeout = fields.get("timeout")?.as_i64()?;
                let param = value("param")?;
                let message = proto::CreatePromiseRequest { id, idempotency_key, strict, param, timeout, tags };
                RUNTIME.block_on(self.client.create_promise(message)).map(|response| {
                    let response = response.into_inner();
                    (response.status, response.promise)
                })
            }
            Verb::Resolve => settle!(resolve_promise, ResolvePromiseRequest),
            Verb::Reject => settle!(reject_promise, RejectPromiseRequest),
            Verb::Cancel => settle!(cancel_promise, CancelPromiseRequest),
        })
    }
}

/// What every write has beside its body.
struct Write {
    id: String,
    key: String,
    strict: bool,
}

impl Driver for Grpc {
    fn call(&mut self, now: Timestamp, call: &Call) -> Option<Answer> {
        self.server.advance_to(now);
        match call {
            Call::Rest(call) => self.rest(call),
            Call::Tick => {
                self.server.tick();
                Some(Answer { status: 200, body: Value::Null })
            }
            Call::Http(_) | Call::Envelope(_) | Call::Sent | Call::Report(_) | Call::Connect => None,
        }
    }
}

fn decoded(id: &str) -> Option<String> {
    Some(percent_decode_str(id).decode_utf8().ok()?.into_owned())
}

fn parse_map(map: &Value) -> Option<HashMap<String, String>> {
    map.as_object()?.iter().map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
}

fn parse_value(value: &Value) -> Option<proto::Value> {
    let headers = value.get("headers").map_or(Some(HashMap::new()), parse_map)?.into_iter().collect();
    let data = value.get("data").map_or(Some(""), Value::as_str)?;
    Some(proto::Value { headers, data: STANDARD.decode(data).ok()? })
}

fn parse_search(query: &str) -> Option<proto::SearchPromisesRequest> {
    let mut search = proto::SearchPromisesRequest::default();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "q" => search.q = text.into_owned(),
            "cursor" => search.cursor = text.into_owned(),
            "limit" => search.limit = text.parse().ok()?,
            "state" => {
                search.state = match text.to_ascii_lowercase().as_str() {
                    "pending" => proto::SearchState::SearchPending.into(),
                    "resolved" => proto::SearchState::SearchResolved.into(),
                    "rejected" => proto::SearchState::SearchRejected.into(),
                    number => number.parse().ok()?,
                }
            }
            _ => return None,
        }
    }
    Some(search)
}

fn print_error(status: &Status) -> Answer {
    let number = match status.code() {
        Code::InvalidArgument => 400,
        Code::OutOfRange => 413,
        Code::Unavailable => 503,
        _ => 500,
    };
    Answer { status: number, body: json!({"error": status.message()}) }
}

fn print_outcome((status, promise): Outcome) -> Answer {
    Answer { status: u16::try_from(status).expect("a status"), body: promise.map_or(Value::Null, print_promise) }
}

fn print_promise(promise: proto::Promise) -> Value {
    let state = promise.state();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
    let text = |text: String| (!text.is_empty()).then(|| Value::from(text));
    put("id", Some(promise.id.into()));
    put("state", Some(state.as_str_name().into()));
    put("param", Some(print_value(promise.param.expect("always set"))));
    put("value", Some(print_value(promise.value.expect("always set"))));
    put("timeout", Some(promise.timeout.into()));
    put("idempotencyKeyForCreate", text(promise.idempotency_key_for_create));
    put("idempotencyKeyForComplete", text(promise.idempotency_key_for_complete));
    put("createdOn", Some(promise.created_on.into()));
    let settled = state != proto::State::Pending;
    assert!(settled || promise.completed_on == 0, "a pending promise that was completed");
    put("completedOn", settled.then(|| promise.completed_on.into()));
    put(
        "tags",
        Some(promise.tags.into_iter().map(|(name, text)| (name, Value::from(text))).collect::<Map<_, _>>().into()),
    );
    Value::Object(fields)
}

fn print_value(value: proto::Value) -> Value {
    let mut fields = Map::new();
    if !value.headers.is_empty() {
        let headers = value.headers.into_iter().map(|(name, text)| (name, Value::from(text)));
        fields.insert("headers".to_owned(), headers.collect::<Map<_, _>>().into());
    }
    if !value.data.is_empty() {
        fields.insert("data".to_owned(), STANDARD.encode(value.data).into());
    }
    fields.into()
}
