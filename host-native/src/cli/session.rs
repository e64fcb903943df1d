//! What client commands share: which server they ask, how they print, and how they wait.

use std::io::IsTerminal;

use clap::{Arg, ArgMatches, Command};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

use super::input::{now, variable};
use super::show::Screen;
use super::{Environment, Failure, print};
use crate::client::record::Promise;
use crate::client::{Answer, Client, DEFAULT_URL, Error};

const SERVER: &str = "server";
const TOKEN: &str = "token";
const URL: &str = "RESONATE_URL";
const OUTPUT: &str = "output";
const HEADING: &str = "Server and output";

/// What every client command ends its help with.
pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 done (waited for: resolved), 1 failed (no server, no answer), 2 wrong usage, 3 not found, 4 refused by \
the server, or settled otherwise already, 5 waited for and rejected, 6 waited for and still pending.";

/// A command below a group, like `get` of `resonate promises get`.
pub(super) struct Sub {
    /// Describes it to clap.
    pub(super) command: fn() -> Command,
    /// Does it.
    pub(super) run: fn(&ArgMatches, &Session) -> Result<(), Failure>,
}

/// A server to ask and a terminal, or a pipe, to answer to.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) runtime: Runtime,
    screen: Screen,
    json: bool,
    /// Whether the URL is not in sight of who typed the command.
    url_is_of_environment: bool,
}

/// Describes a command that asks the server.
pub(super) fn asking(name: &'static str, about: &'static str, examples: &'static str) -> Command {
    connected(Command::new(name).about(about)).after_help(format!("{examples}{EXIT_CODES}"))
}

/// Describes a group of commands that ask the server.
pub(super) fn group(name: &'static str, alias: &'static str, about: &'static str, subs: &[Sub]) -> Command {
    connected(Command::new(name).visible_alias(alias).about(about))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(subs.iter().map(|sub| (sub.command)()))
        .after_help(EXIT_CODES)
}

/// Describes a command of a group.
pub(super) fn member(name: &'static str, about: &'static str, examples: &'static str) -> Command {
    Command::new(name).about(about).after_help(format!("Examples:\n{examples}"))
}

/// Runs the command of a group that was named.
pub(super) fn run_member(subs: &[Sub], matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Failure::Usage("a command is required".to_owned()));
    };
    match subs.iter().find(|sub| (sub.command)().get_name() == name) {
        Some(sub) => (sub.run)(matches, &Session::open(matches, environment)?),
        None => Err(Failure::Usage(format!("unknown command {name}"))),
    }
}

/// Adds the flags that name the server and the output.
fn connected(command: Command) -> Command {
    addressed(command).arg(output_arg().global(true).help_heading(HEADING))
}

/// The flag that names the output.
pub(super) fn output_arg() -> Arg {
    Arg::new(OUTPUT)
        .short('o')
        .long(OUTPUT)
        .value_name("FORMAT")
        .value_parser(["human", "json"])
        .default_value("human")
        .help("For people, or the answer as JSON for scripts")
}

/// Whether [`output_arg`] asks for JSON. A command without it prints for people.
pub(super) fn is_json(matches: &ArgMatches) -> bool {
    matches.try_get_one::<String>(OUTPUT).ok().flatten().is_some_and(|format| format == "json")
}

/// Adds the flags that name the server.
pub(super) fn addressed(command: Command) -> Command {
    let server = Arg::new(SERVER)
        .short('S')
        .long(SERVER)
        .value_name("URL")
        .help(format!("URL of the server [env: RESONATE_URL] [default: {DEFAULT_URL}]"));
    let token = Arg::new(TOKEN)
        .short('T')
        .long(TOKEN)
        .value_name("JWT")
        .help("Token that the server asks for [env: RESONATE_TOKEN]");
    command.args([server, token].map(|arg| arg.global(true).help_heading(HEADING)))
}

impl Session {
    /// Reads the flags of [`asking`] and [`group`], then the environment.
    pub(super) fn open(matches: &ArgMatches, environment: &Environment) -> Result<Self, Failure> {
        let given = |flag: &str, name: &str| {
            let of_environment = || variable(environment, name).map(|text| text.to_string_lossy().into_owned());
            matches.get_one::<String>(flag).cloned().or_else(of_environment)
        };
        let url = given(SERVER, URL).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let url_is_of_environment = !matches.contains_id(SERVER) && variable(environment, URL).is_some();
        let source = if url_is_of_environment { URL } else { "flag --server" };
        let client = Client::new(&url, given(TOKEN, "RESONATE_TOKEN")).map_err(|error| match error {
            Error::Url { .. } => Failure::Usage(format!("{source}: {error}")),
            error => error.into(),
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Runtime(format!("cannot start the runtime: {error}")))?;
        let json = is_json(matches);
        Ok(Self { client, runtime, screen: Screen::of(environment), json, url_is_of_environment })
    }

    /// Asks the server.
    pub(super) fn ask(&self, kind: &str, data: &Json) -> Result<Answer, Failure> {
        self.runtime.block_on(self.client.call(kind, data)).map_err(|error| self.failed(&error))
    }

    /// Why there is no answer, with where the URL is from when nobody has typed it.
    pub(super) fn failed(&self, error: &Error) -> Failure {
        match Failure::from(error.clone()) {
            Failure::Runtime(told) if error.is_about_the_url() && self.url_is_of_environment => {
                Failure::Runtime(format!("{told} (the URL is the one of {URL})"))
            }
            failure => failure,
        }
    }

    /// The screen, at this instant.
    pub(super) fn screen(&self) -> Screen {
        Screen { now: now(), ..self.screen }
    }

    /// Prints an answer: as `human` words it, or its data as JSON.
    pub(super) fn show(
        &self,
        answer: &Answer,
        human: impl FnOnce(&Screen) -> Result<String, Error>,
    ) -> Result<(), Failure> {
        if self.json { self.print_json(&answer.data) } else { print(&human(&self.screen())?) }
    }

    /// Asks, and prints the answer.
    pub(super) fn ask_and_show(
        &self,
        kind: &str,
        data: &Json,
        human: impl FnOnce(&Screen, &Answer) -> Result<String, Error>,
    ) -> Result<(), Failure> {
        let answer = self.ask(kind, data)?;
        self.show(&answer, |screen| human(screen, &answer))
    }

    /// Whether the output is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints JSON, indented.
    pub(super) fn print_json(&self, json: &Json) -> Result<(), Failure> {
        print(&format!("{json:#}\n"))
    }

    /// Says something beside the answer to people, on standard error.
    pub(super) fn note(&self, text: &str) {
        eprintln!("note: {text}");
    }

    /// Says that a promise existed before it was to be created: its deadline is not the one that was asked for.
    pub(super) fn note_if_it_existed(&self, promise: &Promise, asked: &Json) {
        if asked["timeoutAt"] != promise.timeout_at.as_millis() {
            self.note(&format!("promise {} existed already and is left as it is", promise.id));
        }
    }

    /// Whether somebody looks at standard error.
    pub(super) fn is_watched() -> bool {
        std::io::stderr().is_terminal()
    }

    /// A progress bar on standard error, for who looks at it.
    pub(super) fn bar(template: &str, length: u64) -> Option<ProgressBar> {
        Self::is_watched().then(|| {
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr()).with_style(style)
        })
    }
}
