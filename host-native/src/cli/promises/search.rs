//! `resonate promises search`.

use clap::{ArgMatches, Command};
use resonate_core::promise::{PromiseState, Tags};
use serde_json::json;

use crate::cli::input::{optional, search_args, state_arg, tags_arg};
use crate::cli::session::{Session, member};
use crate::cli::{Failure, show};
use crate::client::fields;
use crate::client::record::Promise;

const KIND: &str = "promise.search";

pub(super) fn command() -> Command {
    let examples = "  resonate promises search --state pending --tags '{\"team\": \"shop\"}' --limit 20";
    member("search", "List promises by id", examples)
        .arg(state_arg(PromiseState::ALL.into_iter().map(PromiseState::name)))
        .arg(tags_arg("tags", "Only those with all of these tags"))
        .args(search_args(100))
}

pub(super) fn run(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let asked = fields([
        ("state", optional::<String>(matches, "state").map(|state| json!(state))),
        ("tags", optional::<Tags>(matches, "tags").map(|tags| json!(tags))),
        ("limit", optional::<u16>(matches, "limit").map(|limit| json!(limit))),
        ("cursor", optional::<String>(matches, "cursor").map(|cursor| json!(cursor))),
    ]);
    session.ask_and_show(KIND, &asked, |screen, answer| {
        let found: Vec<Promise> = answer.record(KIND, "promises")?;
        Ok(show::promises(screen, &found, answer.cursor()))
    })
}
