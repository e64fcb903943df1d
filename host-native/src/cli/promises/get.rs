//! `resonate promises get`: one promise, now or when it is settled.

use clap::{ArgMatches, Command};
use serde_json::json;

use super::ask_for_promise;
use crate::cli::Failure;
use crate::cli::input::{id_arg, required};
use crate::cli::session::{Session, member};
use crate::cli::wait;

const KIND: &str = "promise.get";

pub(super) fn command() -> Command {
    let examples = "  resonate promises get foo\n  resonate promises get foo --wait --wait-timeout 10m";
    wait::waiting(member("get", "Show a promise", examples).arg(id_arg("ID", "The promise")))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let id: String = required(matches, "ID");
    match wait::Wait::of(matches) {
        Some(wait) => wait::show_settled(session, &id, &wait),
        None => ask_for_promise(session, KIND, &json!({"id": id})),
    }
}
