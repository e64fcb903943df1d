//! One server as both faces show it: JSON bytes and instants in, JSON bytes out. Owns the shapes of what crosses the boundary beside the two
//! protocols.

use std::fmt;

use resonate_core::address::Mailbox;
#[cfg(feature = "history")]
use resonate_core::local::Happened;
use resonate_core::local::{Local, Went};
use resonate_core::memory::MemoryStore;
use resonate_core::message::{Delivery, MessageKey};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::wire::envelope::print_message;
use resonate_core::wire::rest;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::fault::{Fault, instant, parse_object};
use crate::journal::Journal;
use crate::serve::Serve;
use crate::session::{Session, Stepped};

/// What a server is opened with. Everything has a default.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Options {
    /// Milliseconds after which a dispatched task that nobody acquired is dispatched again.
    retry_timeout: Option<resonate_core::time::Millis>,
    /// Milliseconds that a message to a listener is tried.
    unblock_retention: Option<resonate_core::time::Millis>,
    /// The formal specification to the letter.
    strict: bool,
    /// Whether the requests of debugging are refused.
    no_debug: bool,
    /// The URL that messages to workers carry.
    server_url: Option<String>,
}

impl Options {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Fault> {
        let options: Self = if json.is_empty() { Self::default() } else { parse_object("options", json)? };
        match options.retry_timeout {
            Some(millis) if millis.as_millis() == 0 => {
                Err(Fault::bad("options", "retryTimeout must be at least 1 millisecond"))
            }
            Some(_) | None => Ok(options),
        }
    }

    pub(crate) fn rules(&self) -> Rules {
        let default = Rules::default();
        Rules {
            retry_timeout: self.retry_timeout.unwrap_or(default.retry_timeout),
            unblock_retention: self.unblock_retention.unwrap_or(default.unblock_retention),
            strict: self.strict,
        }
    }
}

/// A message to deliver.
#[derive(Serialize)]
struct DeliveryOut<'a> {
    key: &'a MessageKey,
    version: u64,
    address: &'a str,
    mailbox: Mailbox,
    /// The worker that is preferred, of all that read the mailbox.
    worker: Option<String>,
    message: Box<RawValue>,
}

#[derive(Serialize)]
struct EventsOut<'a> {
    deliveries: Vec<DeliveryOut<'a>>,
    parked: Vec<&'a Mailbox>,
}

