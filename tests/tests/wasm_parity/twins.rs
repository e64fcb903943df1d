//! A server in the module and one beside it that is not, asked the same: every answer, event and instant of the one must be the other's.

use resonate_core::address::Mailbox;
use resonate_core::local::{Events, Local, Went};
use resonate_core::memory::MemoryStore;
use resonate_core::message::{Delivery, MessageKey};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::wire::envelope::print_message;
use resonate_wasm_driver::{Instance, Module};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::calls::OwnedCall;

/// What both are opened with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) rules: Rules,
    pub(super) debug: bool,
    pub(super) server_url: Option<String>,
}

impl Settings {
    fn options(&self) -> Vec<u8> {
        let Self { rules: Rules { retry_timeout, unblock_retention, strict }, debug, server_url } = self;
        let options = json!({
            "retryTimeout": retry_timeout, "unblockRetention": unblock_retention, "strict": strict, "noDebug": !debug,
            "serverUrl": server_url,
        });
        options.to_string().into_bytes()
    }
}

#[derive(Serialize)]
struct DeliveryOut<'a> {
    key: &'a MessageKey,
    version: u64,
    address: &'a str,
    mailbox: Mailbox,
    worker: Option<String>,
    message: Box<RawValue>,
}

#[derive(Serialize)]
struct EventsOut<'a> {
    deliveries: Vec<DeliveryOut<'a>>,
    parked: Vec<&'a Mailbox>,
}

fn print_events(events: &Events, server_url: Option<&str>) -> Vec<u8> {
    let delivery_out = |delivery| {
        let Delivery { key, version, address, message }: &Delivery = delivery;
        let message = String::from_utf8(print_message(message, server_url)).expect("a message is text");
        let message = RawValue::from_string(message).expect("a message is JSON");
        let mailbox = address.route().mailbox();
        let worker = address.route().into_worker();
        DeliveryOut { key, version: *version, address: address.as_str(), mailbox, worker, message }
    };
    let deliveries = events.deliveries.iter().map(delivery_out).collect();
    serde_json::to_vec(&EventsOut { deliveries, parked: events.parked.iter().collect() }).expect("events are JSON")
}

fn check_bytes(found: &[u8], expected: &[u8]) {
    let same = found == expected || shortened(found) == shortened(expected);
    assert!(same, "module {}\nbeside {}", found.escape_ascii(), expected.escape_ascii());
}

/// A text in which fractions have 15 digits at most. A library that only tests use lets serde_json read them to the last digit, which neither the server
/// nor the module does: errors that quote one may differ there.
fn shortened(text: &[u8]) -> Vec<u8> {
    let mut shortened = Vec::new();
    for token in text.chunk_by(|a, b| is_of_number(*a) == is_of_number(*b)) {
        if token.contains(&b'.') && is_of_number(token[0]) {
            let zeros = token.iter().take(16).rev().take_while(|digit| **digit == b'0').count();
            shortened.extend_from_slice(&token[..token.len().min(16) - zeros]);
        } else {
            shortened.extend_from_slice(token);
        }
    }
    shortened
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}

#[test]
fn only_what_comes_behind_fifteen_digits_of_a_fraction_is_left_out() {
    let same = |a: &str, b: &str| shortened(a.as_bytes()) == shortened(b.as_bytes());
    assert!(same("got `1.7672256076722563e+20`, at", "got `1.767225607672256e+20`, at"));
    assert!(same("1767225600000.1001", "1767225600000.1"));
    assert!(!same("1.7672256076722563e+20", "1.7672256076722563e+21"));
    assert!(!same("1.7672256076", "1.7672256077"));
    assert!(!same("17672256076722563", "17672256076722564"));
}

/// The two servers.
pub(super) struct Twins {
    settings: Settings,
    native: Local<MemoryStore>,
    instance: Instance,
    server: u32,
}

impl Twins {
    pub(super) fn open(settings: Settings) -> Self {
        let mut instance = Module::built().instantiate().expect("an instance");
        let server = instance.open(&settings.options()).expect("options that fit");
        let native = Local::new(MemoryStore::new(), settings.rules.clone(), settings.debug);
        Self { settings, native, instance, server }
    }

    pub(super) fn state(&mut self) -> Snapshot {
        self.native.store().snapshot()
    }

