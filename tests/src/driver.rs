//! What a system under test looks like to a table: calls at an instant, answers as a status and JSON. How a call is carried is the driver's; a
//! driver that has no way to say a call says so, and the table must not ask it to.

use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use serde_json::Value;

/// A system under test, empty when it is opened.
pub trait Driver {
    /// The answer to a call at an instant, which is never earlier than the one before. `None` when this driver cannot say it.
    fn call(&mut self, now: Timestamp, call: &Call) -> Option<Answer>;

    /// The whole state, where the driver can look at it.
    fn snapshot(&mut self) -> Option<Snapshot> {
        None
    }
}

/// Something that a table asks for.
#[derive(Clone, Debug)]
pub enum Call {
    /// A request of the 2023 API.
    Rest(RestCall),
    /// A request of HTTP as it stands.
    Http(HttpCall),
    /// A request of today's protocol: the bytes of its envelope.
    Envelope(Vec<u8>),
    /// Do everything that is due, until nothing is.
    Tick,
    /// Show the messages that were handed out since the last time, and take note of them for a report.
    Sent,
    /// Report how the delivery of the messages shown last went.
    Report(Delivery),
    /// A connection appears for every message of the outbox.
    Connect,
}

/// How a delivery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrived.
    Delivered,
    /// It failed, and may be tried again.
    Failed,
    /// There was no connection.
    Unclaimed,
}

/// A request of the 2023 API, in the texts that HTTP has for it.
#[derive(Clone, Debug)]
pub enum RestCall {
    /// Read a promise.
    Get {
        /// The id, percent-encoded.
        id: String,
    },
    /// Create or settle a promise.
    Write {
        /// Which of the four.
        verb: Verb,
        /// The id, percent-encoded.
        id: String,
        /// The idempotency key.
        key: Option<String>,
        /// The text of `Strict`.
        strict: Option<String>,
        /// The body.
        body: Vec<u8>,
    },
    /// Search.
    Search {
        /// The query string.
        query: String,
    },
}

/// What a write asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Create.
    Create,
    /// Settle as resolved.
    Resolve,
    /// Settle as rejected.
    Reject,
    /// Settle as cancelled.
    Cancel,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 4] = [Self::Create, Self::Resolve, Self::Reject, Self::Cancel];

    /// The last segment of its path.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Resolve => "resolve",
            Self::Reject => "reject",
            Self::Cancel => "cancel",
        }
    }
}

/// A request of HTTP.
#[derive(Clone, Debug)]
pub struct HttpCall {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header lines; what they say need not be text.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status of HTTP, or the number that stands for it elsewhere.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// An answer whose body is JSON, or nothing.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    pub fn of_json(status: u16, bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self { status, body: Value::Null };
        }
        let body = serde_json::from_slice(bytes);
        let body = body.unwrap_or_else(|why| panic!("{status} with a body that is not JSON ({why}): {bytes:?}"));
        Self { status, body }
    }
}

/// What a system under test is started with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dials {
    /// The formal specification to the letter.
    pub strict: bool,
}

impl Dials {
    /// The dials of the machine.
    #[must_use]
    pub fn rules(self) -> resonate_core::rules::Rules {
        resonate_core::rules::Rules { strict: self.strict, ..resonate_core::rules::Rules::default() }
    }
}
