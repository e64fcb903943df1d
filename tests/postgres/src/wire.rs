//! What lies between a cluster and its clients: a port that leads to another one of the loopback, until it is cut, falls silent or refuses. Knows
//! nothing of what it carries.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use crate::ports::free_port;

/// A port of its own that carries bytes to and from another.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    shared: Arc<Shared>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    to: u16,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    refusing: bool,
    accepted: u64,
    lines: BTreeMap<u64, Arc<Line>>,
}

/// A connection of a client, and the one that was made for it.
#[derive(Debug)]
struct Line {
    near: TcpStream,
    far: OnceLock<TcpStream>,
    cut: AtomicBool,
}

impl Wire {
    /// A wire to a port of the loopback.
    ///
    /// # Panics
    /// When the system has no port for it.
    #[must_use]
    pub fn to(to: u16) -> Self {
        let shared = Arc::new(Shared { to, state: Mutex::default(), changed: Condvar::new() });
        let wire = Self { port: free_port(), shared, listening: Mutex::new(None) };
        wire.listen();
        wire
    }

    /// Where clients connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections that it carries now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().lines.len()
    }

    /// Ends every connection. New ones are carried.
    pub fn cut(&self) {
        let lines = std::mem::take(&mut self.shared.state().lines);
        lines.values().for_each(|line| line.cut());
        self.shared.changed.notify_all();
    }

    /// Falls silent: connections stay and new ones are taken, but nothing is carried in either direction until it goes on. What was sent meanwhile
    /// arrives then.
    pub fn hold(&self) {
        self.shared.state().held = true;
    }

    /// Refuses new connections, also those that are just being made. Those that it carries stay, unless they are cut.
    ///
    /// # Panics
    /// When the thread that listens has panicked.
    pub fn refuse(&self) {
        let Some(listening) = self.listening.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.shared.state().refusing = true;
        // It wakes up for a connection only.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        listening.join().expect("a thread that does not panic");
    }

    /// Carries again, and takes connections on its old port.
    pub fn go_on(&self) {
        let mut state = self.shared.state();
        let refused = std::mem::take(&mut state.refusing);
        state.held = false;
        drop(state);
        self.shared.changed.notify_all();
        if refused {
            self.listen();
        }
    }

    fn listen(&self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("a port that is its own");
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::spawn(move || {
            for near in listener.incoming() {
                if shared.state().refusing {
                    return;
                }
                if let Ok(near) = near {
                    shared.accept(near);
                }
            }
        });
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.refuse();
        self.cut();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, near: TcpStream) {
        let line = Arc::new(Line { near, far: OnceLock::new(), cut: AtomicBool::new(false) });
        let mut state = self.state();
        state.accepted += 1;
        let number = state.accepted;
        state.lines.insert(number, Arc::clone(&line));
        drop(state);
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            shared.carry(&line);
            shared.state().lines.remove(&number);
        });
    }

    /// Carries what a client says and hears, to the end of both.
    fn carry(&self, line: &Line) {
        if !self.may_pass(line) {
            return;
        }
        let Ok(far) = TcpStream::connect(("127.0.0.1", self.to)) else { return line.cut() };
        let far = line.far.get_or_init(|| far);
        let near = &line.near;
        if near.set_nodelay(true).and(far.set_nodelay(true)).is_err() || !self.may_pass(line) {
            return line.cut();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| self.pump(line, near, far));
            self.pump(line, far, near);
        });
    }

    fn pump(&self, line: &Line, mut from: &TcpStream, mut to: &TcpStream) {
        let mut bytes = [0; 16 << 10];
        loop {
            let length = from.read(&mut bytes).unwrap_or(0);
            if !self.may_pass(line) {
                return;
            }
            if length == 0 || to.write_all(&bytes[..length]).is_err() {
                // The other direction may go on.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }

    /// Waits while nothing passes; false when nothing ever will.
    fn may_pass(&self, line: &Line) -> bool {
        let waits = |state: &mut State| state.held && !line.is_cut();
        drop(self.changed.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner));
        !line.is_cut()
    }
}

impl Line {
    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for stream in [Some(&self.near), self.far.get()].into_iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }
}
