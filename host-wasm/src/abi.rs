//! Plain functions for any WebAssembly runtime. They import nothing.
//!
//! Arguments are JSON bytes in the module's own room: [`resonate_input`] makes room for so many bytes and says where, the caller writes them
//! there, then calls. Results are bytes too: a call returns how many, and [`resonate_output`] says where, until the next call. A negative number
//! is a fault: its absolute value is the length of `{"kind": …, "error": …}`. Instants are milliseconds since the epoch, up to 2^53-1.
//!
//! A server is a number that [`resonate_open`] gave; 0 is none. A trap means a defect of the module: drop the instance, open another one, and
//! restore the last snapshot. [`resonate_panic`] of the trapped instance still tells what happened.

#![allow(unsafe_code, reason = "an exported name is unsafe by definition: nothing keeps two crates from the same one")]

#[cfg(test)]
mod tests;

use std::cell::RefCell;

use resonate_core::wire::rest;
use serde::Deserialize;
use serde_json::json;

use crate::face::{Face, Options, mailboxes};
use crate::fault::{Fault, instant};
use crate::panic;

thread_local! {
    static ROOM: RefCell<Room> = const { RefCell::new(Room { input: Vec::new(), output: Vec::new(), servers: Vec::new() }) };
}

/// What the caller and the module share.
struct Room {
    input: Vec<u8>,
    output: Vec<u8>,
    servers: Vec<Option<Face>>,
}

/// A call of the 2023 API without its body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallIn {
    method: String,
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    strict: Option<String>,
}

type Bytes = Result<Vec<u8>, Fault>;

fn no_server(server: u32) -> Fault {
    Fault::bad("server", format_args!("there is no server {server}: resonate_open gives one"))
}

/// Runs a call and leaves its result in the room.
fn answer(run: impl FnOnce(&[u8], &mut Vec<Option<Face>>) -> Bytes) -> i32 {
    ROOM.with_borrow_mut(|room| {
        let answer = run(&room.input, &mut room.servers);
        room.input.clear();
        let (bytes, sign) = match answer {
            Ok(bytes) => (bytes, 1),
            Err(fault) => (fault.to_json(), -1),
        };
        room.output = bytes;
        sign * i32::try_from(room.output.len()).unwrap_or(i32::MAX)
    })
}

/// A call to one server.
fn ask(server: u32, run: impl FnOnce(&mut Face, &[u8]) -> Bytes) -> i32 {
    answer(|input, servers| match servers.get_mut(server.wrapping_sub(1) as usize) {
        Some(Some(face)) => run(face, input),
        Some(None) | None => Err(no_server(server)),
    })
}

fn done(result: Result<(), Fault>) -> Bytes {
    result.map(|()| Vec::new())
}

/// Makes room for an argument of `bytes` bytes and says where it is.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_input(bytes: u32) -> *mut u8 {
    ROOM.with_borrow_mut(|room| {
        room.input.clear();
        room.input.resize(bytes as usize, 0);
        room.input.as_mut_ptr()
    })
}

/// Where the result of the last call is.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_output() -> *const u8 {
    ROOM.with_borrow(|room| room.output.as_ptr())
}

/// Opens an empty server. Argument: options, or nothing. The result is the text of its number.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_open() -> i32 {
    panic::listen();
    answer(|input, servers| {
        let face = Face::in_memory(Options::parse(input)?);
        let place = servers.iter().position(Option::is_none).unwrap_or(servers.len());
        if place == servers.len() {
            servers.push(None);
        }
        servers[place] = Some(face);
        Ok((place + 1).to_string().into_bytes())
    })
}

/// Closes a server.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_close(server: u32) -> i32 {
    answer(|_, servers| match servers.get_mut(server.wrapping_sub(1) as usize) {
        Some(place @ Some(_)) => {
            *place = None;
            Ok(Vec::new())
        }
        Some(None) | None => Err(no_server(server)),
    })
}

/// Answers an envelope of today's protocol over the built-in store.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_process(server: u32, now: u64) -> i32 {
    ask(server, |face, input| face.process(input, now))
}

/// Answers a call of the 2023 API. Argument: `{"method": …, "path": …, "query"?: …, "key"?: …, "strict"?: …}`, where the last two are the headers
/// `Idempotency-Key` and `Strict`; behind it a line feed and the body.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_rest(server: u32, now: u64) -> i32 {
    ask(server, |face, input| {
        let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        let (head, body) = (&input[..line], input.get(line + 1..).unwrap_or_default());
        let head: CallIn = crate::fault::parse_object("rest", head)?;
        let CallIn { method, path, query, key, strict } = &head;
        let call = rest::Call { method, path, query, key: key.as_deref(), strict: strict.as_deref(), body };
        Ok(face.rest(&call, now)?.body)
    })
}

