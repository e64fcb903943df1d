//! Recordings: everything that happened to a server, in the order of its commits, as lines of JSON that can be replayed. Owns the format, what
//! replaying means and what redaction hides; knows no files, and draws no chance.
//!
//! The first line is a [`Header`] with the state at the start; each line after it is an [`Entry`] or says that the store was emptied:
//!
//! ```json
//! {"kind":"recording","version":1,"server":"0.1.0","now":1767225600000,"redacted":false,"rules":{…},"snapshot":{…}}
//! {"kind":"promise.create","now":1767225600005,"req":{"kind":"create_promise","id":"foo",…},"res":{"created":{"promise":{…},"fresh":true}}}
//! {"kind":"internal.time_out_promise","now":1767225660005,"req":{…},"res":"done"}
//! {"kind":"debug.reset","now":1767225660006}
//! ```
//!
//! A header may come again: a host writes one after its store has failed, when what a commit left behind is not known. Replaying begins anew
//! there, so that recordings one behind another are a recording too.
//!
//! Background work that followed from requests in their transaction is recorded as lines of its own. Each line is replayed alone.

mod corrupt;
mod difference;
mod read;
mod redact;
mod replay;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use corrupt::{Corrupt, Why};
pub use difference::Difference;
pub use redact::{REDACTED_BYTES_MIN, Redaction};
pub use replay::{Applied, Replay, Step};

use crate::local::Happened;
use crate::reply::Reply;
use crate::request::Request;
use crate::rules::Rules;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// The version of the format. Another one is refused.
pub const VERSION: u32 = 1;

/// The kind of a header.
const HEADER: &str = "recording";
/// The kind of the line that says that the store was emptied.
const RESET: &str = "debug.reset";

/// The state that a recording starts from, and what it must be replayed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "recording")]
pub struct Header {
    /// The format, [`VERSION`].
    pub version: u32,
    /// The version of the server that recorded.
    pub server: String,
    /// When the recording began.
    pub now: Timestamp,
    /// Whether values were replaced by tokens, see [`Redaction`].
    pub redacted: bool,
    /// The dials.
    pub rules: Rules,
    /// The whole state before the first entry.
    pub snapshot: Snapshot,
}

/// Something that happened: a request that took effect, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The instant of its transaction.
    pub now: Timestamp,
    /// The request, of a client or of the background.
    pub request: Request,
    /// The answer as it was recorded.
    pub reply: Json,
}

/// A line of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// What the lines after it start from.
    Header(Box<Header>),
    /// Something that happened.
    Entry(Box<Entry>),
    /// The store was emptied.
    Reset {
        /// When.
        now: Timestamp,
    },
}

/// An entry as it is written, with its kind.
#[derive(Serialize)]
struct Written<'a, R> {
    kind: &'static str,
    now: Timestamp,
    req: &'a Request,
    res: &'a R,
}

/// A reset as it is written.
#[derive(Serialize)]
struct Emptied {
    kind: &'static str,
    now: Timestamp,
}

fn print(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("a line has string keys only")
}

impl Header {
    /// The header of a recording that begins with this state.
    #[must_use]
    pub fn new(server: &str, now: Timestamp, rules: Rules, snapshot: Snapshot) -> Self {
        Self { version: VERSION, server: server.to_owned(), now, redacted: false, rules, snapshot }
    }

    /// The line, without its line feed.
    #[must_use]
    pub fn print(&self) -> String {
        print(self)
    }
}

impl Entry {
    /// The line, without its line feed.
    #[must_use]
    pub fn print(&self) -> String {
        print(&Written { kind: self.request.kind(), now: self.now, req: &self.request, res: &self.reply })
    }
}

/// The line of a request and its answer, without its line feed.
#[must_use]
pub fn print_entry(now: Timestamp, request: &Request, reply: &Reply) -> String {
    print(&Written { kind: request.kind(), now, req: request, res: reply })
}

/// The line that says that the store was emptied, without its line feed.
#[must_use]
pub fn print_reset(now: Timestamp) -> String {
    print(&Emptied { kind: RESET, now })
}

impl Line {
    /// The line of something that happened to a [`crate::local::Local`].
    #[must_use]
    pub fn of(happened: &Happened) -> Self {
        match happened {
            Happened::Answered { now, request, reply } => {
                let reply = serde_json::to_value(reply).expect("a reply has string keys only");
                Self::Entry(Box::new(Entry { now: *now, request: request.clone(), reply }))
            }
            Happened::Emptied { now } => Self::Reset { now: *now },
        }
    }

    /// The line, without its line feed.
    #[must_use]
    pub fn print(&self) -> String {
        match self {
            Self::Header(header) => header.print(),
            Self::Entry(entry) => entry.print(),
            Self::Reset { now } => print_reset(*now),
        }
    }
}
