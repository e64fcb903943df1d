//! One client's connections to all servers, and the ledger in which everything is noted that goes over them.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use fastrand::Rng;
use resonate_process::events::Events;
use resonate_process::wire::{Connection, Request};
use serde_json::Value as Json;

use super::{PAUSE, Shared};
use crate::book::{Event, Op, Said};

/// What one client has.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) shared: Arc<Shared>,
    pub(super) rng: Rng,
    /// A connection to each server, and which of its processes it leads to.
    connections: Vec<Option<(u64, Connection)>>,
}

impl Link {
    pub(super) fn new(shared: Arc<Shared>, rng: Rng) -> Self {
        let connections = shared.ports.iter().map(|_| None).collect();
        Self { shared, rng, connections }
    }

    /// Asks one of the servers, once. What it says is noted.
    pub(super) fn ask(&mut self, op: &Op, request: &Request) -> Said {
        let said = self.try_to_ask(op, request);
        if matches!(said, Said::Unknown) {
            std::thread::sleep(PAUSE);
        }
        said
    }

    /// The same by a call of today's protocol.
    pub(super) fn call(&mut self, op: &Op, kind: &str, data: &Json) -> Said {
        self.ask(op, &Request::call(kind, data))
    }

    fn try_to_ask(&mut self, op: &Op, request: &Request) -> Said {
        let shared = Arc::clone(&self.shared);
        let _open = shared.gate.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let at = self.rng.usize(..shared.ports.len());
        // Nothing was asked where nobody is there.
        let Some((process, mut connection)) = self.connect(at) else { return Said::Unknown };
        let number = shared.requests.fetch_add(1, Relaxed);
        shared.note(Event::Begun(number, op.clone()));
        let said = match connection.send(request) {
            Ok(answer) => {
                self.connections[at] = Some((process, connection));
                Said::of(op, &answer)
            }
            Err(why) if why.kind() == ErrorKind::WouldBlock => Said::Absurd(format!("{op:?}: no answer: {why}")),
            Err(_) => Said::Unknown,
        };
        shared.note(Event::Ended(number, said.clone()));
        said
    }

    fn connect(&mut self, at: usize) -> Option<(u64, Connection)> {
        let process = self.shared.started[at].load(Relaxed);
        // A connection to a process that is gone is none.
        let open = self.connections[at].take().filter(|(of, _)| *of == process);
        open.or_else(|| Some((process, Connection::open(self.shared.ports[at]).ok()?)))
    }

    /// Asks until there is an answer, or it is over, or the client loses patience; nobody knows then what has become of it.
    pub(super) fn insist(&mut self, op: &Op, request: &Request) -> Said {
        while !self.shared.is_over() {
            let said = self.ask(op, request);
            if !matches!(said, Said::Unknown) || self.rng.u8(..16) == 0 {
                return said;
            }
        }
        Said::Unknown
    }

    /// A connection that takes messages from one of the servers, and after how many events its process was started at the earliest.
    pub(super) fn events(&mut self, path: &str) -> Option<(u64, Events)> {
        let at = self.rng.usize(..self.shared.ports.len());
        let started = self.shared.started[at].load(Relaxed);
        let events = Events::connect(self.shared.ports[at], path, "").filter(|events| events.status == 200);
        if events.is_none() {
            std::thread::sleep(PAUSE);
        }
        events.map(|events| (started, events))
    }

    /// Waits until something new may be begun; false when it is over.
    pub(super) fn may_begin(&self) -> bool {
        while self.shared.is_quiet() && !self.shared.is_over() {
            std::thread::sleep(PAUSE);
        }
        !self.shared.is_over()
    }
}
