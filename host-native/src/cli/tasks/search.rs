//! `resonate tasks search`.

use clap::{ArgMatches, Command};
use resonate_core::task::TaskState;
use serde_json::json;

use crate::cli::input::{optional, search_args, state_arg};
use crate::cli::session::{Session, member};
use crate::cli::{Failure, show};
use crate::client::fields;
use crate::client::record::Task;

const KIND: &str = "task.search";

pub(super) fn command() -> Command {
    member("search", "List tasks by id", "  resonate tasks search --state halted")
        .arg(state_arg(TaskState::ALL.into_iter().map(TaskState::name)))
        .args(search_args(100))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let asked = fields([
        ("state", optional::<String>(matches, "state").map(|state| json!(state))),
        ("limit", optional::<u16>(matches, "limit").map(|limit| json!(limit))),
        ("cursor", optional::<String>(matches, "cursor").map(|cursor| json!(cursor))),
    ]);
    session.ask_and_show(KIND, &asked, |screen, answer| {
        let found: Vec<Task> = answer.record(KIND, "tasks")?;
        Ok(show::tasks(screen, &found, answer.cursor()))
    })
}