/// The status of the last answer of a server, HTTP's; 0 before the first.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_status(server: u32) -> u32 {
    ROOM.with_borrow(|room| {
        let face = room.servers.get(server.wrapping_sub(1) as usize).and_then(Option::as_ref);
        face.map_or(0, |face| u32::from(face.status()))
    })
}

/// Whether there may be something due at `now`: the text `true` or `false`. Cheap: nothing is looked up.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_is_due(server: u32, now: u64) -> i32 {
    ask(server, |face, _| Ok(face.is_due(now)?.to_string().into_bytes()))
}

/// Does what is due at `now`, so much of it that nobody waits long: while [`resonate_is_due`] holds behind it, call it again.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_tick(server: u32, now: u64) -> i32 {
    ask(server, |face, _| done(face.tick(now)))
}

/// When something is due next: the text of an instant, or `null`.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_next_wakeup(server: u32) -> i32 {
    ask(server, |face, _| Ok(json!(face.next_wakeup()?).to_string().into_bytes()))
}

/// Whether there is something to do, see [`resonate_events`]: the text `true` or `false`. Cheap.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_has_events(server: u32) -> i32 {
    ask(server, |face, _| Ok(face.has_events().to_string().into_bytes()))
}

/// What there is to do since the last time: messages to deliver, mailboxes in which messages wait for a connection.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_events(server: u32) -> i32 {
    ask(server, |face, _| Ok(face.events()))
}

/// Takes a report of a delivery: `{"key": …, "version": …, "went": "delivered" | "failed" | "unclaimed"}`.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_report(server: u32, now: u64) -> i32 {
    ask(server, |face, input| done(face.report(input, now)))
}

/// The mailboxes that a worker's connection reads. Argument: `[group, worker]`; result: two texts.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_mailboxes() -> i32 {
    answer(|input, _| {
        let (group, worker): (String, String) = crate::fault::parse("mailboxes", input)?;
        Ok(json!(mailboxes(&group, &worker)).to_string().into_bytes())
    })
}

/// Tells that somebody can take messages: `{"mailbox": …, "prefix": …, "room": …}`.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_connected(server: u32, now: u64) -> i32 {
    ask(server, |face, input| done(face.connected(input, now)))
}

/// The whole state.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_snapshot(server: u32) -> i32 {
    ask(server, |face, _| face.snapshot())
}

/// Puts a snapshot in place of the whole state, and takes over the messages that its server had under way at `now`.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_restore(server: u32, now: u64) -> i32 {
    ask(server, |face, input| {
        // An instant that is none changes nothing.
        instant(now)?;
        face.restore(input)?;
        done(face.adopt_orphans(now))
    })
}

/// From now on [`resonate_changes`] tells which rows have changed, for a caller that keeps a copy of them.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_note_changes(server: u32) -> i32 {
    ask(server, |face, _| done(face.note_changes()))
}

/// The rows that have changed since the last time: `{"reset": …, "rows": [[table, key, row or null], …]}`, or nothing.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_changes(server: u32) -> i32 {
    ask(server, |face, _| Ok(face.changes().unwrap_or_default()))
}

/// Begins a batch whose records lie with the caller. Argument: a list of requests; result: `{"load": [read, …]}` or
/// `{"commit": {"writes": […], "outcomes": [{reply, effects}, …], "follow_ups": [{request, reply, effects}, …]}}`. There may be fewer outcomes
/// than requests: the rest is for another batch.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_submit(server: u32, now: u64) -> i32 {
    ask(server, |face, input| face.submit(input, now))
}

/// Goes on with a batch. Argument: the answers to its reads, in their order; result: as of [`resonate_submit`].
#[unsafe(no_mangle)]
pub extern "C" fn resonate_supply(server: u32) -> i32 {
    ask(server, Face::supply)
}

/// Where the text is that says what made the module trap; [`resonate_panic_bytes`] says how long it is. They may be called on an instance that
/// has trapped, and are all that may.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_panic() -> *const u8 {
    panic::said(str::as_ptr)
}

/// The length of the text at [`resonate_panic`]; 0 when nothing has happened.
#[unsafe(no_mangle)]
pub extern "C" fn resonate_panic_bytes() -> u32 {
    panic::said(|said| u32::try_from(said.len()).unwrap_or(u32::MAX))
}
