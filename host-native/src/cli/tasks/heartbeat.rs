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
    // The answer does not tell which of them the worker holds.
    let sent = if asked["tasks"] == json!([]) {
        format!("sent: all tasks that {pid} holds are extended\n")
    } else {
        format!("sent: tasks that {pid} holds at these versions are extended, others are ignored\n")
    };
    session.ask_and_show("task.heartbeat", &asked, |_, _| Ok(sent))
}

fn tasks_of(text: &str) -> Result<Json, String> {
    array(text).map(Json::Array)
}
