//! `resonate tasks fence`: creates or settles a promise only while a task is held.

use clap::{Arg, ArgMatches, Command};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::action;
use crate::cli::input::{id_arg, object, required, version_arg};
use crate::cli::session::{Session, member};
use crate::cli::{Failure, show};
use crate::client::Error;
use crate::client::record::Promise;

const KIND: &str = "task.fence";

pub(super) fn command() -> Command {
    let example = concat!(
        "  resonate tasks fence foo --version 1 \\\n",
        "    --action '{\"kind\": \"promise.settle\", \"data\": {\"id\": \"foo.1\", \"state\": \"resolved\"}}'"
    );
    let action = Arg::new("action").long("action").value_name("JSON").value_parser(object).required(true);
    member("fence", "Create or settle a promise, only while the task is held", example)
        .arg(id_arg("ID", "The task"))
        .arg(version_arg())
        .arg(action.help("A promise.create or promise.settle of the protocol; it is sent as it stands"))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let asked = json!({
        "id": required::<String>(matches, "ID"),
        "version": required::<u64>(matches, "version"),
        "action": action(required::<Map<String, Json>>(matches, "action")),
    });
    let answer = session.ask(KIND, &asked)?;
    let inner = &answer.data["action"];
    let status = inner["head"]["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
    if status < 400 || session.is_json() {
        session.show(&answer, |screen| {
            let promise = Promise::deserialize(&inner["data"]["promise"]);
            let promise = promise.map_err(|why| Error::Unreadable { kind: KIND.to_owned(), why: why.to_string() })?;
            Ok(show::promise(screen, &promise))
        })?;
    }
    if status < 400 {
        return Ok(());
    }
    let why = inner["data"].as_str().unwrap_or("the action is refused");
    Err(Failure::refused(status, format!("{why} ({status})")))
}
