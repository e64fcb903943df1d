//! Clients that write to any of several servers and do not give up: what a server cannot do now, or does not live to say, they ask another one for
//! again. They remember what they were answered, and hold every server to it.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value as Json, json};

use super::fleet::Fleet;
use crate::server::eventually;
use crate::server::load::{self as ledger, Ended, SMALL_BYTES_MAX, Sent, TIMEOUT, Written, payload};
use crate::server::wire::{Answer, Connection, Request};

/// What a client waits before it asks again.
const PAUSE: Duration = Duration::from_millis(25);

/// Clients at work.
pub(super) struct Load {
    name: &'static str,
    clients: Vec<JoinHandle<Vec<Written>>>,
    seen: Arc<Seen>,
    started: Instant,
}

/// What all clients together have met with.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// Answers with 503.
    refused: AtomicU64,
    /// Connections that ended, or were not made.
    broken: AtomicU64,
    slowest_millis: AtomicU64,
}

impl Load {
    /// Starts clients, whose ids begin with a name.
    pub(super) fn start(fleet: &Fleet, name: &'static str, clients: usize, rng: &mut Rng) -> Self {
        let seen = Arc::new(Seen::default());
        let start = |client: usize| {
            let ports = fleet.ports();
            let connections = ports.iter().map(|_| None).collect();
            let name = format!("{name}-{client}");
            let client = Client { name, ports, connections, rng: rng.fork(), seen: Arc::clone(&seen) };
            std::thread::spawn(move || client.write_until_stopped())
        };
        let clients = (0..clients).map(start).collect();
        Self { name, clients, seen, started: Instant::now() }
    }

    /// Waits until so many more writes were acknowledged.
    pub(super) fn wait_for_more(&self, writes: u64) {
        let before = self.seen.acknowledged.load(Relaxed);
        eventually("work goes on", || {
            assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client has failed");
            (self.seen.acknowledged.load(Relaxed) >= before + writes).then_some(())
        });
    }

    /// Requests so far that were answered with 503.
    pub(super) fn refused(&self) -> u64 {
        self.seen.refused.load(Relaxed)
    }

    /// Ends the clients, and checks that every server knows what was acknowledged, and the rest wholly or not at all.
    pub(super) fn end(self, fleet: &Fleet) {
        self.seen.stop.store(true, Relaxed);
        let written: Vec<Written> =
            self.clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
        let servers: Vec<_> = fleet.servers().collect();
        let mut known = ledger::check(servers[0], &written, Ended::Killed);
        ledger::repeat(servers[servers.len() - 1], &written, &mut known);
        for server in servers {
            // A search reads by other indexes than a read by id.
            let mut found = ledger::search_all(server);
            found.retain(|id, _| id.starts_with(self.name));
            assert!(found == known, "a server knows something else: {} and {} promises", found.len(), known.len());
        }
        let Seen { stop: _, acknowledged, refused, broken, slowest_millis } = &*self.seen;
        println!(
            "{}: in {:?} {acknowledged:?} writes were acknowledged, {refused:?} refused, {broken:?} broken off; the slowest answer took {slowest_millis:?} ms",
            self.name,
            self.started.elapsed(),
        );
    }
}

/// One client, with a connection to each server.
struct Client {
    name: String,
    ports: Vec<u16>,
    connections: Vec<Option<Connection>>,
    rng: Rng,
    seen: Arc<Seen>,
}

impl Client {
    fn write_until_stopped(mut self) -> Vec<Written> {
        let mut written = Vec::new();
        while !self.is_over() {
            let id = format!("{}-{}", self.name, written.len());
            let asked = json!({"param": payload(SMALL_BYTES_MAX, &mut self.rng), "timeout": TIMEOUT, "tags": {"client": self.name}});
            let create = self.write(&id, "create", asked);
            let mut promise = Written { id, create, settle: None };
            if let Some(created) = &promise.create.answer {
                self.read(&promise.id, created);
                if self.rng.u8(..3) > 0 {
                    let verb = ["resolve", "reject", "cancel"][self.rng.usize(..3)];
                    let value = payload(SMALL_BYTES_MAX, &mut self.rng);
                    let settle = self.write(&promise.id, verb, json!({"value": value}));
                    if let Some(settled) = &settle.answer {
                        self.read(&promise.id, settled);
                    }
                    promise.settle = Some((verb, settle));
                }
            }
            written.push(promise);
        }
        written
    }

    /// Writes until it is acknowledged. Now and then a client gives up after a failure: nobody knows then what has become of the write.
    fn write(&mut self, id: &str, verb: &str, asked: Json) -> Sent {
        let mut sent = Sent { asked, key: format!("{id}-{verb}"), answer: None };
        let request = Request::write(id, verb, &sent.key, &sent.asked);
        let mut fresh = true;
        while !self.is_over() {
            if let Some(answer) = self.send(&request) {
                let expected: &[u16] = if fresh { &[201] } else { &[200, 201] };
                assert!(expected.contains(&answer.status), "{verb} {id}: {} {}", answer.status, answer.text());
                self.seen.acknowledged.fetch_add(1, Relaxed);
                sent.answer = Some(answer.json());
                return sent;
            }
            fresh = false;
            if self.rng.u8(..8) == 0 {
                return sent;
            }
            std::thread::sleep(PAUSE);
        }
        sent
    }

    /// Reads by any server what one of them has acknowledged.
    fn read(&mut self, id: &str, known: &Json) {
        if let Some(answer) = self.send(&Request::get(&format!("/promises/{id}"))) {
            assert_eq!((answer.status, &answer.json()), (200, known), "a server does not know what was acknowledged");
        }
    }

    /// The answer of one of the servers, if it is there and can.
    fn send(&mut self, request: &Request) -> Option<Answer> {
        let at = self.rng.usize(..self.ports.len());
        let asked = Instant::now();
        let open = self.connections[at].take().map_or_else(|| Connection::open(self.ports[at]), Ok);
        let answer = open.and_then(|mut connection| Ok((connection.send(request)?, connection)));
        let millis = u64::try_from(asked.elapsed().as_millis()).expect("a short time");
        self.seen.slowest_millis.fetch_max(millis, Relaxed);
        match answer {
            Ok((answer, connection)) => {
                self.connections[at] = Some(connection);
                if answer.status != 503 {
                    return Some(answer);
                }
                assert!(answer.header("retry-after").is_some(), "{answer:?}");
                self.seen.refused.fetch_add(1, Relaxed);
            }
            // A server that is there answers.
            Err(why) if why.kind() == ErrorKind::WouldBlock => panic!("no answer within {:?}", asked.elapsed()),
            Err(_) => {
                self.seen.broken.fetch_add(1, Relaxed);
            }
        }
        None
    }

    fn is_over(&self) -> bool {
        self.seen.stop.load(Relaxed)
    }
}
