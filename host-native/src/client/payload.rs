//! What SDKs put into a value: base64 of JSON, which for a call is `{"func", "args", "version"}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use resonate_core::value::Value;
use serde::Deserialize;
use serde_json::Value as Json;

/// What a value's data is.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// There is none.
    Absent,
    /// Base64 of JSON, decoded.
    Json(Json),
    /// Base64 of a text that is no JSON, decoded.
    Text(String),
    /// Anything else, as it stands.
    Raw(String),
}

/// A call of a function.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Call {
    /// The function's name.
    pub func: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<Json>,
}

impl Payload {
    /// Decodes the data of a value as far as it is understood.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let Some(data) = &value.data else { return Self::Absent };
        let Some(text) = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return Self::Raw(data.clone());
        };
        match serde_json::from_str(&text) {
            Ok(json) => Self::Json(json),
            // Any word of four letters is base64 of something; what nobody could have meant as text was not encoded.
            Err(_) if text.is_empty() || text.chars().any(|c| c.is_control() && !c.is_whitespace()) => {
                Self::Raw(data.clone())
            }
            Err(_) => Self::Text(text),
        }
    }
}

impl Call {
    /// The call that a param asks for, if it is one.
    #[must_use]
    pub fn of(param: &Value) -> Option<Self> {
        match Payload::of(param) {
            Payload::Json(json @ Json::Object(_)) => Self::deserialize(json).ok(),
            Payload::Json(_) | Payload::Absent | Payload::Text(_) | Payload::Raw(_) => None,
        }
    }
}

/// The data of a value, as SDKs read it.
#[must_use]
pub fn encode(json: &Json) -> String {
    STANDARD.encode(json.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(data: &str) -> Value {
        Value { headers: None, data: Some(data.to_owned()) }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let call = json!({"func": "f", "args": [1, "x"], "version": 1});
        assert_eq!(Payload::of(&value(&encode(&call))), Payload::Json(call.clone()));
        let found = Call::of(&value(&encode(&call))).unwrap();
        assert_eq!((found.func, found.args), ("f".to_owned(), vec![json!(1), json!("x")]));
    }

    #[test]
    fn what_is_not_understood_stays_as_it_is() {
        assert_eq!(Payload::of(&Value::default()), Payload::Absent);
        assert_eq!(Payload::of(&value("not base64!")), Payload::Raw("not base64!".to_owned()));
        assert_eq!(Payload::of(&value("SGVsbG8gd29ybGQ=")), Payload::Text("Hello world".to_owned()));
        assert_eq!(Payload::of(&value("AAAA")), Payload::Raw("AAAA".to_owned()));
        assert_eq!(Call::of(&value(&encode(&json!({"other": 1})))), None);
    }
}
