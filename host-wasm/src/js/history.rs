//! A history for JavaScript: what the playground is made of. Bytes are `Uint8Array`s of JSON, or of lines of JSON.

use wasm_bindgen::prelude::wasm_bindgen;

use super::{Thrown, millis, thrown};
use crate::face::Options;
use crate::history::History;

/// Everything that happened to a server, step by step, and the server that goes on from there.
#[wasm_bindgen(js_name = History)]
#[derive(Debug)]
pub struct JsHistory {
    history: History,
}

#[wasm_bindgen(js_class = History)]
impl JsHistory {
    /// A history in which nothing has happened yet, at `now`. `options` is JSON, or empty: those of a machine that say how it decides.
    ///
    /// # Errors
    /// When the options do not fit, or `now` is no instant.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str, now: f64) -> Thrown<Self> {
        let rules = Options::parse(options.as_bytes()).map_err(thrown)?.rules();
        Ok(Self { history: History::new(rules, millis(now)?).map_err(thrown)? })
    }

    /// The history of a recording, or of the short form that [`Self::short`] gives.
    ///
    /// # Errors
    /// Names the line that cannot be replayed.
    pub fn parse(text: &[u8]) -> Thrown<Self> {
        Ok(Self { history: History::parse(text).map_err(thrown)? })
    }

    /// How many steps there are.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn length(&self) -> usize {
        self.history.len()
    }

    /// What the history began with: `{server, now, redacted, rules}`.
    #[must_use]
    pub fn start(&self) -> Vec<u8> {
        self.history.start()
    }

    /// Steps at a glance, from the first to before the last one: `[{kind, now, by, worker, req, outcome, refusal, sent, difference}, …]`.
    #[must_use]
    pub fn glances(&self, first: usize, end: usize) -> Vec<u8> {
        self.history.glances(first, end)
    }

    /// A step, from 0, with all that came of it: `{…, res, writes: [{table, key, before, after}, …], effects, replaced, recorded}`.
    ///
    /// # Errors
    /// When there is no such step.
    pub fn step(&mut self, number: usize) -> Thrown<Vec<u8>> {
        self.history.step(number).map_err(thrown)
    }

    /// The state after so many steps: a snapshot, and with `projected` what deadlines that have passed at `now` make of its promises.
    ///
    /// # Errors
    /// When there are fewer steps, or `now` is no instant.
    pub fn state(&mut self, length: usize, now: f64) -> Thrown<Vec<u8>> {
        self.history.state(length, millis(now)?).map_err(thrown)
    }

    /// Answers an envelope of today's protocol. An instant before the last step counts as that one, here and below.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn perform(&mut self, envelope: &str, now: f64) -> Thrown<Vec<u8>> {
        self.history.perform(envelope.as_bytes(), millis(now)?).map_err(thrown)
    }

    /// The status of the last answer, HTTP's; 0 before the first.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.history.status()
    }

    /// Does everything that is due.
    ///
    /// # Errors
    /// When `now` is no instant.
    pub fn tick(&mut self, now: f64) -> Thrown<()> {
        self.history.tick(millis(now)?).map_err(thrown)
    }

    /// Takes a report of a delivery, as a machine does.
    ///
    /// # Errors
    /// When the report does not fit.
    pub fn report(&mut self, report: &str, now: f64) -> Thrown<()> {
        self.history.report(report.as_bytes(), millis(now)?).map_err(thrown)
    }

    /// Tells that somebody can take messages, as a machine is told.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn connected(&mut self, connected: &str, now: f64) -> Thrown<()> {
        self.history.connected(connected.as_bytes(), millis(now)?).map_err(thrown)
    }

    /// Takes over messages that were under way before the history was read or cut.
    ///
    /// # Errors
    /// When `now` is no instant.
    #[wasm_bindgen(js_name = adoptOrphans)]
    pub fn adopt_orphans(&mut self, now: f64) -> Thrown<()> {
        self.history.adopt_orphans(millis(now)?).map_err(thrown)
    }

    /// What there is to do, as of a machine.
    pub fn events(&mut self) -> Vec<u8> {
        self.history.events()
    }

    /// When something is due next, if ever.
    ///
    /// # Errors
    /// None that can happen.
    #[wasm_bindgen(js_name = nextWakeup)]
    pub fn next_wakeup(&mut self) -> Thrown<Option<f64>> {
        let next = self.history.next_wakeup().map_err(thrown)?;
        // At most 2^53-1, which is exact.
        Ok(next.map(|millis| millis as f64))
    }

    /// Forgets the steps behind the first `length`, and goes on from there.
    ///
    /// # Errors
    /// When there are fewer steps.
    pub fn truncate(&mut self, length: usize) -> Thrown<()> {
        self.history.truncate(length).map_err(thrown)
    }

    /// The history as a recording.
    #[must_use]
    pub fn recording(&self) -> Vec<u8> {
        self.history.recording()
    }

    /// The history in its short form, for links: without what follows from the rest.
    #[must_use]
    pub fn short(&self) -> Vec<u8> {
        self.history.short()
    }
}
