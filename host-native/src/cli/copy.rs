//! `resonate copy`: everything in one store into another, told as it goes on, compared at the end.

use std::time::{Duration, Instant};

use clap::{Arg, ArgAction, ArgMatches, Command};
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};

use super::input::required;
use super::migrate::configured_location;
use super::session::{Session, is_json, output_arg};
use super::show::printable;
use super::{Environment, Failure, print, serve};
use crate::config::{Defaults, StorageType};
use crate::copy::{self, Copied, Event, Job, Manner};
use crate::store::bulk::Table;
use crate::store::location::{IN_MEMORY, Location};
use crate::store::postgres::Options;

const FROM: &str = "from";
const TO: &str = "to";
const SKIP_DAMAGED: &str = "skip-damaged";
const LIVE: &str = "live";

/// Time between two lines about progress where nobody looks.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Rows that cannot be read that are named one by one.
const DAMAGED_NAMED_MAX: u64 = 20;

const AFTER_HELP: &str = "\
STORE is sqlite:PATH or postgres://USER@HOST/DATABASE (also postgres:URL); `sqlite` and `postgres` alone are what resonate.toml and the environment \
name. Every record is copied as it is. Stop the server of the source first, and start none on the target before the copy is done. \
Stopped in the middle, the same command goes on where it was.

Examples:
  resonate copy --from sqlite:resonate.db --to postgres://resonate@db/resonate
  resonate copy --from postgres --to sqlite:backup.db --live      # a backup, while servers run

Exit codes: 0 copied and compared, 1 failed or refused, 2 wrong usage, 7 the target is not the same as the source.";

/// Describes it to clap.
pub(super) fn command() -> Command {
    let store = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("STORE").required(true).help(help)
    };
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let about = "Copy everything from one store into an empty one, whatever kinds they are, and compare both";
    Command::new("copy")
        .about(about)
        .arg(store(FROM, "What is copied"))
        .arg(store(TO, "Where it is copied to; what is not there is created"))
        .arg(flag(SKIP_DAMAGED, "Leave out rows that cannot be read, and name them"))
        .arg(flag(
            LIVE,
            "Copy what the source holds at this moment, though a server goes on with it: for a backup, not for a move",
        ))
        .arg(serve::config_arg())
        .arg(output_arg())
        .after_help(AFTER_HELP)
}

/// Copies, compares, prints.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    let location = |name| locate(name, &required::<String>(matches, name), matches, environment);
    let manner = Manner { skip_damaged: matches.get_flag(SKIP_DAMAGED), live: matches.get_flag(LIVE) };
    let job = Job { from: location(FROM)?, to: location(TO)?, manner };
    let mut told = Told::new();
    let copied = copy::run(&job, &mut |event| told.tell(event));
    told.end();
    let copied = copied.map_err(|error| failure(&error))?;
    print(&if is_json(matches) { format!("{:#}\n", as_json(&job, &copied)) } else { as_words(&job, &copied) })
}

/// Reads the name of a store.
fn locate(flag: &str, text: &str, matches: &ArgMatches, environment: &Environment) -> Result<Location, Failure> {
    let refuse = |why: &str| Failure::Usage(format!("flag --{flag}: {why}"));
    let configured = |kind| {
        let mut config = serve::load(Defaults::Serve, matches, environment)?.config;
        config.storage.kind = kind;
        configured_location(&config)
    };
    let postgres = |url: &str| match Options::of_url(url) {
        Ok(options) => Ok(Location::Postgres(options)),
        Err(error) => Err(refuse(error.to_string().trim_start_matches("storage.postgres.url: "))),
    };
    match text.split_once(':') {
        None if text == "sqlite" => configured(StorageType::Sqlite),
        None if text == "postgres" => configured(StorageType::Postgres),
        Some(("sqlite", "" | IN_MEMORY)) => Err(refuse("it names no file: sqlite:PATH")),
        Some(("sqlite", path)) => Ok(Location::Sqlite(path.into())),
        Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => postgres(text),
        Some(("postgres", url)) => postgres(url),
        Some(_) | None => Err(refuse("it must be sqlite:PATH or postgres:URL")),
    }
}

fn failure(error: &copy::Error) -> Failure {
    let told = printable(&error.to_string());
    match error {
        copy::Error::Differs(_) => Failure::Differs(format!("{told}; begin again with an empty database")),
        copy::Error::Store(_)
        | copy::Error::SourceInUse(_)
        | copy::Error::Damaged(_)
        | copy::Error::Place(_)
        | copy::Error::Moved
        | copy::Error::Refused(_) => Failure::Runtime(told),
    }
}

fn as_words(Job { from, to, .. }: &Job, copied: &[Copied]) -> String {
    let mut words = format!("copied {from} to {to}: both are the same\n");
    for Copied { table, checksum, left_out } in copied {
        words += &format!("  {:<9}  {:>10}  sha256 {}", table.name(), checksum.records, checksum.hex());
        words += &match left_out {
            0 => "\n".to_owned(),
            1 => "  1 row left out\n".to_owned(),
            count => format!("  {count} rows left out\n"),
        };
    }
    words
}

fn as_json(Job { from, to, .. }: &Job, copied: &[Copied]) -> Json {
    let table = |Copied { table, checksum, left_out }: &Copied| json!({"table": table, "records": checksum.records, "sha256": checksum.hex(), "leftOut": left_out});
    json!({"from": from.to_string(), "to": to.to_string(), "tables": copied.iter().map(table).collect::<Vec<_>>()})
}

/// What people see of a copy that goes on: a bar on a terminal, now and then a line elsewhere.
struct Told {
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
    /// The table under way, and its rows.
    under_way: Option<(Table, u64)>,
    rows: u64,
    damaged: u64,
}

impl Told {
    fn new() -> Self {
        let bar = Session::bar("{msg:20} {bar:30} {human_pos} of {human_len}, {eta} left", 0);
        Self { bar, last_line: None, under_way: None, rows: 0, damaged: 0 }
    }

    fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::GoesOn => self.line("going on with a copy that was stopped"),
            Event::Table { table, records, rows } => {
                self.under_way = Some((*table, *rows));
                self.rows += rows;
                self.last_line = None;
                self.progress(&format!("copying {table}"), *records, *rows);
            }
            Event::Copied { table, records } => {
                let rows = self.under_way.map_or(0, |(_, rows)| rows);
                self.progress(&format!("copying {table}"), *records, rows);
            }
            Event::LeftOut(error) => {
                self.damaged += 1;
                if self.damaged <= DAMAGED_NAMED_MAX {
                    self.line(&format!("left out: {}", printable(&error.to_string())));
                }
            }
            Event::Compared(rows) => {
                if self.under_way.take().is_some() {
                    self.last_line = None;
                }
                self.progress("comparing", *rows, self.rows * 2);
            }
        }
    }

    fn progress(&mut self, what: &str, done: u64, all: u64) {
        if let Some(bar) = &self.bar {
            if bar.message() != what {
                bar.reset();
                bar.set_message(what.to_owned());
            }
            bar.set_length(all.max(done));
            bar.set_position(done);
        } else if all > 0 && self.last_line.is_none_or(|last| last.elapsed() >= LINE_INTERVAL) {
            self.last_line = Some(Instant::now());
            self.line(&format!("{what}: {done} of {all}"));
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
