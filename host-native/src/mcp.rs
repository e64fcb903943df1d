//! The tools that assistants get through the Model Context Protocol. Each is a request of the protocol and its answer, with params and values as
//! JSON; what a tool says about itself is all that an assistant knows.

use std::collections::BTreeMap;

use resonate_core::promise::PromiseState;
use resonate_core::time::{Millis, Timestamp};
use resonate_core::value::Value;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::client::payload::{self, Payload};
use crate::client::{Answer, Client, fields};
use crate::clock::Clock;

const INSTRUCTIONS: &str = "\
Durable promises: each has an id, a state (pending, resolved, rejected, rejected_canceled, rejected_timedout) and a \
deadline, and outlives every process. Create one to ask somebody for something, settle one to answer, search to see \
what is going on. Creating an id again and settling a settled promise change nothing and answer the promise as it is.";

/// Promises in a page that an assistant has not sized: what it reads counts against its memory.
const LIMIT_DEFAULT: u16 = 20;

/// The tools, for one server.
#[derive(Clone, Debug)]
pub struct Promises {
    client: Client,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Create {
    /// Id of the promise: 1 to 1,024 bytes, unique. Creating it again changes nothing.
    id: String,
    /// Milliseconds from now until it times out.
    timeout_ms: u64,
    /// Any JSON that says what the promise is for.
    param: Option<Json>,
    /// Named strings to find it by. `resonate:target` names who runs it, e.g. `poll://any@default`.
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// Id of the promise.
    id: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settle {
    /// Id of the promise.
    id: String,
    /// How it is settled.
    state: Settlement,
    /// Any JSON: the result, or the reason.
    value: Option<Json>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Settlement {
    Resolved,
    Rejected,
    RejectedCanceled,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// Only promises in this state.
    state: Option<State>,
    /// Only promises with all of these tags.
    tags: Option<BTreeMap<String, String>>,
    /// Most promises to list, 1 to 1000; 20 if absent.
    limit: Option<u16>,
    /// The cursor of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Pending,
    Resolved,
    Rejected,
    RejectedCanceled,
    RejectedTimedout,
}

#[tool_router]
impl Promises {
    /// The tools for a server.
    #[must_use]
    pub fn of(client: Client) -> Self {
        Self { client }
    }

    #[tool(
        name = "promise-create",
        description = "Create a durable promise, or read it if the id is taken. Answers the promise.",
        annotations(read_only_hint = false, destructive_hint = false, idempotent_hint = true, open_world_hint = false)
    )]
    async fn create(&self, Parameters(create): Parameters<Create>) -> CallToolResult {
        let now = Clock::starting_at(Timestamp::ZERO).now();
        let asked = fields([
            ("id", Some(json!(create.id))),
            ("timeoutAt", Some(json!(now + Millis::saturating(create.timeout_ms)))),
            ("param", create.param.as_ref().map(value)),
            ("tags", create.tags.map(|tags| json!(tags))),
        ]);
        self.ask("promise.create", &asked).await
    }

    #[tool(
        name = "promise-get",
        description = "Read a durable promise: its state, what it was created with, and its result once it is settled.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn get(&self, Parameters(get): Parameters<Get>) -> CallToolResult {
        self.ask("promise.get", &json!({"id": get.id})).await
    }

    #[tool(
        name = "promise-settle",
        description = "Resolve, reject or cancel a pending promise. One that is settled already stays as it is. Answers \
                       the promise.",
        annotations(read_only_hint = false, destructive_hint = true, idempotent_hint = true, open_world_hint = false)
    )]
    async fn settle(&self, Parameters(settle): Parameters<Settle>) -> CallToolResult {
        let asked = fields([
            ("id", Some(json!(settle.id))),
            ("state", Some(json!(settle.state.name()))),
            ("value", settle.value.as_ref().map(value)),
        ]);
        self.ask("promise.settle", &asked).await
    }

    #[tool(
        name = "promise-search",
        description = "List promises by state and tags, ordered by id. With a cursor in the answer there are more.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn search(&self, Parameters(search): Parameters<Search>) -> CallToolResult {
        let asked = fields([
            ("state", search.state.map(|state| json!(state.name()))),
            ("tags", search.tags.map(|tags| json!(tags))),
            ("limit", Some(json!(search.limit.unwrap_or(LIMIT_DEFAULT)))),
            ("cursor", search.cursor.map(|cursor| json!(cursor))),
        ]);
        self.ask("promise.search", &asked).await
    }

    /// Asks the server; what it refuses is told to the assistant, who may do better.
    async fn ask(&self, kind: &str, asked: &Json) -> CallToolResult {
        match self.client.call(kind, asked).await {
            Ok(Answer { mut data, .. }) => {
                decode_payloads(&mut data);
                CallToolResult::structured(data)
            }
            Err(why) => CallToolResult::error(vec![ContentBlock::text(why.to_string())]),
        }
    }
}

#[tool_handler]
impl ServerHandler for Promises {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("resonate", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }
}

impl Settlement {
    fn name(self) -> &'static str {
        match self {
            Self::Resolved => PromiseState::Resolved,
            Self::Rejected => PromiseState::Rejected,
            Self::RejectedCanceled => PromiseState::RejectedCanceled,
        }
        .name()
    }
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => PromiseState::Pending,
            Self::Resolved => PromiseState::Resolved,
            Self::Rejected => PromiseState::Rejected,
            Self::RejectedCanceled => PromiseState::RejectedCanceled,
            Self::RejectedTimedout => PromiseState::RejectedTimedout,
        }
        .name()
    }
}

/// A value as SDKs read it.
fn value(json: &Json) -> Json {
    json!({"data": payload::encode(json)})
}

/// Replaces the data of params and values by what it encodes, which is what an assistant can read.
fn decode_payloads(answer: &mut Json) {
    for (name, found) in answer.as_object_mut().into_iter().flatten() {
        match (name.as_str(), found) {
            ("promise", promise) => decode_payloads_of(promise),
            ("promises", Json::Array(promises)) => promises.iter_mut().for_each(decode_payloads_of),
            (_, _) => {}
        }
    }
}

fn decode_payloads_of(promise: &mut Json) {
    for name in ["param", "value"] {
        let Some(held) = promise.get_mut(name) else { continue };
        let Ok(read) = Value::deserialize(&*held) else { continue };
        match Payload::of(&read) {
            Payload::Json(json) => held["data"] = json,
            Payload::Text(text) => held["data"] = json!(text),
            Payload::Absent | Payload::Raw(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assistants_read_payloads_decoded() {
        let promise = |data: Json| json!({"id": "a", "param": {"data": data}, "value": {}});
        let mut one = json!({"promise": promise(json!(payload::encode(&json!({"a": 1}))))});
        decode_payloads(&mut one);
        assert_eq!(one, json!({"promise": promise(json!({"a": 1}))}));
        let mut many = json!({"promises": [promise(json!("not base64!"))], "cursor": "promise"});
        let before = many.clone();
        decode_payloads(&mut many);
        assert_eq!(many, before);
    }
}
