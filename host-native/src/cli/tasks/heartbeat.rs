//! `resonate tasks heartbeat`: extends leases.

use clap::{Arg, ArgMatches, Command};
use serde_json::{Value as Json, json};

use crate::cli::Failure;
use crate::cli::input::{array, required};
use crate::cli::session::{Session, member};

pub(super) fn command() -> Command {
    let example = "  resonate tasks heartbeat --pid me --tasks '[{\"id\": \"foo\", \"version\": 1}]'";
    let pid = Arg::new("pid").long("pid").value_name("PID").required(true).help("The worker");
    let tasks = Arg::new("tasks").long("tasks").value_name("JSON").value_parser(tasks_of).required(true);
    member("heartbeat", "Extend the leases of the tasks that a worker holds", example)
        .arg(pid)
        .arg(tasks.help("The tasks: '[{\"id\": ID, \"version\": N}]'; '[]' means all of them"))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let pid: String = required(matches, "pid");
    let asked = json!({"pid": pid, "tasks": required::<Json>(matches, "tasks")});
    session.ask_and_show("task.heartbeat", &asked, |_, _| Ok(format!("leases of {pid} are extended\n")))
}

fn tasks_of(text: &str) -> Result<Json, String> {
    array(text).map(Json::Array)
}
