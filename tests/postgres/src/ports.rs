//! Ports of the loopback for what is started by tests.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports that the system gives to nobody by itself, so that a client's port is never in the way of who comes back to his own.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port of the loopback that is free now, and another one at each call. Each process starts at another place, so that test runs side by side do
/// not race for the same.
///
/// # Panics
/// When every port is taken.
#[must_use]
pub fn free_port() -> u16 {
    static FIRST: LazyLock<u16> = LazyLock::new(|| fastrand::u16(PORTS));
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let ports = PORTS.end - PORTS.start;
    let next = || {
        let offset = (*FIRST - PORTS.start).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + offset % ports;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    };
    (0..ports).find_map(|_| next()).expect("a free port of the loopback")
}
