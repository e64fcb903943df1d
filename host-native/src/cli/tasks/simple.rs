//! `resonate tasks get`, `release`, `halt` and `continue`: an id, and little else.

use clap::{ArgMatches, Command};
use serde_json::json;

use crate::cli::input::{id_arg, required, version_arg};
use crate::cli::session::{Session, member};
use crate::cli::{Failure, show};
use crate::client::record::Task;

pub(super) fn get() -> Command {
    member("get", "Show a task", "  resonate tasks get foo")
        .arg(id_arg("ID", "The task, which has the id of its promise"))
}

pub(super) fn run_get(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    const KIND: &str = "task.get";
    session.ask_and_show(KIND, &json!({"id": required::<String>(matches, "ID")}), |screen, answer| {
        Ok(show::task(screen, &answer.record::<Task>(KIND, "task")?))
    })
}

pub(super) fn release() -> Command {
    member(
        "release",
        "Give an acquired task back, for any worker to acquire",
        "  resonate tasks release foo --version 1",
    )
    .arg(id_arg("ID", "The task"))
    .arg(version_arg())
}

pub(super) fn run_release(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let id: String = required(matches, "ID");
    let asked = json!({"id": id, "version": required::<u64>(matches, "version")});
    session.ask_and_show("task.release", &asked, |_, _| Ok(format!("task {id} is released\n")))
}

pub(super) fn halt() -> Command {
    member("halt", "Stop a task: no worker gets it until it is continued", "  resonate tasks halt foo")
        .arg(id_arg("ID", "The task"))
}

pub(super) fn run_halt(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let id: String = required(matches, "ID");
    session.ask_and_show("task.halt", &json!({"id": id}), |_, _| Ok(format!("task {id} is halted\n")))
}

pub(super) fn resume() -> Command {
    member("continue", "Let a halted task go on", "  resonate tasks continue foo").arg(id_arg("ID", "The task"))
}

pub(super) fn run_resume(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let id: String = required(matches, "ID");
    session.ask_and_show("task.continue", &json!({"id": id}), |_, _| Ok(format!("task {id} goes on\n")))
}
