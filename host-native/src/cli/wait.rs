//! `--wait`: a command goes on until a promise is settled, and exits by how.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use indicatif::{ProgressBar, ProgressStyle};
use resonate_core::promise::PromiseState;
use resonate_core::time::Millis;

use super::Failure;
use super::input::{duration_arg, optional};
use super::promises::show_promise;
use super::session::Session;
use super::show::span;
use crate::client::record::Promise;
use crate::client::wait::{Progress, settled_within};

const WAIT: &str = "wait";
const WAIT_TIMEOUT: &str = "wait-timeout";

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// How long to wait.
pub(super) struct Wait {
    longest: Option<Millis>,
}

/// Adds the flags of waiting.
pub(super) fn waiting(command: Command) -> Command {
    let wait = Arg::new(WAIT).short('w').long(WAIT).action(ArgAction::SetTrue);
    let longest =
        duration_arg(WAIT_TIMEOUT, "Stop waiting after this long and exit with 6; the promise stays as it is");
    command
        .arg(wait.help("Wait until it is settled: exit with 0 if it is resolved, with 5 if it is not"))
        .arg(longest.requires(WAIT))
}

impl Wait {
    /// What the flags say; `None` when nothing is waited for.
    pub(super) fn of(matches: &ArgMatches) -> Option<Self> {
        matches.get_flag(WAIT).then(|| Self { longest: optional(matches, WAIT_TIMEOUT) })
    }
}

/// Waits for a promise, prints it, and fails unless it is resolved.
pub(super) fn show_settled(session: &Session, id: &str, wait: &Wait) -> Result<(), Failure> {
    let spinner = spinner(id);
    let longest = wait.longest.map(|longest| Duration::from_millis(longest.as_millis()));
    let watch = |progress| match progress {
        Progress::Listening(promise) => {
            let left = promise.timeout_at.since(super::input::now());
            spinner.set_message(format!("waiting for {id}, which times out in {}", span(left)));
        }
        Progress::Reconnecting(_) => spinner.set_message(format!("waiting for {id}; the server is gone, trying again")),
    };
    let waited = session.runtime.block_on(settled_within(&session.client, id, longest, watch));
    spinner.finish_and_clear();
    let Some(answer) = waited? else {
        let longest = span(wait.longest.unwrap_or_default());
        return Err(Failure::StillPending(format!("promise {id} is still pending after {longest}")));
    };
    show_promise(session, "promise.get", &answer)?;
    let promise: Promise = answer.record("promise.get", "promise")?;
    match promise.state {
        PromiseState::Resolved => Ok(()),
        PromiseState::Pending => Err(Failure::StillPending(format!("promise {id} is still pending"))),
        PromiseState::Rejected => Err(Failure::Rejected(format!("promise {id} is rejected"))),
        PromiseState::RejectedCanceled => Err(Failure::Rejected(format!("promise {id} is cancelled"))),
        PromiseState::RejectedTimedout => Err(Failure::Rejected(format!("promise {id} has timed out"))),
    }
}

/// A line on standard error that shows that something goes on, if somebody looks.
fn spinner(id: &str) -> ProgressBar {
    if !Session::is_watched() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message(format!("waiting for {id}"));
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(TURN);
    spinner
}
