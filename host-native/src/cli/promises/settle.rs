//! `resonate promises resolve`, `reject` and `cancel`.

use clap::{ArgMatches, Command};
use serde_json::{Value as Json, json};

use super::show_settled_as;
use crate::cli::Failure;
use crate::cli::input::{id_arg, optional, required, value_arg};
use crate::cli::session::{Session, member};
use crate::client::fields;
use resonate_core::promise::PromiseState;

const KIND: &str = "promise.settle";

pub(super) fn resolve() -> Command {
    let example = "  resonate promises resolve foo --value '{\"data\": {\"paid\": true}}'";
    describe(
        "resolve",
        "Resolve a promise; one that is settled already stays as it is, and if not resolved, the code is 4",
        example,
    )
}

pub(super) fn reject() -> Command {
    let example = "  resonate promises reject foo --value '{\"data\": {\"message\": \"out of stock\"}}'";
    describe(
        "reject",
        "Reject a promise; one that is settled already stays as it is, and if not rejected, the code is 4",
        example,
    )
}

pub(super) fn cancel() -> Command {
    describe(
        "cancel",
        "Cancel a promise; one that is settled already stays as it is, and if not cancelled, the code is 4",
        "  resonate promises cancel foo",
    )
}

pub(super) fn run_resolve(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    run(matches, session, PromiseState::Resolved)
}

pub(super) fn run_reject(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    run(matches, session, PromiseState::Rejected)
}

pub(super) fn run_cancel(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    run(matches, session, PromiseState::RejectedCanceled)
}

fn describe(name: &'static str, about: &'static str, examples: &'static str) -> Command {
    member(name, about, examples)
        .arg(id_arg("ID", "The promise"))
        .arg(value_arg("value", "What it is settled with: '{\"data\": ANY_JSON}'; the data is sent as base64"))
}

fn run(matches: &ArgMatches, session: &Session, state: PromiseState) -> Result<(), Failure> {
    let asked = fields([
        ("id", Some(json!(required::<String>(matches, "ID")))),
        ("state", Some(json!(state))),
        ("value", optional::<Json>(matches, "value")),
    ]);
    let answer = session.ask(KIND, &asked)?;
    show_settled_as(session, KIND, &answer, state.name())
}
