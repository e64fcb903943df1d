//! `resonate tasks claim`: acquires a task for a worker.

use clap::{Arg, ArgMatches, Command};
use resonate_core::time::Millis;
use serde_json::json;

use super::show_acquired;
use crate::cli::Failure;
use crate::cli::input::{duration_arg, id_arg, required, version_arg};
use crate::cli::session::{Session, member};

const KIND: &str = "task.acquire";

pub(super) fn command() -> Command {
    let pid = Arg::new("pid").long("pid").value_name("PID").required(true).help("The worker that holds it then");
    member("claim", "Acquire a pending task", "  resonate tasks claim foo --pid me --version 0 --ttl 1m")
        .visible_alias("acquire")
        .arg(id_arg("ID", "The task"))
        .arg(pid)
        .arg(version_arg().help("Version of the task, as `tasks get` shows it"))
        .arg(duration_arg("ttl", "Length of the lease, which a heartbeat extends").required(true))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let asked = json!({
        "id": required::<String>(matches, "ID"),
        "version": required::<u64>(matches, "version"),
        "pid": required::<String>(matches, "pid"),
        "ttl": required::<Millis>(matches, "ttl"),
    });
    show_acquired(session, KIND, &session.ask(KIND, &asked)?)
}
