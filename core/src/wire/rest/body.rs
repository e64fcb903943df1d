//! The JSON bodies of the 2023 API.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::promise::{Promise, PromiseState, Tags};
use crate::time::Timestamp;
use crate::value::Value;
use crate::wire::BadInput;
use crate::wire::field::Object;

#[derive(Deserialize)]
pub(super) struct CreateBody {
    #[serde(default)]
    pub(super) param: Option<Object<ValueIn>>,
    pub(super) timeout: Timestamp,
    #[serde(default)]
    pub(super) tags: Option<Tags>,
}

#[derive(Deserialize)]
pub(super) struct SettleBody {
    #[serde(default)]
    pub(super) value: Option<Object<ValueIn>>,
}

#[derive(Default, Deserialize)]
pub(super) struct ValueIn {
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    data: Option<String>,
}

impl ValueIn {
    /// The value, kept as the string that was sent.
    pub(super) fn checked(self, name: &str) -> Result<Value, BadInput> {
        let value = Value { headers: self.headers, data: self.data };
        super::check_headers(name, &value)?;
        match &value.data {
            Some(data) if STANDARD.decode(data).is_err() => Err(BadInput::field(
                &format!("{name}.data"),
                "must be base64 of the standard alphabet, padded, without stray bits",
            )),
            Some(_) | None => Ok(value),
        }
    }
}

/// The data of a value in base64, as JSON carries it: kept where it is canonical base64 already, else encoded.
#[must_use]
pub fn encoded_value(data: &str) -> Cow<'_, str> {
    match STANDARD.decode(data) {
        Ok(_) => Cow::Borrowed(data),
        Err(_) => Cow::Owned(STANDARD.encode(data)),
    }
}

/// The data of a value in bytes, as gRPC carries it: decoded where it is canonical base64, else as it is.
#[must_use]
pub fn decoded_value(data: &str) -> Vec<u8> {
    STANDARD.decode(data).unwrap_or_else(|_| data.as_bytes().to_vec())
}

#[derive(Serialize)]
struct ValueOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'a, str>>,
}

impl<'a> ValueOut<'a> {
    fn of(value: &'a Value) -> Self {
        let data = value.data.as_deref().filter(|data| !data.is_empty());
        Self { headers: value.headers.as_ref().filter(|headers| !headers.is_empty()), data: data.map(encoded_value) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PromiseOut<'a> {
    id: &'a str,
    state: &'static str,
    param: ValueOut<'a>,
    value: ValueOut<'a>,
    timeout: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key_for_create: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key_for_complete: Option<&'a str>,
    created_on: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_on: Option<Timestamp>,
    tags: &'a Tags,
}

impl<'a> PromiseOut<'a> {
    fn of(promise: &'a Promise) -> Self {
        Self {
            id: &promise.id,
            state: state_name(promise.state),
            param: ValueOut::of(&promise.param),
            value: ValueOut::of(&promise.value),
            timeout: promise.timeout_at,
            idempotency_key_for_create: promise.create_key.as_deref(),
            idempotency_key_for_complete: promise.complete_key.as_deref(),
            created_on: promise.created_at,
            completed_on: promise.settled_at,
            tags: &promise.tags,
        }
    }
}

#[derive(Serialize)]
struct PageOut<'a> {
    cursor: Option<&'a str>,
    promises: Vec<PromiseOut<'a>>,
}

const fn state_name(state: PromiseState) -> &'static str {
    match state {
        PromiseState::Pending => "PENDING",
        PromiseState::Resolved => "RESOLVED",
        PromiseState::Rejected => "REJECTED",
        PromiseState::RejectedTimedout => "REJECTED_TIMEDOUT",
        PromiseState::RejectedCanceled => "REJECTED_CANCELED",
    }
}

fn print<T: Serialize>(body: &T, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    serde_json::to_writer(&mut bytes, body).expect("a body of ours is plain JSON");
    bytes
}

/// A promise as JSON.
///
/// # Panics
/// Never: a promise is plain JSON.
#[must_use]
pub fn print_promise(promise: &Promise) -> Vec<u8> {
    print(&PromiseOut::of(promise), 256 + promise.weight())
}

/// A page of a search as JSON.
///
/// # Panics
/// Never: a page is plain JSON.
#[must_use]
pub fn print_page<P: AsRef<Promise>>(promises: &[P], cursor: Option<&str>) -> Vec<u8> {
    let promises: Vec<PromiseOut<'_>> = promises.iter().map(|promise| PromiseOut::of(promise.as_ref())).collect();
    print(&PageOut { cursor, promises }, 256)
}

/// An error as JSON: `{"error": "<what is wrong>"}`.
///
/// # Panics
/// Never: a string is plain JSON.
#[must_use]
pub fn print_error(why: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct ErrorOut<'a> {
        error: &'a str,
    }
    print(&ErrorOut { error: why }, 16 + why.len())
}
