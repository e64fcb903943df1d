//! `resonate promises create`.

use clap::{ArgMatches, Command};
use resonate_core::promise::Tags;
use resonate_core::time::Millis;
use serde_json::{Value as Json, json};

use super::show_promise;
use crate::cli::Failure;
use crate::cli::input::{duration_arg, id_arg, now, optional, required, tags_arg, value_arg};
use crate::cli::session::{Session, member};
use crate::client::fields;
use crate::client::record::Promise;

const KIND: &str = "promise.create";

pub(super) fn command() -> Command {
    let examples = concat!(
        "  resonate promises create foo --timeout 1h\n",
        "  resonate promises create foo --timeout 7d \\\n",
        "    --param '{\"data\": {\"order\": 42}}' --tags '{\"team\": \"shop\"}'"
    );
    member("create", "Create a promise; one that is there already is left as it is", examples)
        .arg(id_arg("ID", "The promise"))
        .arg(duration_arg("timeout", "When it times out, counted from now").required(true))
        .arg(value_arg("param", "What it is created with: '{\"data\": ANY_JSON}'; the data is sent as base64"))
        .arg(tags_arg("tags", "Its tags, an object of strings"))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let timeout_at = now() + required::<Millis>(matches, "timeout");
    let asked = fields([
        ("id", Some(json!(required::<String>(matches, "ID")))),
        ("timeoutAt", Some(json!(timeout_at))),
        ("param", optional::<Json>(matches, "param")),
        ("tags", optional::<Tags>(matches, "tags").map(|tags| json!(tags))),
    ]);
    create_and_show(session, &asked)
}

/// Creates the promise, prints it, and says so when it was there before.
fn create_and_show(session: &Session, asked: &Json) -> Result<(), Failure> {
    let answer = session.ask(KIND, asked)?;
    let promise: Promise = answer.record(KIND, "promise")?;
    session.note_if_it_existed(&promise, asked);
    show_promise(session, KIND, &answer)
}
