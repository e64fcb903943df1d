//! The stream of messages of one worker: `GET /poll/{group}/{id}`, Server-Sent Events with one JSON message a `data:` line.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use super::{Client, Error, limits, plain};

/// An open stream.
#[derive(Debug)]
pub(super) struct Events {
    response: reqwest::Response,
    lines: Lines,
}

impl Client {
    /// Opens the stream of the messages to `poll://uni@{group}/{id}`.
    pub(super) async fn events(&self, group: &str, id: &str) -> Result<Events, Error> {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut url = self.url.clone();
        url.set_path(&format!("{}/poll/{}/{}", url.path().trim_end_matches('/'), encoded(group), encoded(id)));
        let opened = self.authorized(self.http.get(url)).header("accept", "text/event-stream").send().await;
        let response = opened.map_err(|why| self.unreachable(&why))?;
        let status = response.status().as_u16();
        if status == 200 {
            return Ok(Events { response, lines: Lines::default() });
        }
        let body = response.text().await.unwrap_or_default();
        match serde_json::from_str::<Json>(&body) {
            // Refusals outside of the envelope are `{"error": "…"}`.
            Ok(Json::Object(refusal)) => {
                let why = refusal.get("error").or_else(|| refusal.get("data")).map_or(body, plain);
                Err(match status {
                    401 | 403 => Error::Refused { kind: "poll".to_owned(), status, why },
                    _ => Error::NoStream { status, why },
                })
            }
            Ok(_) | Err(_) => Err(self.foreign(status, &body)),
        }
    }
}

impl Events {
    /// The next message; `None` when the stream ends, breaks or falls silent.
    pub(super) async fn next(&mut self) -> Option<Json> {
        self.next_within(limits::SILENCE_MAX).await
    }

    async fn next_within(&mut self, silence: Duration) -> Option<Json> {
        loop {
            while let Some(line) = self.lines.take() {
                if let Some(message) = message_in(&line) {
                    return Some(message);
                }
            }
            let chunk = tokio::time::timeout(silence, self.response.chunk()).await.ok()?.ok()??;
            if !self.lines.push(&chunk) {
                return None;
            }
        }
    }
}

/// Bytes that arrived, cut into lines.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
}

impl Lines {
    /// Adds what has arrived; false when a line grows beyond all bounds.
    fn push(&mut self, chunk: &[u8]) -> bool {
        self.bytes.extend_from_slice(chunk);
        self.bytes.len() <= limits::LINE_BYTES_MAX
    }

    /// The first whole line, without its end.
    fn take(&mut self) -> Option<Vec<u8>> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.bytes.drain(..=end).collect();
        line.truncate(end);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }
}

/// The message of a `data:` line; comments and other fields have none.
fn message_in(line: &[u8]) -> Option<Json> {
    serde_json::from_slice(line.strip_prefix(b"data:")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_are_put_together_from_pieces() {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in [": keep-alive\n\nda", "ta: {\"kind\":", "\"unblock\"}\r\n\r", "\ndata:{\"kind\":\"execute\"}\n\n"]
        {
            assert!(lines.push(piece.as_bytes()));
            while let Some(line) = lines.take() {
                found.extend(message_in(&line));
            }
        }
        assert_eq!(found, [json!({"kind": "unblock"}), json!({"kind": "execute"})]);
    }
}