/// How a delivery went.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportIn {
    key: MessageKey,
    version: u64,
    went: WentIn,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WentIn {
    Delivered,
    Failed,
    Unclaimed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectedIn {
    mailbox: Mailbox,
    #[serde(default)]
    prefix: Option<String>,
    room: usize,
}

/// A server behind a face.
pub(crate) struct Face {
    server: Box<dyn Serve>,
    server_url: Option<String>,
    debug: bool,
    session: Option<Box<Session>>,
    /// The status of the last answer, HTTP's.
    status: u16,
}

impl fmt::Debug for Face {
    /// Without the server: to show all of it the module would hold the text of every field there is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Face").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Face {
    /// A server that keeps everything in memory.
    pub(crate) fn in_memory(options: Options) -> Self {
        Self::over(options, |rules, debug| Box::new(Local::new(Journal::default(), rules, debug)))
    }

    pub(crate) fn over(options: Options, open: impl FnOnce(Rules, bool) -> Box<dyn Serve>) -> Self {
        let (rules, debug) = (options.rules(), !options.no_debug);
        Self { server: open(rules, debug), server_url: options.server_url, debug, session: None, status: 0 }
    }

    /// A server that goes on from the state of a store, all that happens to it noted. It obeys no debugging: time is its host's alone.
    #[cfg(feature = "history")]
    pub(crate) fn watched(rules: Rules, store: MemoryStore) -> Self {
        let mut server: Box<dyn Serve> = Box::new(Local::new(Journal::of(store, false), rules, false));
        server.watch();
        Self { server, server_url: None, debug: false, session: None, status: 0 }
    }

    /// What has happened since the last time, to a [`Self::watched`] server.
    #[cfg(feature = "history")]
    pub(crate) fn take_log(&mut self) -> Vec<Happened> {
        self.server.take_log()
    }

    /// The status of the last answer of [`Self::process`] and [`Self::rest`].
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Answers an envelope of today's protocol.
    pub(crate) fn process(&mut self, body: &[u8], now: u64) -> Result<Vec<u8>, Fault> {
        let answer = self.server.envelope(body, instant(now)?)?;
        self.status = answer.status;
        Ok(answer.body)
    }

    /// Answers a call of the 2023 API.
    pub(crate) fn rest(&mut self, call: &rest::Call<'_>, now: u64) -> Result<rest::Answer, Fault> {
        let answer = self.server.rest(call, instant(now)?)?;
        self.status = answer.status;
        Ok(answer)
    }

    /// Whether there may be background work at `now`: see [`Self::tick`].
    pub(crate) fn is_due(&self, now: u64) -> Result<bool, Fault> {
        Ok(self.server.is_due(instant(now)?))
    }

    /// Does what is due, see [`Local::tick`].
    pub(crate) fn tick(&mut self, now: u64) -> Result<(), Fault> {
        self.server.tick(instant(now)?)
    }

    /// When something is due next, in milliseconds since the epoch.
    pub(crate) fn next_wakeup(&mut self) -> Result<Option<u64>, Fault> {
        Ok(self.server.next_due()?.map(resonate_core::time::Timestamp::as_millis))
    }

    pub(crate) fn has_events(&self) -> bool {
        self.server.has_events()
    }

    /// What there is to do: `{"deliveries": [{key, version, address, mailbox, worker, message}, …], "parked": [mailbox, …]}`.
    pub(crate) fn events(&mut self) -> Vec<u8> {
        let events = self.server.take_events();
        let out = EventsOut {
            deliveries: events.deliveries.iter().map(|delivery| self.delivery_out(delivery)).collect(),
            parked: events.parked.iter().collect(),
        };
        to_json(&out)
    }

    fn delivery_out<'a>(&self, delivery: &'a Delivery) -> DeliveryOut<'a> {
        let message = print_message(&delivery.message, self.server_url.as_deref());
        let message = String::from_utf8(message).ok().and_then(|text| RawValue::from_string(text).ok());
        let route = delivery.address.route();
        DeliveryOut {
            key: &delivery.key,
            version: delivery.version,
            address: delivery.address.as_str(),
            mailbox: route.mailbox(),
            worker: route.into_worker(),
            message: message.expect("a message is JSON"),
        }
    }

    /// Takes a report of a delivery: `{key, version, went: "delivered" | "failed" | "unclaimed"}`.
    pub(crate) fn report(&mut self, report: &[u8], now: u64) -> Result<(), Fault> {
        let (ReportIn { key, version, went }, now) = (parse_object("report", report)?, instant(now)?);
        let went = match went {
            WentIn::Delivered => Went::Delivered,
            // One caller: nothing comes again together with anybody else's.
            WentIn::Failed => Went::Failed { jitter_permille: 0 },
            WentIn::Unclaimed => Went::Unclaimed,
        };
        self.server.report(key, version, went, now)
    }

    /// Tells that somebody can take messages: `{mailbox, prefix, room}`. They are among the next events.
    pub(crate) fn connected(&mut self, connected: &[u8], now: u64) -> Result<(), Fault> {
        let ConnectedIn { mailbox, prefix, room } = parse_object("connected", connected)?;
        self.server.connected(&mailbox, prefix.as_deref(), room, instant(now)?)
    }

    /// Takes over what a server over the same store had claimed that is gone.
    pub(crate) fn adopt_orphans(&mut self, now: u64) -> Result<(), Fault> {
        self.server.adopt_orphans(instant(now)?)
    }

    /// The whole state, as [`Snapshot`] is written.
    pub(crate) fn snapshot(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(to_json(&self.server.snapshot()?))
    }

    /// Puts a snapshot in place of the whole state.
    pub(crate) fn restore(&mut self, snapshot: &[u8]) -> Result<(), Fault> {
        let snapshot: Snapshot = parse_object("snapshot", snapshot)?;
        let rules = self.server.rules().clone();
        let Some(journal) = self.server.journal() else {
            return Err(Fault::bad("restore", "only a server that keeps everything in memory can be restored"));
        };
        let journaling = journal.is_noting();
        let store = MemoryStore::restore(&rules, &snapshot).map_err(|why| Fault::bad("snapshot", why))?;
        self.server = Box::new(Local::new(Journal::of(store, journaling), rules, self.debug));
        self.session = None;
        Ok(())
    }

    /// From now on [`Self::changes`] tells which rows have changed.
    pub(crate) fn note_changes(&mut self) -> Result<(), Fault> {
        match self.server.journal() {
            Some(journal) => {
                journal.begin();
                Ok(())
            }
            None => {
                Err(Fault::bad("note_changes", "only a server that keeps everything in memory has changes to tell"))
            }
        }
    }

    /// See [`Journal::take`].
    pub(crate) fn changes(&mut self) -> Option<Vec<u8>> {
        self.server.journal()?.take()
    }

    /// Begins a batch whose records lie with the caller: a JSON list of requests.
    pub(crate) fn submit(&mut self, requests: &[u8], now: u64) -> Result<Vec<u8>, Fault> {
        self.session = None;
        let stepped = Session::begin(self.server.rules(), requests, instant(now)?)?;
        Ok(self.take(stepped))
    }

    /// Goes on with the answers to what was to be loaded.
    pub(crate) fn supply(&mut self, answers: &[u8]) -> Result<Vec<u8>, Fault> {
        let session =
            self.session.take().ok_or_else(|| Fault::bad("supply", "no batch waits for records: submit one"))?;
        let stepped = session.supply(answers)?;
        Ok(self.take(stepped))
    }

    fn take(&mut self, stepped: Stepped) -> Vec<u8> {
        match stepped {
            Stepped::Load(session, shown) => {
                self.session = Some(session);
                shown
            }
            Stepped::Commit(shown) => shown,
        }
    }
}

/// The mailboxes that a worker's connection reads: its group's and its own.
pub(crate) fn mailboxes(group: &str, worker: &str) -> [Mailbox; 2] {
    [Mailbox::any(group), Mailbox::uni(group, worker)]
}

fn to_json<T: Serialize>(json: &T) -> Vec<u8> {
    serde_json::to_vec(json).expect("what is printed is plain JSON")
}

#[cfg(test)]
mod tests;
