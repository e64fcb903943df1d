//! A connection as a stream of Server-Sent Events: one message a `data:` line, comments as signs of life.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll as Polled};
use std::time::Duration;

use axum::body::Bytes;
use resonate_core::message::{Delivery, Message};
use resonate_core::wire::envelope::print_message;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_stream::Stream;

use super::Poll;
use super::connection::{Connection, Next};
use super::limits::KEEP_ALIVE_INTERVAL;
use crate::dispatch::Outcome;

const GREETING: &[u8] = b": connected\n\n";
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// The messages of one connection, as they go over the wire. Dropping it ends the connection.
#[derive(Debug)]
pub struct Messages {
    poll: Arc<Poll>,
    connection: Arc<Connection>,
    /// When the last sign of life was written; none before the first.
    alive_at: Option<Instant>,
    /// When the connection ends whatever happens; never where it has no limit.
    ends_at: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
}

impl Messages {
    /// A limit beyond the end of time is none.
    pub(super) fn new(poll: Arc<Poll>, connection: Arc<Connection>, lasts: Option<Duration>) -> Self {
        let now = Instant::now();
        let ends_at = lasts.and_then(|lasts| now.checked_add(lasts));
        Self { poll, connection, alive_at: None, ends_at, sleep: Box::pin(sleep_until(now)) }
    }

    fn print(&self, deliveries: &[Delivery]) -> Bytes {
        let mut chunk = Vec::new();
        for delivery in deliveries {
            chunk.extend_from_slice(b"data: ");
            chunk.extend_from_slice(&print_message(&delivery.message, Some(&self.poll.server_url)));
            chunk.extend_from_slice(b"\n\n");
            if let Message::Execute { .. } = delivery.message {
                // One that is lost on the way comes again by the task's retry clock.
                self.poll.voice.reports.report(delivery, Outcome::Delivered);
            }
        }
        chunk.into()
    }
}

impl Stream for Messages {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<Option<Self::Item>> {
        let now = Instant::now();
        if self.ends_at.is_some_and(|ends_at| ends_at <= now) {
            return Polled::Ready(None);
        }
        let Some(alive_at) = self.alive_at else {
            self.alive_at = Some(now);
            return Polled::Ready(Some(Ok(Bytes::from_static(GREETING))));
        };
        let confirm_at = match self.connection.next(cx, now, &self.poll.voice) {
            Next::Ended => return Polled::Ready(None),
            Next::Messages(deliveries) => return Polled::Ready(Some(Ok(self.print(&deliveries)))),
            Next::Nothing(confirm_at) => confirm_at,
        };
        let silent_until = alive_at + KEEP_ALIVE_INTERVAL;
        let wake_at = [confirm_at, self.ends_at].into_iter().flatten().fold(silent_until, Instant::min);
        if self.sleep.deadline() != wake_at {
            self.sleep.as_mut().reset(wake_at);
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Polled::Pending;
        }
        if self.ends_at.is_some_and(|ends_at| ends_at <= wake_at) {
            return Polled::Ready(None);
        }
        self.connection.confirm(now, &self.poll.voice);
        self.alive_at = Some(now);
        Polled::Ready(Some(Ok(Bytes::from_static(KEEP_ALIVE))))
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.poll.disconnect(&self.connection);
    }
}
