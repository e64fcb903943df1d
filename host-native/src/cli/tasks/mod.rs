//! `resonate tasks`: what workers hold. People look at tasks and halt them; the rest is for writing a worker by hand.

mod claim;
mod complete;
mod create;
mod fence;
mod heartbeat;
mod search;
mod simple;
mod suspend;

use clap::{ArgMatches, Command};
use serde_json::{Map, Value as Json};

use super::session::{self, Session, Sub};
use super::{Environment, Failure, show};
use crate::client::record::{Promise, Task};
use crate::client::{Answer, Error, head};

const SUBS: &[Sub] = &[
    Sub { command: simple::get, run: simple::run_get },
    Sub { command: create::command, run: create::run },
    Sub { command: claim::command, run: claim::run },
    Sub { command: fence::command, run: fence::run },
    Sub { command: heartbeat::command, run: heartbeat::run },
    Sub { command: suspend::command, run: suspend::run },
    Sub { command: complete::command, run: complete::run },
    Sub { command: simple::release, run: simple::run_release },
    Sub { command: simple::halt, run: simple::run_halt },
    Sub { command: simple::resume, run: simple::run_resume },
    Sub { command: search::command, run: search::run },
];

/// Describes the group to clap.
pub(super) fn command() -> Command {
    session::group("tasks", "task", "Look at tasks, halt them, or work on them by hand", SUBS)
}

/// Runs the command that was named.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    session::run_member(SUBS, matches, environment)
}

/// Prints an acquired task, its promise and what else is known of its branch.
fn show_acquired(session: &Session, kind: &str, answer: &Answer) -> Result<(), Failure> {
    session.show(answer, |screen| {
        let task: Task = answer.record(kind, "task")?;
        let promise: Promise = answer.record(kind, "promise")?;
        Ok(format!(
            "{}\n{}{}",
            show::task(screen, &task),
            show::promise(screen, &promise),
            preload(screen, kind, answer)?
        ))
    })
}

/// The promises that come with an answer, so that a worker need not ask for them.
fn preload(screen: &show::Screen, kind: &str, answer: &Answer) -> Result<String, Error> {
    let promises: Vec<Promise> = answer.record(kind, "preload")?;
    Ok(if promises.is_empty() { String::new() } else { format!("\n{}", show::promises(screen, &promises, None)) })
}

/// An action as the protocol wants it: a request in a request, with a head of its own where it has none.
fn action(mut fields: Map<String, Json>) -> Json {
    fields.entry("head").or_insert_with(head);
    Json::Object(fields)
}
