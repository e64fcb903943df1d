//! `--wait`: a command goes on until a promise is settled, and exits by how.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use indicatif::{ProgressBar, ProgressStyle};
use resonate_core::promise::{PromiseState, tag};
use resonate_core::task::TaskState;
use resonate_core::time::{Millis, Timestamp};
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::Failure;
use super::input::{duration_arg, now, optional};
use super::promises::show_promise;
use super::session::Session;
use super::show::{coarse, cut, printable, span, width_of_stderr};
use crate::client::Answer;
use crate::client::record::{Promise, Role, Task};
use crate::client::wait::{Progress, settled_within};

const WAIT: &str = "wait";
const WAIT_TIMEOUT: &str = "wait-timeout";

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// How long a worker may take before the wait looks whether there is one.
const PATIENCE: Duration = Duration::from_secs(3);

/// Longest wait for the answer to that: it is worth less than an end in time.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Columns of a line that are not the id: the spinner and the words around it.
const AROUND: usize = "⠋ waiting for  · ".len();

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
    let vigil = Vigil::new(session, id);
    let waited = session.runtime.block_on(vigil.keep(wait));
    vigil.spinner.finish_and_clear();
    let Some(answer) = waited? else {
        let longest = span(wait.longest.unwrap_or_default());
        let doubt = session.runtime.block_on(vigil.doubt()).map(|doubt| format!("; {doubt}")).unwrap_or_default();
        return Err(Failure::StillPending(format!("promise {id} is still pending after {longest}{doubt}")));
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

/// A wait that is going on, and what those who look at it see.
struct Vigil<'a> {
    session: &'a Session,
    id: &'a str,
    since: Instant,
    spinner: ProgressBar,
    /// The promise as it was last heard of, and whether the server is there.
    heard: RefCell<(Option<Promise>, bool)>,
}

impl<'a> Vigil<'a> {
    fn new(session: &'a Session, id: &'a str) -> Self {
        Self { session, id, since: Instant::now(), spinner: spinner(), heard: RefCell::new((None, true)) }
    }

    /// Waits; `None` when it has taken too long.
    async fn keep(&self, wait: &Wait) -> Result<Option<Answer>, Failure> {
        let longest = wait.longest.map(|longest| Duration::from_millis(longest.as_millis()));
        let listen = |progress| match progress {
            Progress::Listening(promise) => *self.heard.borrow_mut() = (Some(*promise), true),
            Progress::Reconnecting(_) => self.heard.borrow_mut().1 = false,
        };
        let mut settled = pin!(settled_within(&self.session.client, self.id, longest, listen));
        let mut doubt = pin!(async {
            sleep(PATIENCE).await;
            self.doubt().await
        });
        let mut has_doubted = false;
        let is_watched = Session::is_watched();
        let mut turns = interval(TURN);
        turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                answer = &mut settled => return answer.map_err(|error| self.session.failed(&error)),
                doubt = &mut doubt, if !has_doubted => {
                    has_doubted = true;
                    if let Some(doubt) = doubt {
                        self.spinner.suspend(|| self.session.note(&doubt));
                    }
                }
                _ = turns.tick(), if is_watched => self.draw(),
                // Where nobody looks there is no line to clear, and the signal does what it always does.
                _ = tokio::signal::ctrl_c(), if is_watched => return Err(Failure::Interrupted),
            }
        }
    }

    fn draw(&self) {
        let heard = self.heard.borrow();
        let timeout_at = heard.0.as_ref().filter(|_| heard.1).map(|promise| promise.timeout_at);
        let waited = Millis::saturating(u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX));
        let mut words = coarse(waited);
        match timeout_at {
            _ if !heard.1 => words += " · the server is gone, trying again",
            Some(at) if at < Timestamp::MAX => words += &format!(" · times out in {}", coarse(at.since(now()))),
            Some(_) | None => {}
        }
        self.spinner.set_message(line(self.id, &words, width_of_stderr()));
        self.spinner.tick();
    }

    /// Why it may take long, when no worker is at it.
    async fn doubt(&self) -> Option<String> {
        let promise = self.heard.borrow().0.clone()?;
        promise.tags.get(tag::TARGET)?;
        let answer = timeout(LOOK_MAX, async { self.session.client.call("task.get", &json!({"id": self.id})).await });
        let task: Task = answer.await.ok()?.ok()?.record("task.get", "task").ok()?;
        doubt(&promise, &task, now())
    }
}

/// What is odd about a task that should be running.
fn doubt(promise: &Promise, task: &Task, now: Timestamp) -> Option<String> {
    let address = printable(promise.tags.get(tag::TARGET)?);
    let delay = promise.tags.get(tag::DELAY).and_then(|text| text.parse::<u64>().ok());
    let is_due = delay.is_none_or(|at| at <= now.as_millis());
    // A task that was resumed has been given back by nobody.
    if task.state != TaskState::Pending || !is_due || task.resumes > 0 {
        return None;
    }
    let times = match task.version {
        0 => return Some(format!("no worker of {address} has taken it yet")),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let func = match promise.role() {
        Role::Rpc(func) | Role::Run(func) if !func.is_empty() => format!("{:?}", printable(&func)),
        Role::Rpc(_) | Role::Run(_) | Role::Sleep | Role::Plain => "it".to_owned(),
    };
    Some(format!("taken and given back {times}: does a worker know {func}? look at its log"))
}

/// The line of the spinner, with an id no longer than the terminal lets it be.
fn line(id: &str, words: &str, columns: Option<usize>) -> String {
    let id = printable(id);
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(AROUND + words.chars().count()));
    format!("waiting for {} · {words}", cut(&id, room))
}

/// A line on standard error that shows that something goes on, if somebody looks.
fn spinner() -> ProgressBar {
    if !Session::is_watched() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg}") {
        spinner.set_style(style);
    }
    spinner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubted(task: serde_json::Value, now: u64) -> Option<String> {
        let data = crate::client::payload::encode(&json!({"func": "greet", "args": [], "version": 1}));
        let promise = json!({
            "id": "a", "state": "pending", "param": {"data": data}, "timeoutAt": 9, "createdAt": 0,
            "tags": {"resonate:target": "poll://any@g", "resonate:delay": "5"},
        });

        doubt(
            &serde_json::from_value(promise).unwrap(),
            &serde_json::from_value(task).unwrap(),
            Timestamp::saturating(now),
        )
    }

    #[test]
    fn a_task_that_nobody_runs_is_doubted() {
        let task = |state: &str, version: u64, resumes: u64| json!({"id": "a", "state": state, "version": version, "resumes": resumes});
        assert_eq!(doubted(task("pending", 0, 0), 5).unwrap(), "no worker of poll://any@g has taken it yet");
        let back = "taken and given back 3 times: does a worker know \"greet\"? look at its log";
        assert_eq!(doubted(task("pending", 3, 0), 5).unwrap(), back);
        assert!(doubted(task("pending", 1, 0), 5).unwrap().contains("given back once:"));
        for (state, version, resumes, now) in
            [("pending", 0, 0, 4), ("pending", 1, 1, 5), ("acquired", 1, 0, 5), ("suspended", 1, 0, 5)]
        {
            assert_eq!(doubted(task(state, version, resumes), now), None, "{state}");
        }
    }

    #[test]
    fn the_line_fits_the_terminal() {
        assert_eq!(line("order-43", "2s", None), "waiting for order-43 · 2s");
        let long = "x".repeat(200);
        assert!(line(&long, "2s · times out in 57m 38s", Some(80)).chars().count() <= 78);
    }
}
