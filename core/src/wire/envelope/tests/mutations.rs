//! Random damage to valid requests: nothing panics, and whatever is refused says why.

use super::{answer, body};
use crate::memory::MemoryStore;
use crate::wire::envelope::{Call, Envelope};

const SEED: u64 = 0x5eed_2026_0401;
const MUTATIONS: usize = 20_000;

/// A linear congruential generator: enough to choose by.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }
}

const VALID: [(&str, &str); 22] = [
    ("promise.get", r#"{"id":"a"}"#),
    (
        "promise.create",
        r#"{"id":"a","timeoutAt":9000,"param":{"headers":{"h":"1"},"data":"e30="},"tags":{"resonate:target":"poll://any@g","resonate:delay":"5"}}"#,
    ),
    ("promise.settle", r#"{"id":"a","state":"resolved","value":{"headers":{"h":"1"},"data":"e30="}}"#),
    ("promise.register_callback", r#"{"awaited":"b","awaiter":"a"}"#),
    ("promise.register_listener", r#"{"awaited":"a","address":"poll://uni@g/w"}"#),
    ("promise.purge", r#"{"settledBefore":100,"dryRun":true,"limit":10,"cursor":null}"#),
    ("promise.search", r#"{"state":"pending","tags":{"a":"b"},"limit":10,"cursor":null}"#),
    ("task.get", r#"{"id":"a"}"#),
    (
        "task.create",
        r#"{"pid":"w","ttl":100,"action":{"kind":"promise.create","head":{},"data":{"id":"t","timeoutAt":9000,"tags":{"resonate:target":"http://h"}}}}"#,
    ),
    ("task.acquire", r#"{"id":"a","version":0,"pid":"w","ttl":100}"#),
    ("task.fence", r#"{"id":"a","version":1,"action":{"kind":"promise.settle","data":{"id":"b","state":"rejected"}}}"#),
    ("task.heartbeat", r#"{"pid":"w","tasks":[{"id":"a","version":1}]}"#),
    (
        "task.suspend",
        r#"{"id":"a","version":1,"actions":[{"kind":"promise.register_callback","data":{"awaited":"b","awaiter":"a"}}]}"#,
    ),
    (
        "task.fulfill",
        r#"{"id":"a","version":1,"action":{"kind":"promise.settle","data":{"id":"a","state":"resolved"}}}"#,
    ),
    ("task.release", r#"{"id":"a","version":1}"#),
    ("task.halt", r#"{"id":"a"}"#),
    ("task.continue", r#"{"id":"a"}"#),
    ("task.search", r#"{"state":"acquired","limit":5}"#),
    ("schedule.get", r#"{"id":"s"}"#),
    (
        "schedule.create",
        r#"{"id":"s","cron":"*/5 * * * *","promiseId":"{{.id}}.{{.timestamp}}","promiseTimeout":5,"promiseTags":{"a":"b"}}"#,
    ),
    ("schedule.delete", r#"{"id":"s"}"#),
    ("schedule.search", r#"{"tags":{"a":"b"},"limit":5}"#),
];

const PIECES: [&[u8]; 20] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b",",
    b":",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"9007199254740992",
    b"\\u0000",
    b"\\ud800",
    b"\0",
    b"\xff",
    b"\"data\":",
    b"\"id\":\"z\",",
    "é".as_bytes(),
    b"[[[[[[[[[[[[[[[[",
];

const VALUES: [&[u8]; 12] = [
    b"null",
    b"0",
    b"-1",
    b"1.5",
    b"9007199254740992",
    b"\"\"",
    b"\"a\"",
    b"\"b\"",
    b"\"\\u0000\"",
    b"{}",
    b"[]",
    b"[{\"id\":\"a\"}]",
];

/// A valid request with one to three random wounds: half of them keep it JSON.
fn mutated(dice: &mut Dice) -> Vec<u8> {
    let (kind, data) = VALID[dice.below(VALID.len())];
    let mut bytes = body(kind, data).into_bytes();
    let wound = if dice.below(2) == 0 { swap_value } else { damage };
    for _ in 0..=dice.below(3) {
        if !bytes.is_empty() {
            wound(dice, &mut bytes);
        }
    }
    bytes
}

/// Puts another value behind a name.
fn swap_value(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let starts: Vec<usize> = (2..bytes.len())
        .filter(|at| bytes[at - 2..*at] == *b"\":" && !b"{[".contains(&bytes[*at]))
        // The envelope itself is spared, or hardly any request would be read further.
        .skip(3)
        .collect();
    if let Some(start) = starts.get(dice.below(starts.len())).copied() {
        let length = bytes[start..].iter().position(|byte| b",}]".contains(byte)).unwrap_or(0);
        bytes.splice(start..start + length, VALUES[dice.below(VALUES.len())].iter().copied());
    }
}

/// Changes bytes without regard for what they are.
fn damage(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let at = dice.below(bytes.len());
    match dice.below(6) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes.truncate(at),
        2 => {
            let end = (at + dice.below(12)).min(bytes.len());
            bytes.drain(at..end);
        }
        3 => {
            let end = (at + dice.below(30)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            let to = dice.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        4 => {
            let (kind, data) = VALID[dice.below(VALID.len())];
            let other = body(kind, data).into_bytes();
            bytes.truncate(at);
            bytes.extend_from_slice(&other[at.min(other.len())..]);
        }
        _ => {
            bytes.splice(at..at, PIECES[dice.below(PIECES.len())].iter().copied());
        }
    }
}

#[test]
fn damaged_requests_are_answered() {
    let mut dice = Dice(SEED);
    let mut store = MemoryStore::new();
    let (mut envelopes, mut requests, mut calls) = (0, 0, 0);
    for round in 0..MUTATIONS {
        let bytes = mutated(&mut dice);
        let shown = String::from_utf8_lossy(&bytes);
        match Envelope::parse(&bytes).map(|envelope| envelope.request()) {
            Err(failure) => {
                envelopes += 1;
                assert!(!failure.why.0.is_empty(), "seed {SEED:#x} round {round}: {shown}");
            }
            Ok(Err(bad)) => {
                requests += 1;
                assert!(!bad.0.is_empty(), "seed {SEED:#x} round {round}: {shown}");
            }
            Ok(Ok(Call::Request(_) | Call::Purge(_) | Call::Debug(_))) => calls += 1,
        }
        let answer = answer(&mut store, u64::try_from(round).expect("a round"), &bytes);
        let json: serde_json::Value = serde_json::from_slice(&answer.body)
            .unwrap_or_else(|error| panic!("seed {SEED:#x} round {round}: {shown}: {error}"));
        assert_eq!(json["head"]["status"], answer.status, "seed {SEED:#x} round {round}: {shown}");
        assert_eq!(json["data"].is_string(), answer.status >= 400, "seed {SEED:#x} round {round}: {shown}");
    }
    // The damage reaches every depth.
    let depths = [envelopes, requests, calls];
    assert!(depths.iter().all(|count| *count > MUTATIONS / 20), "seed {SEED:#x}: {depths:?}");
}