    /// The answer to an envelope, and its status.
    pub(super) fn process(&mut self, envelope: &[u8], now: Timestamp) -> (u16, Vec<u8>) {
        let Ok(expected) = self.native.envelope(envelope, now) else { panic!("a store in memory does not fail") };
        let answer = self.instance.process(self.server, envelope, now.as_millis()).expect("an answer");
        check_bytes(&answer, &expected.body);
        assert_eq!(self.instance.status(self.server), Ok(u32::from(expected.status)));
        (expected.status, answer)
    }

    /// The answer to a call of the 2023 API, and its status.
    pub(super) fn rest(&mut self, call: &OwnedCall, now: Timestamp) -> (u16, Vec<u8>) {
        let Ok(expected) = self.native.rest(&call.borrowed(), now) else { panic!("a store in memory does not fail") };
        let answer = self.instance.rest(self.server, &call.head(), &call.body, now.as_millis()).expect("an answer");
        check_bytes(&answer, &expected.body);
        assert_eq!(self.instance.status(self.server), Ok(u32::from(expected.status)));
        (expected.status, answer)
    }

    pub(super) fn tick(&mut self, now: Timestamp) {
        assert_eq!(self.instance.is_due(self.server, now.as_millis()), Ok(self.native.is_due(now)));
        assert_eq!(self.native.tick(now), Ok(()));
        assert_eq!(self.instance.tick(self.server, now.as_millis()), Ok(()));
    }

    pub(super) fn report(&mut self, key: &MessageKey, version: u64, went: Went, now: Timestamp) {
        let name = match went {
            Went::Delivered => "delivered",
            Went::Failed { .. } => "failed",
            Went::Unclaimed => "unclaimed",
        };
        let report = json!({"key": key, "version": version, "went": name}).to_string();
        assert_eq!(self.native.report(key.clone(), version, went, now), Ok(()));
        assert_eq!(self.instance.report(self.server, report.as_bytes(), now.as_millis()), Ok(()));
    }

    pub(super) fn connected(&mut self, mailbox: &Mailbox, prefix: Option<&str>, room: usize, now: Timestamp) {
        let connected = json!({"mailbox": mailbox, "prefix": prefix, "room": room}).to_string();
        assert_eq!(self.native.connected(mailbox, prefix, room, now), Ok(()));
        assert_eq!(self.instance.connected(self.server, connected.as_bytes(), now.as_millis()), Ok(()));
    }

    /// What there is to do. How many messages and mailboxes there were.
    pub(super) fn events(&mut self) -> (usize, usize) {
        assert_eq!(self.instance.has_events(self.server), Ok(self.native.has_events()));
        let events = self.native.take_events();
        let expected = print_events(&events, self.settings.server_url.as_deref());
        let found = self.instance.events(self.server).expect("events");
        check_bytes(&found, &expected);
        (events.deliveries.len(), events.parked.len())
    }

    pub(super) fn next_wakeup(&mut self) {
        let Ok(expected) = self.native.next_due() else { panic!("a store in memory does not fail") };
        assert_eq!(self.instance.next_wakeup(self.server), Ok(expected.map(Timestamp::as_millis)));
    }

    /// Compares the whole states. The bytes.
    pub(super) fn snapshot(&mut self) -> Vec<u8> {
        let expected = serde_json::to_vec(&self.state()).expect("a snapshot is JSON");
        let found = self.instance.snapshot(self.server).expect("a snapshot");
        check_bytes(&found, &expected);
        found
    }

    /// Both end, and begin again with what they had.
    pub(super) fn start_again(&mut self, now: Timestamp) {
        let bytes = self.snapshot();
        let mut again = Self::open(self.settings.clone());
        assert_eq!(again.instance.restore(again.server, &bytes, now.as_millis()), Ok(()));
        let snapshot: Snapshot = serde_json::from_slice(&bytes).expect("a snapshot");
        let store = MemoryStore::restore(&self.settings.rules, &snapshot).expect("a state of this machine");
        again.native = Local::new(store, self.settings.rules.clone(), self.settings.debug);
        assert_eq!(again.native.adopt_orphans(now), Ok(()));
        again.snapshot();
        *self = again;
    }
}
