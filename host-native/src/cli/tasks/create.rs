//! `resonate tasks create`: a promise and its task, acquired from the start.

use clap::{Arg, ArgMatches, Command};
use resonate_core::promise::{Tags, tag};
use resonate_core::time::Millis;
use serde_json::{Value as Json, json};

use super::show_acquired;
use crate::cli::Failure;
use crate::cli::input::{duration_arg, id_arg, now, optional, required, tags_arg, value_arg};
use crate::cli::session::{Session, member};
use crate::client::{fields, head};

const KIND: &str = "task.create";

pub(super) fn command() -> Command {
    let example = "  resonate tasks create foo --pid me --ttl 1m --timeout 1h --target poll://any@default";
    let pid = Arg::new("pid").long("pid").value_name("PID").required(true);
    let target = Arg::new("target").long("target").value_name("ADDRESS");
    member("create", "Create a promise with a target and acquire its task at once", example)
        .arg(id_arg("ID", "The promise, and its task"))
        .arg(pid.help("The worker that holds the task"))
        .arg(duration_arg("ttl", "Length of the lease, which a heartbeat extends").required(true))
        .arg(duration_arg("timeout", "When the promise times out, counted from now").required(true))
        .arg(value_arg("param", "What the promise is created with: '{\"data\": ANY_JSON}'; the data is sent as base64"))
        .arg(tags_arg("tags", "Tags of the promise"))
        .arg(target.help("Who else may run it, as the tag resonate:target"))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let mut tags = optional::<Tags>(matches, "tags").unwrap_or_default();
    if let Some(target) = optional::<String>(matches, "target") {
        tags.insert(tag::TARGET.to_owned(), target);
    }
    if !tags.contains_key(tag::TARGET) {
        let why = "only a promise with a target has a task; give --target poll://any@GROUP, or the tag resonate:target";
        return Err(Failure::Usage(why.to_owned()));
    }
    let create = fields([
        ("id", Some(json!(required::<String>(matches, "ID")))),
        ("timeoutAt", Some(json!(now() + required::<Millis>(matches, "timeout")))),
        ("param", optional::<Json>(matches, "param")),
        ("tags", Some(json!(tags))),
    ]);
    let asked = json!({
        "pid": required::<String>(matches, "pid"),
        "ttl": required::<Millis>(matches, "ttl"),
        "action": {"kind": "promise.create", "head": head(), "data": create},
    });
    let answer = session.ask(KIND, &asked)?;
    session.note_if_it_existed(&answer.record(KIND, "promise")?, &create);
    show_acquired(session, KIND, &answer)
}
