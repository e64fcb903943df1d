//! Clients and workers that do not give up: what a server cannot do now, or does not live to say, they ask for again. All that they do and are told
//! is in one ledger. They can be held between two requests, so that somebody can look at the store while nothing is under way.

mod link;
mod plain;
mod rest;
mod schedules;
mod workers;
mod workflows;

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use resonate_core::value::Value;

use crate::book::{Book, Event};
use link::Link;

/// What a client waits before it asks again.
const PAUSE: Duration = Duration::from_millis(10);
/// Far away: nothing times out here.
const TIMEOUT: u64 = 2_524_608_000_000;
/// The group of the workers.
const WORKERS: &str = "workers";
/// The group of those who are told of settled promises.
const LISTENERS: &str = "listeners";
/// Listeners, each with an address of its own.
const LISTENERS_COUNT: usize = 2;
/// Workers, each with a connection of its own.
const WORKERS_COUNT: usize = 3;

/// Events as they are noted, for who wants to go back to any moment, and the file in which each leaves a mark.
#[derive(Debug)]
pub struct Tape {
    /// Everything so far.
    pub events: Vec<Event>,
    /// Where a mark is made after each.
    pub marks: File,
}

/// What all clients together know.
#[derive(Debug, Default)]
pub struct Ledger {
    /// What follows from the events.
    pub book: Book,
    /// The events themselves, where somebody wants them.
    pub tape: Option<Tape>,
}

impl Ledger {
    fn note(&mut self, event: Event) {
        if let Some(tape) = &mut self.tape {
            tape.events.push(event.clone());
            let mark = crate::power::mark(tape.events.len() as u64);
            tape.marks.write_all(&mark).expect("a mark");
        }
        self.book.note(event);
    }
}

/// What clients share with each other and with who torments their servers.
#[derive(Debug)]
pub struct Shared {
    ledger: Mutex<Ledger>,
    /// Read by who asks, written by who wants nobody to.
    gate: RwLock<()>,
    ports: Vec<u16>,
    /// For each server, after how many events its process was started.
    started: Vec<AtomicU64>,
    /// Numbers of requests.
    requests: AtomicU64,
    /// Nothing new is begun.
    quiet: AtomicBool,
    over: AtomicBool,
}

impl Shared {
    /// For servers at these ports, which are about to be used for the first time.
    #[must_use]
    pub fn new(ports: Vec<u16>, tape: Option<Tape>) -> Arc<Self> {
        let started = ports.iter().map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self {
            ledger: Mutex::new(Ledger { book: Book::default(), tape }),
            gate: RwLock::new(()),
            ports,
            started,
            requests: AtomicU64::new(0),
            quiet: AtomicBool::new(false),
            over: AtomicBool::new(false),
        })
    }

    /// What is known.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, event: Event) {
        self.ledger().note(event);
    }

    /// Waits for the answers that are under way, and holds everybody who wants to ask for more.
    pub fn hold(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server is about to be started anew.
    pub fn starting(&self, at: usize) {
        let events = self.ledger().book.events();
        self.started[at].store(events, Relaxed);
    }

    /// Lets nobody begin anything new.
    pub fn quiet(&self, is_quiet: bool) {
        self.quiet.store(is_quiet, Relaxed);
    }

    fn is_quiet(&self) -> bool {
        self.quiet.load(Relaxed)
    }

    fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }
}

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Longest payload in bytes.
    pub payload_bytes_max: usize,
    /// Clients of the API of 2023, and as many of today's protocol.
    pub clients: usize,
}

/// Clients and workers at work.
#[derive(Debug)]
pub struct Load {
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl Load {
    /// Starts them.
    #[must_use]
    pub fn start(shared: &Arc<Shared>, mix: Mix, rng: &mut Rng) -> Self {
        let mut load = Self { threads: Vec::new(), shared: Arc::clone(shared) };
        for number in 0..mix.clients {
            load.spawn(rng, move |link| rest::write(link, &format!("rest-{number}"), mix));
            load.spawn(rng, move |link| plain::write(link, &format!("plain-{number}"), mix));
        }
        load.spawn(rng, workflows::start);
        load.spawn(rng, workflows::hold);
        load.spawn(rng, workflows::interrupt);
        load.spawn(rng, schedules::write);
        for number in 0..WORKERS_COUNT {
            load.spawn(rng, move |link| workers::work(link, &format!("w{number}")));
        }
        for number in 0..LISTENERS_COUNT {
            load.spawn(rng, move |link| workers::listen(link, &format!("l{number}")));
        }
        load
    }

    fn spawn(&mut self, rng: &mut Rng, client: impl FnOnce(&mut Link) + Send + 'static) {
        let mut link = Link::new(Arc::clone(&self.shared), rng.fork());
        self.threads.push(std::thread::spawn(move || client(&mut link)));
    }

    /// Whether a client has given up, which none does.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Says that it is over. Workers notice when their connections end.
    pub fn end(&self) {
        self.shared.over.store(true, Relaxed);
    }

    /// Waits for the end of all of them.
    ///
    /// # Panics
    /// When one of them has.
    pub fn join(self) {
        self.threads.into_iter().for_each(|thread| thread.join().expect("a client that does not panic"));
    }
}

/// Something random of a random length.
fn payload(longest: usize, rng: &mut Rng) -> Value {
    let bytes: Vec<u8> = (0..rng.usize(1..longest)).map(|_| rng.u8(..)).collect();
    let headers = [("bytes".to_owned(), bytes.len().to_string())].into();
    Value { headers: Some(headers), data: Some(STANDARD.encode(bytes)) }
}

/// One of the addresses of those who listen.
fn listener(rng: &mut Rng) -> String {
    format!("poll://uni@{LISTENERS}/l{}", rng.usize(..LISTENERS_COUNT))
}
