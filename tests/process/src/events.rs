//! A worker's connection as bytes on a socket: Server-Sent Events, one message a `data:` line.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value as Json;

use crate::PATIENCE;
use crate::child::Server;

/// An open connection of a worker.
#[derive(Debug)]
pub struct Events {
    stream: TcpStream,
    unread: Vec<u8>,
    pub status: u16,
}

impl Events {
    /// Connects as `/poll/{group}/{id}` and waits for the head of the answer.
    pub fn open(server: &Server, path: &str) -> Self {
        Self::open_with(server, path, "")
    }

    /// The same with header lines, each ended by a line break.
    pub fn open_with(server: &Server, path: &str, headers: &str) -> Self {
        Self::connect(server.http, path, headers).expect("a connection and a head")
    }

    /// The same at a port where a server may be about to end.
    pub fn connect(port: u16, path: &str, headers: &str) -> Option<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        let mut events = Self { stream, unread: Vec::new(), status: 0 };
        let head = events.line_until(b"\r\n\r\n")?;
        events.status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Some(events)
    }

    /// The task of the next message, which must be an `execute`.
    pub fn next_task(&mut self) -> String {
        let message = self.next().expect("a message");
        assert_eq!(message["kind"], "execute", "{message}");
        message["data"]["task"]["id"].as_str().expect("an id").to_owned()
    }

    /// The promise of the next message, which must be an `unblock`.
    pub fn next_settled(&mut self) -> String {
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

impl Iterator for Events {
    type Item = Json;

    /// The next message; none when the connection ends before, or there is none for too long. The frames of chunks are lines of their own here.
    fn next(&mut self) -> Option<Json> {
        let asked = Instant::now();
        // Keep-alives are lines too.
        while asked.elapsed() < PATIENCE {
            let line = self.line_until(b"\n")?;
            if let Some(message) = line.trim_end().strip_prefix("data: ") {
                return Some(serde_json::from_str(message).unwrap_or_else(|why| panic!("{why}: {message}")));
            }
        }
        None
    }
}
