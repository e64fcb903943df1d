//! `resonate tasks suspend`: puts a task to sleep until a promise is settled.

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command};
use serde_json::{Value as Json, json};

use super::{action, preload};
use crate::cli::Failure;
use crate::cli::input::{array, id, id_arg, optional, required, version_arg};
use crate::cli::session::{Session, member};
use crate::client::head;

const KIND: &str = "task.suspend";

/// The status of an answer that says that there is nothing to wait for.
const GO_ON: u16 = 300;

pub(super) fn command() -> Command {
    let examples = concat!(
        "  resonate tasks suspend foo --version 1 --await foo.1 --await foo.2\n",
        "  resonate tasks suspend foo --version 1 \\\n",
        "    --actions '[{\"kind\": \"promise.register_callback\", \"data\": {\"awaited\": \"foo.1\", \"awaiter\": \"foo\"}}]'"
    );
    let awaited = Arg::new("await").long("await").value_name("ID").value_parser(id).action(ArgAction::Append);
    let actions = Arg::new("actions").long("actions").value_name("JSON").value_parser(actions_of);
    member("suspend", "Put an acquired task to sleep until an awaited promise is settled", examples)
        .arg(id_arg("ID", "The task"))
        .arg(version_arg())
        .arg(awaited.help("A promise to wait for; may be repeated"))
        .arg(actions.help("The same as requests of the protocol: promise.register_callback"))
        .group(ArgGroup::new("awaited").args(["await", "actions"]).required(true))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let task: String = required(matches, "ID");
    let register = |awaited: &String| {
        json!({
            "kind": "promise.register_callback",
            "head": head(),
            "data": {"awaited": awaited, "awaiter": task},
        })
    };
    let actions = optional::<Json>(matches, "actions")
        .unwrap_or_else(|| matches.get_many::<String>("await").unwrap_or_default().map(register).collect());
    let asked = json!({"id": task, "version": required::<u64>(matches, "version"), "actions": actions});
    session.ask_and_show(KIND, &asked, |screen, answer| {
        if answer.status == GO_ON {
            let preload = preload(screen, KIND, answer)?;
            return Ok(format!("task {task} goes on: something that it awaits is settled already\n{preload}"));
        }
        Ok(format!("task {task} is suspended\n"))
    })
}

fn actions_of(text: &str) -> Result<Json, String> {
    let requests = array(text)?.into_iter().map(|item| match item {
        Json::Object(fields) => Ok(action(fields)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            Err("each action must be a JSON object: '[{…}]'".to_owned())
        }
    });
    requests.collect()
}
