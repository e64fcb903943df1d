//! Damage to requests: to the JSON in them, which stays JSON; to their bytes; to method, path and headers.

use fastrand::Rng;
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use resonate_tests::driver::HttpCall;
use serde_json::{Value, json};

use super::requests;

/// Texts that ids, tags, addresses, states and cursors are not, or hardly.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "a",
    "b",
    "t",
    "\0",
    "a\0",
    "é",
    "\u{10ffff}",
    "null",
    "-1",
    "9007199254740992",
    "resolved",
    "RESOLVED",
    "true",
    "promise.create",
    "promise.settle",
    "http://",
    "poll://any@",
    "poll://uni@g/%ff",
    "../../etc/passwd",
    "'; DROP TABLE promises; --",
    "{{.id}}",
    "* * * * *",
];

/// Names that objects may get.
const NAMES: [&str; 14] = [
    "id",
    "state",
    "tags",
    "version",
    "data",
    "kind",
    "head",
    "timeoutAt",
    "resonate:target",
    "resonate:timer",
    "resonate:delay",
    "action",
    "x",
    "",
];

/// Bytes that JSON has no room for, or too much.
const PIECES: [&[u8]; 18] = [
    b"{", b"}", b"[", b"]", b"\"", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\0", b"\xff", b"\xc3", b"1e999", b"-0",
    b"null", b"\r\n", b"/*",
];

/// A valid request with one to three wounds.
pub(super) fn mutant(rng: &mut Rng) -> HttpCall {
    let mut call = requests::valid(rng);
    for _ in 0..rng.u8(1..=3) {
        match rng.u8(0..10) {
            0..=5 => wound_json(rng, &mut call.body),
            6 | 7 => wound_bytes(rng, &mut call.body),
            8 => wound_path(rng, &mut call),
            _ => wound_headers(rng, &mut call.headers),
        }
    }
    call
}

/// Changes one value of the body, or one name, and leaves it JSON.
pub(crate) fn wound_json(rng: &mut Rng, body: &mut Vec<u8>) {
    let Ok(mut whole) = serde_json::from_slice::<Value>(body) else { return };
    wound_within(rng, &mut whole);
    *body = whole.to_string().into_bytes();
}

/// Mostly deep inside: a wound to the envelope keeps the request from being read any further.
fn wound_within(rng: &mut Rng, at: &mut Value) {
    if rng.u8(0..8) > 0 {
        match at {
            Value::Object(fields) if !fields.is_empty() => {
                let inner = rng.usize(..fields.len());
                return fields.values_mut().nth(inner).into_iter().for_each(|inner| wound_within(rng, inner));
            }
            Value::Array(items) if !items.is_empty() => {
                let inner = rng.usize(..items.len());
                return wound_within(rng, &mut items[inner]);
            }
            Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            }
        }
    }
    match at {
        Value::Object(fields) => {
            let name = fields.keys().nth(rng.usize(..fields.len().max(1))).cloned().unwrap_or_default();
            match rng.u8(0..4) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(NAMES[rng.usize(..NAMES.len())].to_owned(), value(rng))),
                2 => {
                    let moved = fields.remove(&name).unwrap_or_default();
                    fields.insert(NAMES[rng.usize(..NAMES.len())].to_owned(), moved);
                }
                _ => *at = value(rng),
            }
        }
        Value::Array(items) => match rng.u8(0..3) {
            0 => items.push(value(rng)),
            1 => items.extend(items.clone()),
            _ => *at = value(rng),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => *at = value(rng),
    }
}

/// Any value.
fn value(rng: &mut Rng) -> Value {
    match rng.u8(0..16) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.u8(0..4)),
        3 => json!(rng.i64(..)),
        // Few digits: what more of them come to depends on how JSON is read.
        4 => json!(f64::from(rng.i32(..)) / 8.0),
        5 => json!([9_007_199_254_740_991_u64, 9_007_199_254_740_992, u64::MAX, 999, 1_000, 1_001][rng.usize(..6)]),
        6 => json!({}),
        7 => json!([]),
        8 => json!({TEXTS[rng.usize(..TEXTS.len())]: TEXTS[rng.usize(..TEXTS.len())]}),
        9 => json!([{"id": "t", "version": 1}, 7]),
        10 => json!("x".repeat([1_023, 1_024, 1_025, 20_000][rng.usize(..4)])),
        _ => json!(TEXTS[rng.usize(..TEXTS.len())]),
    }
}

/// Changes bytes without regard for what they are.
pub(crate) fn wound_bytes(rng: &mut Rng, body: &mut Vec<u8>) {
    let at = rng.usize(..=body.len());
    let end = (at + rng.usize(..16)).min(body.len());
    match rng.u8(0..5) {
        0 => body.truncate(at),
        1 => drop(body.drain(at..end)),
        2 => {
            let copy = body[at..end].to_vec();
            body.splice(at..at, copy);
        }
        3 if at < body.len() => body[at] ^= 1 << rng.u8(0..8),
        _ => drop(body.splice(at..at, PIECES[rng.usize(..PIECES.len())].iter().copied())),
    }
}

/// Another method, or another path that a client can still write.
fn wound_path(rng: &mut Rng, call: &mut HttpCall) {
    const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"];
    const PARTS: [&str; 20] = [
        "/",
        "//",
        "%",
        "%2",
        "%2F",
        "%00",
        "%ff",
        "%C3%A9",
        "?",
        "&",
        "=",
        "+",
        "*",
        ";",
        "..",
        "q=",
        "limit=x",
        "cursor=e30",
        "/create",
        "/resolve",
    ];
    if rng.u8(0..4) == 0 {
        METHODS[rng.usize(..METHODS.len())].clone_into(&mut call.method);
        return;
    }
    let at = rng.usize(1..=call.path.len());
    let mut path = call.path.clone();
    match rng.u8(0..3) {
        0 => path.truncate(at),
        1 => path.insert_str(at, &PARTS[rng.usize(..PARTS.len())].repeat(rng.usize(1..3))),
        _ => path.insert_str(at, &"a".repeat(rng.usize(1..2_000))),
    }
    // What is no URI a client does not send; heads of raw bytes have tests of their own.
    if path.parse::<Uri>().is_ok_and(|uri| uri.authority().is_none()) {
        call.path = path;
    }
}

/// Headers missing, twice, or with something else in them.
fn wound_headers(rng: &mut Rng, headers: &mut Vec<(String, Vec<u8>)>) {
    const HEADERS: [&str; 9] = [
        "idempotency-key",
        "strict",
        "content-type",
        "accept",
        "authorization",
        "expect",
        "origin",
        "range",
        "content-encoding",
    ];
    const TEXTS: [&[u8]; 12] = [
        b"",
        b"true",
        b"TRUE",
        b"yes",
        b"k",
        b"k, l",
        b"\xff",
        "é".as_bytes(),
        b"100-continue",
        b"text/html",
        b"gzip",
        b"Bearer",
    ];
    if !headers.is_empty() && rng.bool() {
        headers.swap_remove(rng.usize(..headers.len()));
        return;
    }
    let text = match rng.u8(0..8) {
        0 => vec![b'x'; rng.usize(..10_000)],
        _ => TEXTS[rng.usize(..TEXTS.len())].to_vec(),
    };
    let name = HEADERS[rng.usize(..HEADERS.len())];
    debug_assert!(HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_bytes(&text).is_ok());
    headers.push((name.to_owned(), text));
}
