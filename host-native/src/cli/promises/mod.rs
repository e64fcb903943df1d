//! `resonate promises`: the promises of a server.

mod create;
mod get;
mod purge;
mod register;
mod search;
mod settle;

use clap::{ArgMatches, Command};

use super::session::{self, Session, Sub};
use super::{Environment, Failure, show};
use crate::client::Answer;
use crate::client::record::Promise;

const SUBS: &[Sub] = &[
    Sub { command: get::command, run: get::run },
    Sub { command: create::command, run: create::run },
    Sub { command: settle::resolve, run: settle::run_resolve },
    Sub { command: settle::reject, run: settle::run_reject },
    Sub { command: settle::cancel, run: settle::run_cancel },
    Sub { command: search::command, run: search::run },
    Sub { command: purge::command, run: purge::run },
    Sub { command: register::callback, run: register::run_callback },
    Sub { command: register::listener, run: register::run_listener },
];

/// Describes the group to clap.
pub(super) fn command() -> Command {
    session::group("promises", "promise", "Create, read, settle, search and purge promises", SUBS)
}

/// Runs the command that was named.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    session::run_member(SUBS, matches, environment)
}

/// Asks for what is answered with a promise, and prints it.
fn ask_for_promise(session: &Session, kind: &str, data: &serde_json::Value) -> Result<(), Failure> {
    show_promise(session, kind, &session.ask(kind, data)?)
}

/// Prints the promise of the answer to a settlement, and fails when it is settled in another way than was asked for: a script must not take
/// that for its own doing.
pub(super) fn show_settled_as(session: &Session, kind: &str, answer: &Answer, asked: &str) -> Result<(), Failure> {
    show_promise(session, kind, answer)?;
    ensure_settled_as(&answer.record(kind, "promise")?, asked)
}

/// Fails when a promise is settled in another way than was asked for.
pub(super) fn ensure_settled_as(promise: &Promise, asked: &str) -> Result<(), Failure> {
    let (id, state) = (&promise.id, promise.state.name());
    if state == asked {
        return Ok(());
    }
    Err(Failure::Refused(format!("promise {id} was {state} already and is left as it is")))
}

/// Prints the promise of an answer.
pub(super) fn show_promise(session: &Session, kind: &str, answer: &Answer) -> Result<(), Failure> {
    session.show(answer, |screen| Ok(show::promise(screen, &answer.record::<Promise>(kind, "promise")?)))
}
