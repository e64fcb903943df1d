//! `resonate schedules`: promises that are created again and again.

mod create;

use clap::{ArgMatches, Command};
use resonate_core::promise::Tags;
use serde_json::json;

use super::input::{id_arg, optional, required, search_args, tags_arg};
use super::session::{self, Session, Sub, member};
use super::{Environment, Failure, show};
use crate::client::fields;
use crate::client::record::Schedule;

const SUBS: &[Sub] = &[
    Sub { command: get, run: run_get },
    Sub { command: create::command, run: create::run },
    Sub { command: delete, run: run_delete },
    Sub { command: search, run: run_search },
];

/// Describes the group to clap.
pub(super) fn command() -> Command {
    session::group("schedules", "schedule", "Create, read, delete and search schedules", SUBS)
}

/// Runs the command that was named.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    session::run_member(SUBS, matches, environment)
}

fn get() -> Command {
    member("get", "Show a schedule", "  resonate schedules get nightly").arg(id_arg("ID", "The schedule"))
}

fn run_get(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let asked = json!({"id": required::<String>(matches, "ID")});
    show_schedule(session, "schedule.get", &asked)
}

fn delete() -> Command {
    let about = "Delete a schedule; the promises that it has created stay";
    member("delete", about, "  resonate schedules delete nightly").arg(id_arg("ID", "The schedule"))
}

fn run_delete(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let id: String = required(matches, "ID");
    session.ask_and_show("schedule.delete", &json!({"id": id}), |_, _| Ok(format!("schedule {id} is deleted\n")))
}

fn search() -> Command {
    member("search", "List schedules by id", "  resonate schedules search --limit 20")
        .arg(tags_arg("tags", "Only those whose promises get all of these tags"))
        .args(search_args(10))
}

fn run_search(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    const KIND: &str = "schedule.search";
    let asked = fields([
        ("tags", optional::<Tags>(matches, "tags").map(|tags| json!(tags))),
        ("limit", optional::<u16>(matches, "limit").map(|limit| json!(limit))),
        ("cursor", optional::<String>(matches, "cursor").map(|cursor| json!(cursor))),
    ]);
    session.ask_and_show(KIND, &asked, |screen, answer| {
        let found: Vec<Schedule> = answer.record(KIND, "schedules")?;
        Ok(show::schedules(screen, &found, answer.cursor()))
    })
}

/// Asks for what is answered with a schedule, and prints it.
fn show_schedule(session: &Session, kind: &str, asked: &serde_json::Value) -> Result<(), Failure> {
    session.ask_and_show(kind, asked, |screen, answer| {
        Ok(show::schedule(screen, &answer.record::<Schedule>(kind, "schedule")?))
    })
}
