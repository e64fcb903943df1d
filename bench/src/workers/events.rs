//! Owns an open connection of a worker: a socket, and the messages that come over it. Messages are told apart by their lines and
//! not read as JSON, so that reading costs the machine under measure next to nothing.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BytesMut};
use httparse::Status;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::ids::Ids;

const READ_BYTES: usize = 4096;
/// The line end behind the bytes of a chunk.
const CHUNK_END: usize = 2;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Events {
    stream: TcpStream,
    chunks: Chunks,
}

impl Events {
    /// Connects a worker; once this returns the server knows of it.
    pub(crate) async fn open(address: SocketAddr, group: &str, worker: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await.context("connect")?;
        let request = format!("GET /poll/{group}/{worker} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut raw = BytesMut::with_capacity(READ_BYTES);
        let head_end = loop {
            ensure!(stream.read_buf(&mut raw).await? > 0, "the server closed the connection");
            if let Some(at) = find(&raw, b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = raw.split_to(head_end);
        if !head.starts_with(b"HTTP/1.1 200") {
            bail!("a worker cannot connect: {}", String::from_utf8_lossy(&head).lines().next().unwrap_or_default());
        }
        Ok(Events { stream, chunks: Chunks { raw, ..Chunks::default() } })
    }

    /// Shows every whole message that is there, then waits for more bytes.
    async fn next(&mut self, mut seen: impl FnMut(&[u8])) -> Result<()> {
        self.chunks.decode()?;
        while let Some(line) = self.chunks.line() {
            if let Some(message) = line.strip_prefix(b"data: ") {
                seen(message);
            }
        }
        ensure!(self.stream.read_buf(&mut self.chunks.raw).await? > 0, "the server closed the connection");
        Ok(())
    }

    /// Whether the server still holds it; what came over it is dropped.
    pub(crate) fn is_open(&self) -> bool {
        let mut dropped = [0; READ_BYTES];
        loop {
            match self.stream.try_read(&mut dropped) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }
}

/// A chunked body on its way to lines.
#[derive(Debug, Default)]
struct Chunks {
    raw: BytesMut,
    text: BytesMut,
    /// Bytes of the current chunk that have not come, with its end.
    left: usize,
}

impl Chunks {
    fn decode(&mut self) -> Result<()> {
        loop {
            if self.left == 0 {
                match httparse::parse_chunk_size(&self.raw) {
                    Ok(Status::Complete((_, 0))) => bail!("the server ended the messages"),
                    Ok(Status::Complete((head, size))) => {
                        self.raw.advance(head);
                        self.left = usize::try_from(size)? + CHUNK_END;
                    }
                    Ok(Status::Partial) => return Ok(()),
                    Err(_) => bail!("the body is not chunked"),
                }
            }
            let piece = self.raw.split_to(self.left.min(self.raw.len()));
            if piece.is_empty() {
                return Ok(());
            }
            let content = self.left.saturating_sub(CHUNK_END).min(piece.len());
            self.text.extend_from_slice(&piece[..content]);
            self.left -= piece.len();
        }
    }

    fn line(&mut self) -> Option<BytesMut> {
        let end = self.text.iter().position(|byte| *byte == b'\n')?;
        Some(self.text.split_to(end + 1))
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The first id in a message: of its task or of its promise.
fn first_id(message: &[u8]) -> Option<&str> {
    const FIELD: &[u8] = br#""id":""#;
    let rest = &message[find(message, FIELD)? + FIELD.len()..];
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok()
}

/// Workers of a group that tell of the promises which their messages are about. Dropping them ends their connections.
#[derive(Debug)]
pub(crate) struct Readers(JoinSet<()>);

impl Readers {
    /// Connects `w0`, `w1` and so on. `seen` is given the number of each promise.
    pub(crate) async fn open(
        address: SocketAddr,
        group: &str,
        count: usize,
        ids: &Arc<Ids>,
        seen: impl Fn(u64) + Clone + Send + 'static,
    ) -> Result<Self> {
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let events = Events::open(address, group, &format!("w{number}")).await?;
            tasks.spawn(read(events, Arc::clone(ids), seen.clone()));
        }
        Ok(Readers(tasks))
    }

    /// Fails when one of them was cut off.
    pub(crate) fn check(&mut self) -> Result<()> {
        ensure!(self.0.try_join_next().is_none(), "a worker lost its connection");
        Ok(())
    }
}

async fn read(mut events: Events, ids: Arc<Ids>, seen: impl Fn(u64)) {
    let mut tell = move |message: &[u8]| match first_id(message).and_then(|id| ids.number_of(id)) {
        Some(number) => seen(number),
        None => eprintln!("  not a message of this run: {}", String::from_utf8_lossy(message)),
    };
    loop {
        if let Err(error) = events.next(&mut tell).await {
            eprintln!("  {error:#}");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_across_chunks_and_reads() {
        let body = b"4\r\n: a\n\r\n8\r\ndata: {\"\r\n3\r\n}\n\n\r\n";
        for cut in 0..body.len() {
            let mut chunks = Chunks::default();
            for part in [&body[..cut], &body[cut..]] {
                chunks.raw.extend_from_slice(part);
                chunks.decode().expect("whole chunks");
            }
            let lines: Vec<BytesMut> = std::iter::from_fn(|| chunks.line()).collect();
            assert_eq!(lines, [&b": a\n"[..], b"data: {\"}\n", b"\n"], "cut at {cut}");
        }
    }

    #[test]
    fn the_id_of_a_message_is_its_first() {
        let message = br#"{"kind":"execute","head":{},"data":{"task":{"id":"a-1","version":0}}}"#;
        assert_eq!(first_id(message), Some("a-1"));
        assert_eq!(first_id(b"{}"), None);
    }
}
