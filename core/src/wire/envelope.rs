//! The Resonate protocol of today: bytes of a request in, bytes of its answer out. Owns the envelope, the order of the checks on it, and the
//! names of the kinds; the rooms below read the requests and print the answers. Knows no transport and checks no token.
//!
//! ```
//! use resonate_core::memory::MemoryStore;
//! use resonate_core::rules::Rules;
//! use resonate_core::time::Timestamp;
//! use resonate_core::wire::envelope::{Call, Envelope, Shape, print};
//!
//! let body = br#"{"kind":"promise.create","head":{"corrId":"c1","version":"2026-04-01"},"data":{"id":"foo","timeoutAt":9000}}"#;
//! let envelope = Envelope::parse(body).unwrap();
//! let Call::Request(request) = envelope.request().unwrap() else { unreachable!() };
//! let decision = MemoryStore::new().apply(&Rules::default(), &request, Timestamp::saturating(1_000));
//! let answer = print(&envelope.kind, &envelope.corr_id, Shape::of(&request), &decision.reply);
//! assert_eq!(answer.status, 200);
//! ```

mod message;
mod object;
mod parse_promise;
mod parse_schedule;
mod parse_task;
mod print;
mod record;
mod scope;
mod snapshot;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::request::Request;
use crate::retention::Purge;
use crate::time::Timestamp;
use crate::wire::BadInput;

use object::{Field, Found, Path, clipped, unquoted};

pub use message::print_message;
pub use print::{Answer, DebugReply, Shape, print, print_debug, print_error, print_purged};
pub use scope::{confine, confine_reply, foreign_id, foreign_id_in, ids, is_permitted};
pub use snapshot::print_snapshot;

/// The version of the protocol, the only one that is supported.
pub const VERSION: &str = "2026-04-01";

/// The kind in the answer to an envelope that does not tell its own.
const KIND_UNKNOWN: &str = "unknown";
/// The correlation id in the answer to an envelope that does not tell its own.
const CORR_ID_UNKNOWN: &str = "0";

const HEAD: Path<'static> = Path::Field(&Path::Top, "head");
const DATA: Path<'static> = Path::Field(&Path::Top, "data");

/// A request as it is enveloped; what it asks for is not read yet.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// What is asked for, not empty; [`Envelope::request`] knows whether there is such a thing.
    pub kind: Cow<'a, str>,
    /// What the client tells its answers apart by.
    pub corr_id: Cow<'a, str>,
    /// The token in the head.
    pub auth: Option<Cow<'a, str>>,
    /// The object that says what the kind needs, as JSON.
    pub data: &'a RawValue,
    debug_time: Field<'a>,
}

/// An envelope that is refused. It knows as much of the kind and the correlation id as could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind, or `unknown`.
    pub kind: String,
    /// The correlation id, or `0`.
    pub corr_id: String,
    /// What is wrong.
    pub why: BadInput,
}

impl Failure {
    /// The answer: 400, with the reason.
    #[must_use]
    pub fn answer(&self) -> Answer {
        print_error(&self.kind, &self.corr_id, 400, &self.why.0)
    }
}

/// The answer where the body never came, or too much of it.
#[must_use]
pub fn print_unread(status: u16, why: &str) -> Answer {
    print_error(KIND_UNKNOWN, CORR_ID_UNKNOWN, status, why)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl std::error::Error for Failure {}

/// What an envelope asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Something of the machine.
    Request(Request),
    /// Something of the server that runs it: removing what is settled for long.
    Purge(Purge),
    /// The same: debugging (spec §4, debug).
    Debug(DebugCall),
}

/// A request of debugging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebugCall {
    /// Pause the background work.
    Start,
    /// Resume the background work.
    Stop,
    /// Empty the store.
    Reset,
    /// Run everything that is due.
    Tick {
        /// The instant at which it is due.
        time: Timestamp,
    },
    /// Show the whole state.
    Snap,
}

/// Reads the data of one kind.
type ReadCall = fn(&Field<'_>) -> Result<Call, BadInput>;

/// Every kind, with what reads its data.
const KINDS: [(&str, ReadCall); 27] = [
    (parse_promise::GET, |data| parse_promise::get(data).map(Call::Request)),
    (parse_promise::CREATE, |data| parse_promise::create(data).map(Request::CreatePromise).map(Call::Request)),
    (parse_promise::SETTLE, |data| parse_promise::settle(data).map(Request::SettlePromise).map(Call::Request)),
    (parse_promise::REGISTER_CALLBACK, |data| parse_promise::register_callback(data).map(Call::Request)),
    (parse_promise::REGISTER_LISTENER, |data| parse_promise::register_listener(data).map(Call::Request)),
    (parse_promise::SEARCH, |data| parse_promise::search(data).map(Call::Request)),
    (parse_promise::PURGE, |data| parse_promise::purge(data).map(Call::Purge)),
    (parse_task::GET, |data| parse_task::get(data).map(Call::Request)),
    (parse_task::CREATE, |data| parse_task::create(data).map(Call::Request)),
    (parse_task::ACQUIRE, |data| parse_task::acquire(data).map(Call::Request)),
    (parse_task::FENCE, |data| parse_task::fence(data).map(Call::Request)),
    (parse_task::HEARTBEAT, |data| parse_task::heartbeat(data).map(Call::Request)),
    (parse_task::SUSPEND, |data| parse_task::suspend(data).map(Call::Request)),
    (parse_task::FULFILL, |data| parse_task::fulfill(data).map(Call::Request)),
    (parse_task::RELEASE, |data| parse_task::release(data).map(Call::Request)),
    (parse_task::HALT, |data| parse_task::halt(data).map(Call::Request)),
    (parse_task::CONTINUE, |data| parse_task::resume(data).map(Call::Request)),
    (parse_task::SEARCH, |data| parse_task::search(data).map(Call::Request)),
    (parse_schedule::GET, |data| parse_schedule::get(data).map(Call::Request)),
    (parse_schedule::CREATE, |data| parse_schedule::create(data).map(Call::Request)),
    (parse_schedule::DELETE, |data| parse_schedule::delete(data).map(Call::Request)),
    (parse_schedule::SEARCH, |data| parse_schedule::search(data).map(Call::Request)),
    ("debug.start", |_| Ok(Call::Debug(DebugCall::Start))),
    ("debug.stop", |_| Ok(Call::Debug(DebugCall::Stop))),
    ("debug.reset", |_| Ok(Call::Debug(DebugCall::Reset))),
    ("debug.tick", |data| {
        let [time] = data.fields(["time"])?;
        Ok(Call::Debug(DebugCall::Tick { time: time.instant()? }))
    }),
    ("debug.snap", |_| Ok(Call::Debug(DebugCall::Snap))),
];

/// The kind as a name that is known beforehand, for metrics and logs; nothing when there is no such kind.
#[must_use]
pub fn known_kind(kind: &str) -> Option<&'static str> {
    KINDS.iter().map(|(known, _)| *known).find(|known| *known == kind)
}

