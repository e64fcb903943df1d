//! `resonate schedules create`.

use clap::{Arg, ArgMatches, Command};
use resonate_core::promise::Tags;
use resonate_core::time::Millis;
use serde_json::{Value as Json, json};

use super::show_schedule;
use crate::cli::Failure;
use crate::cli::input::{duration_arg, id_arg, optional, required, tags_arg, value_arg};
use crate::cli::session::{Session, member};
use crate::client::fields;

pub(super) fn command() -> Command {
    let examples = concat!(
        "  resonate schedules create nightly --cron '0 3 * * *' --promise-id 'nightly-{{.timestamp}}' \\\n",
        "    --promise-timeout 1h --promise-tags '{\"resonate:target\": \"poll://any@default\"}' \\\n",
        "    --promise-param '{\"data\": {\"func\": \"cleanUp\", \"args\": [], \"version\": 1}}'"
    );
    let cron = Arg::new("cron").long("cron").value_name("CRON").required(true);
    let template = Arg::new("promise-id").long("promise-id").value_name("TEMPLATE").required(true);
    member("create", "Create a schedule; one that is there already is left as it is", examples)
        .arg(id_arg("ID", "The schedule"))
        .arg(cron.help("When it fires, in UTC: minute hour day month weekday; with 6 fields seconds come first"))
        .arg(
            template.help("Ids of the promises; {{.id}} is the schedule's, {{.timestamp}} the instant in milliseconds"),
        )
        .arg(duration_arg("promise-timeout", "When each promise times out, counted from its creation").required(true))
        .arg(value_arg(
            "promise-param",
            "What each promise is created with: '{\"data\": ANY_JSON}'; the data is sent as base64",
        ))
        .arg(tags_arg("promise-tags", "Tags of each promise"))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let id: String = required(matches, "ID");
    let asked = fields([
        ("id", Some(json!(id))),
        ("cron", Some(json!(required::<String>(matches, "cron")))),
        ("promiseId", Some(json!(required::<String>(matches, "promise-id")))),
        ("promiseTimeout", Some(json!(required::<Millis>(matches, "promise-timeout")))),
        ("promiseParam", optional::<Json>(matches, "promise-param")),
        ("promiseTags", optional::<Tags>(matches, "promise-tags").map(|tags| json!(tags))),
    ]);
    // The answer to a creation does not tell whether it has created anything.
    let existed = session.ask("schedule.get", &json!({"id": id})).is_ok();
    show_schedule(session, "schedule.create", &asked)?;
    if existed {
        session.note(&format!("schedule {id} existed already and is left as it is; delete it first to change it"));
    }
    Ok(())
}
