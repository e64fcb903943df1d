//! Owns the requests of today's protocol that are sent over `POST /`, as text.

use bytes::Bytes;

use crate::client::PAYLOAD;

/// Longer than any measure: a task that was acquired stays with its worker.
const LEASE_MS: u64 = 600_000;

fn envelope(kind: &str, fields: &str) -> Bytes {
    format!(r#"{{"kind":"{kind}","head":{{"corrId":"1","version":"2026-04-01"}},"data":{{{fields}}}}}"#).into()
}

/// Creates a promise with a task for any worker of the group.
pub(crate) fn create_for_group(id: &str, timeout_ms: u64, group: &str) -> Bytes {
    let tags = format!(r#""tags":{{"resonate:target":"poll://any@{group}"}}"#);
    let param = format!(r#""param":{{"data":"{PAYLOAD}"}}"#);
    envelope("promise.create", &format!(r#""id":"{id}","timeoutAt":{timeout_ms},{param},{tags}"#))
}

/// Creates a promise that nobody works on.
pub(crate) fn create(id: &str, timeout_ms: u64) -> Bytes {
    let param = format!(r#""param":{{"data":"{PAYLOAD}"}}"#);
    envelope("promise.create", &format!(r#""id":"{id}","timeoutAt":{timeout_ms},{param}"#))
}

/// Asks for a message to one worker once the promise is settled.
pub(crate) fn register_listener(id: &str, group: &str, worker: &str) -> Bytes {
    envelope("promise.register_listener", &format!(r#""awaited":"{id}","address":"poll://uni@{group}/{worker}""#))
}

/// Takes a task that nobody has taken before.
pub(crate) fn acquire(id: &str, pid: &str) -> Bytes {
    envelope("task.acquire", &format!(r#""id":"{id}","version":0,"pid":"{pid}","ttl":{LEASE_MS}"#))
}

/// Settles the promise of a task that was taken once.
pub(crate) fn fulfill(id: &str) -> Bytes {
    let settled = format!(r#""id":"{id}","state":"resolved","value":{{"data":"{PAYLOAD}"}}"#);
    let action = format!(r#""action":{{"kind":"promise.settle","data":{{{settled}}}}}"#);
    envelope("task.fulfill", &format!(r#""id":"{id}","version":1,{action}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_an_envelope_with_its_data() {
        let requests = [
            create("a", 1),
            create_for_group("a", 1, "g"),
            register_listener("a", "g", "w"),
            acquire("a", "w"),
            fulfill("a"),
        ];
        for request in requests {
            let parsed: serde_json::Value = serde_json::from_slice(&request).expect("JSON");
            assert!(parsed["kind"].is_string());
            assert!(parsed["data"].as_object().is_some_and(|fields| fields.values().any(|value| value == "a")));
        }
    }
}
