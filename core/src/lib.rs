//! The rules of durable promises as pure functions: same arguments, same answer, for ever.
//!
//! A durable promise is an addressable, persistent promise: created, awaited, resolved, rejected or timed out by anyone who knows its id. This
//! crate decides what every request to a world of such promises comes to; it has no clock, no randomness, no IO, no threads and no state of its
//! own. Hosts load records, ask [`decide()`], write what it says, and do its effects:
//!
//! ```
//! use resonate_core::memory::MemoryStore;
//! use resonate_core::request::Request;
//! use resonate_core::reply::Reply;
//! use resonate_core::rules::Rules;
//! use resonate_core::time::Timestamp;
//! use resonate_core::wire::rest;
//!
//! let mut store = MemoryStore::new();
//! let create = rest::parse_create("foo", None, br#"{"timeout": 2524608000000}"#).unwrap();
//! let decision = store.apply(&Rules::default(), &create, Timestamp::saturating(1_000));
//! assert!(matches!(decision.reply, Reply::Created { fresh: true, .. }));
//! ```
//!
//! The rooms: records ([`promise`], [`task`], [`schedule`], [`message`]), what happens ([`request`], [`reply`]), what decisions are made of and
//! come to ([`read`], [`records`], [`write`](mod@write), [`effect`], [`due`]), the machine ([`decide()`]), the loop around it ([`batch`],
//! [`drive`], [`memory`], [`local`]), what happened and can happen again ([`recording`]), what must always be true ([`property`]), and the
//! spellings of both protocols ([`wire`]). Section numbers in the documentation are those of the protocol's specification.

#![deny(missing_docs)]

pub mod address;
pub mod at_hand;
pub mod batch;
mod cron;
mod decide;
pub mod drive;
pub mod due;
pub mod effect;
mod hint;
pub mod id;
pub mod limits;
pub mod local;
pub mod memory;
pub mod message;
pub mod mutant;
pub mod promise;
pub mod property;
pub mod read;
pub mod recording;
pub mod records;
pub mod reply;
pub mod request;
pub mod retention;
pub mod rules;
mod scan;
pub mod schedule;
pub mod search;
mod shown;
pub mod snapshot;
pub mod task;
pub mod time;
pub mod value;
pub mod wire;
pub mod write;

pub use decide::{Decision, Missing, decide};
