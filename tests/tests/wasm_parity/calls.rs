//! Requests of the machine as clients of the 2023 API write them, where they can.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use resonate_core::id::Id;
use resonate_core::request::{CreatePromise, Request, SettlePromise, Verdict};
use resonate_core::search::SearchPromises;
use resonate_core::value::Value as Payload;
use resonate_core::wire::rest::Call;
use serde_json::{Value, json};

/// A call with texts of its own.
#[derive(Clone, Debug)]
pub(super) struct OwnedCall {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) key: Option<String>,
    pub(super) strict: Option<String>,
    pub(super) body: Vec<u8>,
}

impl OwnedCall {
    pub(super) fn borrowed(&self) -> Call<'_> {
        let Self { method, path, query, key, strict, body } = self;
        Call { method, path, query, key: key.as_deref(), strict: strict.as_deref(), body }
    }

    /// Everything but the body, as the module takes it.
    pub(super) fn head(&self) -> Vec<u8> {
        let Self { method, path, query, key, strict, body: _ } = self;
        json!({"method": method, "path": path, "query": query, "key": key, "strict": strict}).to_string().into_bytes()
    }

    fn get(path: String, query: String) -> Self {
        Self { method: "GET", path, query, key: None, strict: None, body: Vec::new() }
    }

    fn post(id: &Id, verb: &str, key: Option<&String>, strict: bool, body: &Value) -> Self {
        let strict = strict.then(|| "true".to_owned());
        let (path, body) = (format!("{}/{verb}", path_of(id)), body.to_string().into_bytes());
        Self { method: "POST", path, query: String::new(), key: key.cloned(), strict, body }
    }
}

fn path_of(id: &Id) -> String {
    format!("/promises/{}", utf8_percent_encode(id.as_str(), NON_ALPHANUMERIC))
}

/// This API's data is base64.
fn payload(value: &Payload) -> Value {
    json!({"headers": value.headers.clone().unwrap_or_default(), "data": value.data.as_ref().map(|data| STANDARD.encode(data))})
}

/// The call for a request, if the API has one.
pub(super) fn print(request: &Request, strict: bool, cursor: Option<&str>) -> Option<OwnedCall> {
    match request {
        Request::GetPromise { id } => Some(OwnedCall::get(path_of(id), String::new())),
        Request::CreatePromise(CreatePromise { id, timeout_at, param, tags, key }) => {
            let body = json!({"timeout": timeout_at, "param": payload(param), "tags": tags});
            Some(OwnedCall::post(id, "create", key.as_ref(), strict, &body))
        }
        Request::SettlePromise(SettlePromise { id, verdict, value, key }) => {
            let verb = match verdict {
                Verdict::Resolved => "resolve",
                Verdict::Rejected => "reject",
                Verdict::RejectedCanceled => "cancel",
            };
            Some(OwnedCall::post(id, verb, key.as_ref(), strict, &json!({"value": payload(value)})))
        }
        Request::SearchPromises(SearchPromises { state, limit, .. }) => {
            let state = if state.is_some() { "&state=rejected" } else { "" };
            let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            Some(OwnedCall::get("/promises".to_owned(), format!("q=p*&limit={limit}{state}{cursor}")))
        }
        _ => None,
    }
}
