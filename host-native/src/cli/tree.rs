//! `resonate tree`: what a call has called.

use clap::{ArgMatches, Command};
use resonate_core::promise::tag;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::input::{id_arg, required};
use super::session::{Session, asking};
use super::{Environment, Failure, print, show};
use crate::client::limits::PAGE_PROMISES;
use crate::client::record::Promise;

const KIND: &str = "promise.search";

const EXAMPLES: &str = "\
Example:
  resonate tree order-42

";

/// Describes it to clap.
pub(super) fn command() -> Command {
    asking("tree", "Draw the call tree below a promise, with what each call is and how it went", EXAMPLES)
        .arg(id_arg("ID", "The root: the promise of the first call"))
}

/// Prints it.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    let session = Session::open(matches, environment)?;
    let root: String = required(matches, "ID");
    let mut found = search_all(&session, &root)?;
    if !found.iter().any(|promise| promise["id"] == root) {
        // A promise without lineage is a tree of its own; one that is not there is said to be not there.
        let answer = session.ask("promise.get", &json!({"id": root}))?;
        found.push(answer.data["promise"].clone());
    }
    if session.is_json() {
        return session.print_json(&json!({"promises": found}));
    }
    let read = |promise| Promise::deserialize(promise);
    let promises: Result<Vec<Promise>, _> = found.iter().map(read).collect();
    let promises = promises.map_err(|why| Failure::Runtime(format!("the answer to {KIND} cannot be read: {why}")))?;
    print(&show::tree(&session.screen(), &root, &promises))
}

/// Every promise of an origin, page by page.
fn search_all(session: &Session, root: &str) -> Result<Vec<Json>, Failure> {
    let mut found = Vec::new();
    let mut asked = json!({"tags": {tag::ORIGIN: root}, "limit": PAGE_PROMISES});
    loop {
        let answer = session.ask(KIND, &asked)?;
        let page: Vec<Json> = answer.record(KIND, "promises")?;
        found.extend(page);
        let Some(cursor) = answer.cursor() else { return Ok(found) };
        asked["cursor"] = json!(cursor);
    }
}
