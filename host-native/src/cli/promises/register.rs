//! `resonate promises register-callback` and `register-listener`: who is told when a promise is settled.

use clap::{Arg, ArgMatches, Command};
use serde_json::json;

use super::ask_for_promise;
use crate::cli::Failure;
use crate::cli::input::{id_arg, required};
use crate::cli::session::{Session, member};

pub(super) fn callback() -> Command {
    let example = "  resonate promises register-callback payment order";
    member("register-callback", "Resume the task of AWAITER when AWAITED is settled", example)
        .arg(id_arg("AWAITED", "The promise that is awaited"))
        .arg(id_arg("AWAITER", "The promise whose task is resumed"))
}

pub(super) fn listener() -> Command {
    let example = "  resonate promises register-listener payment https://example.com/paid";
    let address = Arg::new("ADDRESS").required(true).help("http://…, https://… or poll://uni@GROUP/ID");
    member("register-listener", "Send AWAITED to an address when it is settled", example)
        .arg(id_arg("AWAITED", "The promise that is awaited"))
        .arg(address)
}

pub(super) fn run_callback(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let asked =
        json!({"awaited": required::<String>(matches, "AWAITED"), "awaiter": required::<String>(matches, "AWAITER")});
    ask_for_promise(session, "promise.register_callback", &asked)
}

pub(super) fn run_listener(matches: &ArgMatches, session: &Session) -> Result<(), Failure> {
    let asked =
        json!({"awaited": required::<String>(matches, "AWAITED"), "address": required::<String>(matches, "ADDRESS")});
    ask_for_promise(session, "promise.register_listener", &asked)
}
