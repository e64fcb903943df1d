//! The face for JavaScript: one class. Bytes are `Uint8Array`s, instants are numbers of milliseconds since the epoch; a fault is thrown as the
//! JSON text of `{"kind": …, "error": …}`. The package around it makes of that what JavaScript expects.

#[cfg(feature = "history")]
mod history;
mod scan;
mod store;

use resonate_core::local::Local;
use resonate_core::time::MILLIS_MAX;
use resonate_core::wire::rest;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::face::{Face, Options};
use crate::fault::Fault;
use crate::panic;

#[cfg(feature = "history")]
pub use history::JsHistory;
pub use store::JsStore;

use store::Outside;

type Thrown<T> = Result<T, JsValue>;

/// Keeps what a panic says, see [`panic_message`].
#[wasm_bindgen(start)]
pub fn start() {
    panic::listen();
}

/// What made the module trap; empty when nothing has. The only thing to ask of a module that has trapped.
#[wasm_bindgen(js_name = panicMessage)]
#[must_use]
pub fn panic_message() -> String {
    panic::said(str::to_owned)
}

/// A server.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Machine {
    face: Face,
    /// The methods that the last answer of [`Self::rest`] names.
    allow: Option<&'static str>,
}

#[wasm_bindgen]
impl Machine {
    /// A server that keeps everything in memory. `options` is JSON, or empty.
    ///
    /// # Errors
    /// When the options do not fit.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str) -> Thrown<Self> {
        let options = Options::parse(options.as_bytes()).map_err(thrown)?;
        Ok(Self { face: Face::in_memory(options), allow: None })
    }

    /// A server over a store on the other side.
    ///
    /// # Errors
    /// When the options do not fit.
    pub fn over(store: JsStore, options: &str) -> Thrown<Self> {
        let options = Options::parse(options.as_bytes()).map_err(thrown)?;
        let face = Face::over(options, |rules, debug| Box::new(Local::new(Outside::new(store), rules, debug)));
        Ok(Self { face, allow: None })
    }

    /// Answers an envelope of today's protocol.
    ///
    /// # Errors
    /// The store's.
    pub fn process(&mut self, body: &[u8], now: f64) -> Thrown<Vec<u8>> {
        self.face.process(body, millis(now)?).map_err(thrown)
    }

    /// Answers a call of the 2023 API: method, path and query of its URL, the headers `Idempotency-Key` and `Strict`, the body.
    ///
    /// # Errors
    /// The store's.
    #[expect(clippy::too_many_arguments, reason = "an object would cost more to take apart than it tells")]
    #[expect(clippy::needless_pass_by_value, reason = "optional texts arrive owned")]
    pub fn rest(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        key: Option<String>,
        strict: Option<String>,
        body: &[u8],
        now: f64,
    ) -> Thrown<Vec<u8>> {
        let call = rest::Call { method, path, query, key: key.as_deref(), strict: strict.as_deref(), body };
        let answer = self.face.rest(&call, millis(now)?).map_err(thrown)?;
        self.allow = answer.allow;
        Ok(answer.body)
    }

    /// The methods that the path of the last call of [`Self::rest`] takes, when its own is none of them.
    #[must_use]
    pub fn allow(&self) -> Option<String> {
        self.allow.map(str::to_owned)
    }

    /// The status of the last answer, HTTP's; 0 before the first.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.face.status()
    }

    /// Whether there may be background work at `now`. Cheap: nothing is looked up.
    ///
    /// # Errors
    /// When `now` is no instant.
    #[wasm_bindgen(js_name = isDue)]
    pub fn is_due(&self, now: f64) -> Thrown<bool> {
        self.face.is_due(millis(now)?).map_err(thrown)
    }

    /// Does what is due at `now`, so much of it that nobody waits long: while [`Self::is_due`] holds behind it, call it again.
    ///
    /// # Errors
    /// The store's.
    pub fn tick(&mut self, now: f64) -> Thrown<()> {
        self.face.tick(millis(now)?).map_err(thrown)
    }

    /// When something is due next, if ever.
    ///
    /// # Errors
    /// The store's.
    #[wasm_bindgen(js_name = nextWakeup)]
    pub fn next_wakeup(&mut self) -> Thrown<Option<f64>> {
        let next = self.face.next_wakeup().map_err(thrown)?;
        // At most 2^53-1, which is exact.
        Ok(next.map(|millis| millis as f64))
    }

    /// Whether there is something to do: see [`Self::events`].
    #[wasm_bindgen(js_name = hasEvents)]
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.face.has_events()
    }

    /// What there is to do, as JSON: `{"deliveries": [{key, version, address, mailbox, worker, message}, …], "parked": [mailbox, …]}`.
    pub fn events(&mut self) -> Vec<u8> {
        self.face.events()
    }

    /// Takes a report of a delivery, JSON: `{key, version, went: "delivered" | "failed" | "unclaimed"}`.
    ///
    /// # Errors
    /// When the report does not fit, and the store's.
    pub fn report(&mut self, report: &[u8], now: f64) -> Thrown<()> {
        self.face.report(report, millis(now)?).map_err(thrown)
    }

    /// Tells that somebody can take messages, JSON: `{mailbox, prefix, room}`. They are among the next events.
    ///
    /// # Errors
    /// When it does not fit, and the store's.
    pub fn connected(&mut self, connected: &[u8], now: f64) -> Thrown<()> {
        self.face.connected(connected, millis(now)?).map_err(thrown)
    }

    /// Takes over the messages that a server over the same store had under way which is gone.
    ///
    /// # Errors
    /// The store's.
    #[wasm_bindgen(js_name = adoptOrphans)]
    pub fn adopt_orphans(&mut self, now: f64) -> Thrown<()> {
        self.face.adopt_orphans(millis(now)?).map_err(thrown)
    }

    /// The whole state as JSON.
    ///
    /// # Errors
    /// The store's.
    pub fn snapshot(&mut self) -> Thrown<Vec<u8>> {
        self.face.snapshot().map_err(thrown)
    }

    /// Puts a snapshot in place of the whole state.
    ///
    /// # Errors
    /// When the snapshot is none, or contradicts itself; then nothing has changed.
    pub fn restore(&mut self, snapshot: &[u8]) -> Thrown<()> {
        self.face.restore(snapshot).map_err(thrown)
    }

    /// From now on [`Self::changes`] tells which rows have changed.
    ///
    /// # Errors
    /// When the server's store lies on the other side.
    #[wasm_bindgen(js_name = noteChanges)]
    pub fn note_changes(&mut self) -> Thrown<()> {
        self.face.note_changes().map_err(thrown)
    }

    /// The rows that have changed since the last time, JSON: `{"reset": …, "rows": [[table, key, row or null], …]}`; nothing when none have.
    pub fn changes(&mut self) -> Option<Vec<u8>> {
        self.face.changes()
    }
}

/// The mailboxes that a worker's connection reads: its group's and its own.
#[wasm_bindgen]
#[must_use]
pub fn mailboxes(group: &str, worker: &str) -> Vec<String> {
    crate::face::mailboxes(group, worker).iter().map(|mailbox| mailbox.as_str().to_owned()).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn thrown(fault: Fault) -> JsValue {
    JsValue::from_str(&String::from_utf8_lossy(&fault.to_json()))
}

/// Reads an instant. A number that is none must not become one.
fn millis(now: f64) -> Thrown<u64> {
    if now.fract() == 0.0 && (0.0..=MILLIS_MAX as f64).contains(&now) {
        return Ok(now as u64);
    }
    let why = format_args!("must be an integer number of milliseconds from 0 to {MILLIS_MAX}, not {now}");
    Err(thrown(Fault::bad("now", why)))
}
