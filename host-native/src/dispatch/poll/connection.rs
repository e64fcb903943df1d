//! One connection of a worker: its queue, and what was written to it and may still be lost. It gives back everything it has not got across when
//! it ends, whichever end it is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use resonate_core::address::Mailbox;
use resonate_core::message::{Delivery, Message, MessageKey};
use tokio::time::Instant;

use super::Subscriber;
use super::limits::{CHUNK_BYTES_MAX, KEEP_ALIVE_INTERVAL, QUEUE_BYTES_MAX, WRITTEN_MAX};
use crate::dispatch::{Outcome, Voice};
use crate::engine::Pull;

/// A message that was written to the connection; nobody knows yet whether it has arrived.
#[derive(Debug)]
struct Written {
    at: Instant,
    key: MessageKey,
    version: u64,
}

/// What tells the connections of a group apart. Whoever connects for another prefix under the same name takes nothing over: it could end the
/// connections of others, and would not be given their messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) worker: Arc<str>,
    pub(super) prefix: Option<Arc<str>>,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) name: Name,
    /// Of its group, and its own.
    pub(super) mailboxes: [Mailbox; 2],
    queue_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Delivery>,
    queue_bytes: usize,
    written: VecDeque<Written>,
    /// Messages may wait for this connection to have room.
    has_backlog: bool,
    is_closed: bool,
    waker: Option<Waker>,
}

/// What a connection has for its stream.
pub(super) enum Next {
    /// The connection has ended.
    Ended,
    /// Messages to be written.
    Messages(Vec<Delivery>),
    /// Nothing now; something is to be confirmed at this instant, if any.
    Nothing(Option<Instant>),
}

impl State {
    fn room(&self, queue_max: usize) -> usize {
        let is_full = self.queue_bytes >= QUEUE_BYTES_MAX || self.written.len() >= WRITTEN_MAX;
        if self.is_closed || is_full { 0 } else { queue_max.saturating_sub(self.queue.len()) }
    }
}

impl Connection {
    pub(super) fn new(subscriber: Subscriber, mailboxes: [Mailbox; 2], queue_max: usize) -> Self {
        let Subscriber { group: _, worker, prefix, lasts: _ } = subscriber;
        let name = Name { worker: worker.into(), prefix: prefix.map(Arc::from) };
        Self { name, mailboxes, queue_max, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message, or gives it back.
    pub(super) fn offer(&self, delivery: Delivery) -> Result<(), Delivery> {
        if self.name.prefix.as_deref().is_some_and(|prefix| !delivery.key.id().starts_with(prefix)) {
            return Err(delivery);
        }
        let waker = {
            let mut state = self.lock();
            if state.room(self.queue_max) == 0 {
                return Err(delivery);
            }
            state.queue_bytes += delivery.message.weight();
            state.queue.push_back(delivery);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Asks for what waits in its mailboxes.
    pub(super) fn pull(&self, voice: &Voice) {
        for mailbox in &self.mailboxes {
            self.pull_from(mailbox, voice);
        }
    }

    /// Asks for what waits in a mailbox, now if there is room, else once there is. Returns whether it asked.
    pub(super) fn pull_from(&self, mailbox: &Mailbox, voice: &Voice) -> bool {
        let room = {
            let mut state = self.lock();
            let room = state.room(self.queue_max);
            state.has_backlog |= room == 0;
            room
        };
        if room > 0 {
            // An error means that the server stops.
            let prefix = self.name.prefix.as_deref().map(str::to_owned);
            let _ = voice.pulls.send(Pull { mailbox: mailbox.clone(), prefix, room });
        }
        room > 0
    }

    /// What is to be written next. When there is nothing, the task of `cx` is woken once there is.
    pub(super) fn next(&self, cx: &Context<'_>, now: Instant, voice: &Voice) -> Next {
        let mut state = self.lock();
        if state.is_closed {
            return Next::Ended;
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while bytes < CHUNK_BYTES_MAX
            && let Some(delivery) = state.queue.pop_front()
        {
            bytes += delivery.message.weight();
            if let Message::Unblock { .. } = delivery.message {
                let (key, version) = (delivery.key.clone(), delivery.version);
                state.written.push_back(Written { at: now, key, version });
            }
            taken.push(delivery);
        }
        if taken.is_empty() {
            state.waker = Some(cx.waker().clone());
            return Next::Nothing(state.written.front().map(|written| written.at + KEEP_ALIVE_INTERVAL));
        }
        state.queue_bytes -= bytes;
        let pulls = state.queue.len() <= self.queue_max / 2 && std::mem::take(&mut state.has_backlog);
        drop(state);
        if pulls {
            self.pull(voice);
        }
        Next::Messages(taken)
    }

    /// The connection is still open: what was written one interval ago has arrived.
    pub(super) fn confirm(&self, now: Instant, voice: &Voice) {
        let mut state = self.lock();
        let old = state.written.partition_point(|written| written.at + KEEP_ALIVE_INTERVAL <= now);
        let arrived: Vec<Written> = state.written.drain(..old).collect();
        let pulls = state.room(self.queue_max) > 0 && std::mem::take(&mut state.has_backlog);
        drop(state);
        if pulls {
            self.pull(voice);
        }
        for Written { at: _, key, version } in arrived {
            voice.reports.report_key(key, version, Outcome::Delivered);
        }
    }

    /// Ends the connection. What it has not got across waits for another one.
    pub(super) fn close(&self, voice: &Voice) {
        let (queue, written, waker) = {
            let mut state = self.lock();
            state.is_closed = true;
            state.queue_bytes = 0;
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.written), state.waker.take())
        };
        for Written { at: _, key, version } in written {
            voice.reports.report_key(key, version, Outcome::Unclaimed);
        }
        for delivery in queue {
            voice.reports.report(&delivery, Outcome::Unclaimed);
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
