//! A worker's connection as bytes on a socket: Server-Sent Events, one message a `data:` line.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value as Json;

use super::PATIENCE;
use super::child::Server;

/// An open connection of a worker.
pub(super) struct Events {
    stream: TcpStream,
    unread: Vec<u8>,
    pub(super) status: u16,
}

impl Events {
    /// Connects as `/poll/{group}/{id}` and waits for the head of the answer.
    pub(super) fn open(server: &Server, path: &str) -> Self {
        Self::open_with(server, path, "")
    }

    /// The same with header lines, each ended by a line break.
    pub(super) fn open_with(server: &Server, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", server.http)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("an open socket");
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).expect("an open socket");
        let mut events = Self { stream, unread: Vec::new(), status: 0 };
        let head = events.line_until(b"\r\n\r\n").expect("a head");
        events.status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        events
    }

    /// The next message; none when the connection ends before. The frames of chunks are lines of their own here.
    pub(super) fn next(&mut self) -> Option<Json> {
        loop {
            let line = self.line_until(b"\n")?;
            if let Some(message) = line.trim_end().strip_prefix("data: ") {
                return Some(serde_json::from_str(message).unwrap_or_else(|why| panic!("{why}: {message}")));
            }
        }
    }

    /// The task of the next message, which must be an `execute`.
    pub(super) fn next_task(&mut self) -> String {
        let message = self.next().expect("a message");
        assert_eq!(message["kind"], "execute", "{message}");
        message["data"]["task"]["id"].as_str().expect("an id").to_owned()
    }

    /// The promise of the next message, which must be an `unblock`.
    pub(super) fn next_settled(&mut self) -> String {
        let message = self.next().expect("a message");
        assert_eq!(message["kind"], "unblock", "{message}");
        message["data"]["promise"]["id"].as_str().expect("an id").to_owned()
    }

    fn line_until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|bytes| bytes == end) {
                let line: Vec<u8> = self.unread.drain(..at + end.len()).collect();
                return Some(String::from_utf8(line).expect("UTF-8"));
            }
            let mut bytes = [0; 64 << 10];
            let length = self.stream.read(&mut bytes).ok().filter(|length| *length > 0)?;
            self.unread.extend_from_slice(&bytes[..length]);
        }
    }
}
