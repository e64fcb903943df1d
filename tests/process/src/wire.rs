//! HTTP as bytes on a socket: what is sent is what a test says, and what comes back is looked at as it came.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::Value as Json;

use crate::PATIENCE;

/// A connection that stays open over many requests.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Bytes of answers that were not asked for yet.
    unread: Vec<u8>,
}

impl Connection {
    pub fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, unread: Vec::new() })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a request and reads its answer.
    pub fn send(&mut self, request: &Request) -> Result<Answer> {
        self.write(&request.bytes())?;
        let headless = request.method == "HEAD";
        self.answer_to(headless)
    }

    /// Sends requests at once and reads their answers.
    pub fn pipeline(&mut self, requests: &[Request]) -> Result<Vec<Answer>> {
        let bytes: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
        self.write(&bytes)?;
        requests.iter().map(|_| self.answer()).collect()
    }

    /// The next answer. [`ErrorKind::UnexpectedEof`] when the connection ends where one would begin, [`ErrorKind::InvalidData`] when it ends
    /// within one.
    pub fn answer(&mut self) -> Result<Answer> {
        self.answer_to(false)
    }

    /// The next answer; one to `HEAD` has no body, whatever its length is said to be.
    fn answer_to(&mut self, head: bool) -> Result<Answer> {
        loop {
            if let Some((answer, length)) = parse(&self.unread, head)? {
                self.unread.drain(..length);
                return Ok(answer);
            }
            if self.read_more()? == 0 {
                let kind = if self.unread.is_empty() { ErrorKind::UnexpectedEof } else { ErrorKind::InvalidData };
                return Err(Error::new(kind, "the connection has ended"));
            }
        }
    }

    /// Whether the other side ends the connection without another byte.
    pub fn ends(&mut self) -> bool {
        self.unread.is_empty() && matches!(self.read_more(), Ok(0) | Err(_))
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }

    fn read_more(&mut self) -> Result<usize> {
        let mut bytes = [0; 16 << 10];
        let length = self.stream.read(&mut bytes)?;
        self.unread.extend_from_slice(&bytes[..length]);
        Ok(length)
    }
}

/// An answer and its length, once all of it is there.
fn parse(bytes: &[u8], headless: bool) -> Result<Option<(Answer, usize)>> {
    let mut room = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut room);
    let invalid = |why: &str| Error::new(ErrorKind::InvalidData, format!("{why} in {}", bytes.escape_ascii()));
    let httparse::Status::Complete(head) = response.parse(bytes).map_err(|why| invalid(&why.to_string()))? else {
        return Ok(None);
    };
    let status = response.code.ok_or_else(|| invalid("no status"))?;
    let headers: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: Vec::new() };
    let length = match answer.header("content-length") {
        _ if headless || status < 200 || status == 304 => 0,
        Some(length) => length.parse().map_err(|_| invalid("no length"))?,
        None => return Err(invalid("an answer without its length")),
    };
    let Some(body) = bytes.get(head..head + length) else { return Ok(None) };
    answer.body = body.to_vec();
    Ok(Some((answer, head + length)))
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { method, path, headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// Creates or settles a promise, with the verb's idempotency key.
    pub fn write(id: &str, verb: &str, key: &str, body: &Json) -> Self {
        let request = Self::new("POST", &format!("/promises/{id}/{verb}"));
        request.header("Idempotency-Key", key).body(body.to_string().into_bytes())
    }

    /// Asks for something of today's protocol.
    pub fn call(kind: &str, data: &Json) -> Self {
        let head = serde_json::json!({"corrId": "c", "version": "2026-04-01"});
        let body = serde_json::json!({"kind": kind, "head": head, "data": data});
        Self::new("POST", "/").body(body.to_string().into_bytes())
    }

    pub fn header(mut self, name: &str, text: &str) -> Self {
        self.headers.push((name.to_owned(), text.to_owned()));
        self
    }

    pub fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Everything up to the body.
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: localhost\r\n", self.method, self.path);
        for (name, text) in &self.headers {
            head.push_str(&format!("{name}: {text}\r\n"));
        }
        if self.method == "POST" || !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        (head + "\r\n").into_bytes()
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.head(), self.body.clone()].concat()
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header line, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, text)| &**text)
    }

    pub fn json(&self) -> Json {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("no JSON ({why}): {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
