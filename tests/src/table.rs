//! Decision tables in plain text: one row a request, the instant at its start, the answer behind an arrow. The same table runs against every
//! driver.
//!
//! ```text
//! # A line that starts with a hash is a comment, one that starts with a blank continues the row above.
//! == a promise is settled once            each scenario starts with an empty system; [names] restrict it, see below
//! 100  create foo key=a {"timeout":1000}  -> 201 PENDING createdOn=100
//! 1000 @json resolve foo key=b            -> 403 REJECTED_TIMEDOUT completedOn=1000
//! ```
//!
//! Names that restrict: `@` names drivers in front of a request, or in brackets behind the title of a scenario: `memory`, `sqlite`, `postgres`, `wasm`,
//! `http`, `grpc`, `local` (the first four) and `json` (all but the last). `[strict]` switches the machine's strict rules on.
//!
//! Requests
//! - `get ID`, `create|resolve|reject|cancel ID [key=K] [strict[=TEXT]] [BODY]`, `search QUERY`: the 2023 API; ids are percent-encoded. A body
//!   is what follows from the first word that opens a brace, or what follows `body=`.
//! - `PUT /path [Name:text …] [BODY]`: a request of HTTP as it stands.
//! - `promise.get {…}`: today's protocol, the data of the request; `envelope BODY`: the bytes of a whole envelope.
//! - `tick`: everything that is due happens. `sent`: messages handed out since the last time; `delivered`, `failed`, `unclaimed` report on
//!   these. `connect`: a connection appears for everything that waits. These look inside, as `debug.snap` does, and are for the local drivers
//!   where nothing else is said.
//!
//! `300* REQUEST` is made so many times, with its number from 0 for `$n`. `<a*1025>` is the character so many times, `<0xff>` a byte, `$cursor`
//! the cursor of the last search.
//!
//! Answers: a status, then any of
//! - `STATE`, the state of the 2023 promise; `path.to.field=JSON`, where `#` is a length and `null` is absent too;
//! - `ids a b | more` or `ids a b | end`, the page of a search;
//! - JSON: every field of it must be there so; `=JSON`: that and nothing else;
//! - any other text: the error says it, wherever the protocol has its error.
//!
//! Nothing may have changed behind an answer that refuses bad input (400, 405, 413), where the driver can look.

mod expected;
mod parse;
mod request;
mod run;

use std::path::PathBuf;

use crate::drivers::Kind;

pub use request::envelope_of;
pub use run::{run, run_with};

/// A table.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    scenarios: Vec<Scenario>,
}

/// Rows that share a system under test.
#[derive(Debug)]
struct Scenario {
    title: String,
    drivers: Drivers,
    strict: bool,
    rows: Vec<Row>,
}

/// A request and the answer to it.
#[derive(Debug)]
struct Row {
    line: usize,
    at: u64,
    drivers: Drivers,
    request: String,
    expected: String,
}

/// The drivers that something is for; none means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Drivers(Vec<Kind>);

impl Drivers {
    fn include(&self, kind: Kind) -> bool {
        self.0.is_empty() || self.0.contains(&kind)
    }

    /// Adds what a name stands for. Whether there is such a name.
    fn add(&mut self, name: &str) -> bool {
        let before = self.0.len();
        match name {
            "local" => self.0.extend([Kind::Memory, Kind::Sqlite, Kind::Postgres, Kind::Wasm]),
            "json" => self.0.extend([Kind::Memory, Kind::Sqlite, Kind::Postgres, Kind::Wasm, Kind::Http]),
            _ => self.0.extend(Kind::ALL.into_iter().find(|kind| kind.name() == name)),
        }
        self.0.len() > before
    }
}