impl<'a> Envelope<'a> {
    /// Reads the envelope of a request: that it is one, its kind, that its data is an object, its version.
    ///
    /// # Errors
    /// [`Failure`] with the first of these that does not hold; it is an answer already.
    pub fn parse(body: &'a [u8]) -> Result<Self, Failure> {
        let mut found = Found::new(["kind", "head", "data"]);
        let fail = |why, [kind, head, _]: [Option<&'a RawValue>; 3]| Failure {
            kind: salvage_kind(kind).unwrap_or(KIND_UNKNOWN.into()).into_owned(),
            corr_id: salvage_corr_id(head).unwrap_or(CORR_ID_UNKNOWN.into()).into_owned(),
            why,
        };
        if let Err(why) = read_body(&mut found, body) {
            return Err(fail(why, found.raws));
        }
        let raws = found.raws;
        Self::of_fields(found).map_err(|why| fail(why, raws))
    }

    fn of_fields(found: Found<'a, 3>) -> Result<Self, BadInput> {
        let [kind, head, data] = found.into_fields(&Path::Top)?;
        let kind_text = kind.text()?;
        let [corr_id, version, auth, debug_time] =
            object::fields(&HEAD, head.object()?, ["corrId", "version", "auth", "resonate:debug_time"])?;
        let corr_id = corr_id.text()?;
        let version_text = version.text()?;
        let auth = auth.optional(Field::text)?;
        if kind_text.is_empty() {
            return Err(kind.refuse("must not be empty"));
        }
        let data = data.object()?;
        if version_text != VERSION {
            let why = format_args!("must be a supported version, {VERSION}, not {:?}", clipped(&version_text));
            return Err(version.refuse(why));
        }
        Ok(Self { kind: kind_text, corr_id, auth, data, debug_time })
    }

    /// Reads what is asked for.
    ///
    /// # Errors
    /// [`BadInput`] when there is no such kind, or names the field that does not fit. The answer to it is a 400.
    pub fn request(&self) -> Result<Call, BadInput> {
        match KINDS.iter().find(|(kind, _)| *kind == self.kind) {
            Some((_, read)) => read(&Field::new(DATA, Some(self.data))),
            None => {
                let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
                let why = format_args!("must be one of {}, not {:?}", kinds.join(", "), clipped(&self.kind));
                Err(BadInput::field("kind", why))
            }
        }
    }

    /// Whether this is a request of debugging, readable or not: permission is asked for before anything is said about its data.
    #[must_use]
    pub fn is_debugging(&self) -> bool {
        known_kind(&self.kind).is_some_and(|kind| kind.starts_with("debug."))
    }

    /// Whether this is a request about ids of every prefix, readable or not.
    #[must_use]
    pub fn is_for_all_ids(&self) -> bool {
        self.kind == parse_promise::PURGE
    }

    /// The instant that a server with debugging takes for now (spec §4, debug). Other servers do not ask.
    ///
    /// # Errors
    /// [`BadInput`] when it is there and no instant.
    pub fn debug_time(&self) -> Result<Option<Timestamp>, BadInput> {
        self.debug_time.optional(Field::instant)
    }
}

fn read_body<'a>(found: &mut Found<'a, 3>, body: &'a [u8]) -> Result<(), BadInput> {
    if body.is_empty() {
        return Err(BadInput("the body is empty: it must be a JSON object with kind, head and data".to_owned()));
    }
    let text = std::str::from_utf8(body).map_err(|why| BadInput(format!("the body is not UTF-8: {why}")))?;
    found.read(text).map_err(|error| {
        BadInput(match error.is_data() {
            true => "the body must be a JSON object with kind, head and data".to_owned(),
            false => format!("the body is not JSON: {error}"),
        })
    })
}

fn salvage_kind(kind: Option<&RawValue>) -> Option<Cow<'_, str>> {
    kind.and_then(unquoted)
}

fn salvage_corr_id(head: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let mut found = Found::new(["corrId"]);
    // What else may be wrong with the head does not matter here.
    let _ = found.read(head?.get());
    found.raws[0].and_then(unquoted)
}
