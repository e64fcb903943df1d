//! Messages to workers and listeners as bytes (spec §4, messages).

use serde::Serialize;

use super::print::to_json;
use super::record::PromiseOut;
use crate::message::Message;

#[derive(Debug, Serialize)]
pub(super) struct MessageOut<'a> {
    kind: &'static str,
    head: HeadOut<'a>,
    data: BodyOut<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    server_url: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum BodyOut<'a> {
    Execute { task: TaskRefOut<'a> },
    Unblock { promise: PromiseOut<'a> },
}

#[derive(Debug, Serialize)]
struct TaskRefOut<'a> {
    id: &'a str,
    version: u64,
}

impl<'a> MessageOut<'a> {
    pub(super) fn execute(task: &'a str, version: u64, server_url: Option<&'a str>) -> Self {
        let task = TaskRefOut { id: task, version };
        Self { kind: "execute", head: HeadOut { server_url }, data: BodyOut::Execute { task } }
    }

    pub(super) fn unblock(promise: PromiseOut<'a>) -> Self {
        Self { kind: "unblock", head: HeadOut { server_url: None }, data: BodyOut::Unblock { promise } }
    }
}

/// A message as JSON. The URL of this server goes into the head of an `execute`, whose worker talks back; an `unblock` asks for nothing.
#[must_use]
pub fn print_message(message: &Message, server_url: Option<&str>) -> Vec<u8> {
    match message {
        Message::Execute { task, version } => {
            to_json(&MessageOut::execute(task, *version, server_url), 128 + task.len())
        }
        Message::Unblock { promise } => to_json(&MessageOut::unblock(PromiseOut::of(promise)), 256 + promise.weight()),
    }
}
