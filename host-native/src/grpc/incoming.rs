//! Accepts connections and never gives up: a failed accept is an event of the log, not the end of the server.
//!
//! A connection is handed on with its first byte. The transport would keep a silent one for ever, and wait for it when the server stops; here
//! it ends after [`OPENING_TIMEOUT`], and at once when the listener is dropped.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_stream::Stream;

/// How long a new connection may be silent.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after an accept that failed for want of something, mostly file descriptors: trying at once would fail the same way.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener.
pub(super) struct Incoming {
    listener: TcpListener,
    pause: Option<Pin<Box<Sleep>>>,
    opening: JoinSet<Option<TcpStream>>,
}

impl Incoming {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, pause: None, opening: JoinSet::new() }
    }
}

impl Stream for Incoming {
    type Item = io::Result<TcpStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.opening.poll_join_next(cx) {
                Poll::Ready(Some(Ok(Some(connection)))) => return Poll::Ready(Some(Ok(connection))),
                Poll::Ready(Some(Ok(None) | Err(_))) => continue,
                Poll::Ready(None) | Poll::Pending => {}
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((connection, _)) => drop(self.opening.spawn(opened(connection))),
                Err(error) if is_of_the_peer(&error) => {
                    tracing::debug!(%error, "a grpc connection ended before it began");
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept grpc connections, trying again");
                    self.pause = Some(Box::pin(sleep(ACCEPT_PAUSE)));
                }
            }
        }
    }
}

/// The connection once its peer speaks, or none where it never does.
async fn opened(connection: TcpStream) -> Option<TcpStream> {
    if let Err(error) = connection.set_nodelay(true) {
        tracing::debug!(%error, "cannot send small grpc packets at once");
    }
    let bytes = timeout(OPENING_TIMEOUT, connection.peek(&mut [0])).await.ok()?.ok()?;
    (bytes > 0).then_some(connection)
}

/// Whether an accept failed because that one peer left again.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::runtime;
    use tokio_stream::StreamExt;

    use super::*;

    #[test]
    fn a_silent_connection_is_not_handed_on_and_ends_with_the_listener() {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut incoming = Incoming::new(listener);
            let mut silent = TcpStream::connect(address).await.unwrap();
            let mut speaking = TcpStream::connect(address).await.unwrap();
            speaking.write_all(b"P").await.unwrap();
            let first = incoming.next().await.unwrap().unwrap();
            assert_eq!(first.peer_addr().unwrap(), speaking.local_addr().unwrap());
            drop(incoming);
            assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
        });
    }
}
