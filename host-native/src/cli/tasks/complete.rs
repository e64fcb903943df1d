//! `resonate tasks complete`: settles the promise of a task that is held.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgGroup, ArgMatches, Command};
use resonate_core::promise::PromiseState;
use serde_json::{Map, Value as Json, json};

use super::action;
use crate::cli::Failure;
use crate::cli::input::{id_arg, object, optional, required, value_arg, version_arg};
use crate::cli::promises::{show_promise, show_settled_as};
use crate::cli::session::{Session, member};
use crate::client::{fields, head};

const KIND: &str = "task.fulfill";

pub(super) fn command() -> Command {
    let examples = concat!(
        "  resonate tasks complete foo --version 1 --state resolved --value '{\"data\": 42}'\n",
        "  resonate tasks complete foo --version 1 \\\n",
        "    --action '{\"kind\": \"promise.settle\", \"data\": {\"id\": \"foo\", \"state\": \"resolved\"}}'"
    );
    let states = [PromiseState::Resolved, PromiseState::Rejected, PromiseState::RejectedCanceled];
    let states = PossibleValuesParser::new(states.map(PromiseState::name));
    let state = Arg::new("state").long("state").value_name("STATE").value_parser(states);
    let action = Arg::new("action").long("action").value_name("JSON").value_parser(object);
    let value =
        value_arg("value", "What the promise is settled with: '{\"data\": ANY_JSON}'; the data is sent as base64");
    member("complete", "Settle the promise of a task that is held", examples)
        .visible_alias("fulfill")
        .arg(id_arg("ID", "The task"))
        .arg(version_arg())
        .arg(state.help("How the promise is settled"))
        .arg(value.requires("state"))
        .arg(action.help("The same as a promise.settle of the protocol; it is sent as it stands"))
        .group(ArgGroup::new("settlement").args(["state", "action"]).required(true))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let id: String = required(matches, "ID");
    let settle = match optional::<Map<String, Json>>(matches, "action") {
        Some(fields) => action(fields),
        None => {
            let settle = fields([
                ("id", Some(json!(id))),
                ("state", Some(json!(required::<String>(matches, "state")))),
                ("value", optional::<Json>(matches, "value")),
            ]);
            json!({"kind": "promise.settle", "head": head(), "data": settle})
        }
    };
    let asked = json!({"id": id, "version": required::<u64>(matches, "version"), "action": settle});
    let answer = session.ask(KIND, &asked)?;
    match asked["action"]["data"]["state"].as_str() {
        Some(state) => show_settled_as(session, KIND, &answer, state),
        None => show_promise(session, KIND, &answer),
    }
}
