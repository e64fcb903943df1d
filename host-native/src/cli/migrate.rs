//! `resonate migrate`: how far the tables of a store are, and bringing them to this version before a server does.

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value as Json, json};

use super::session::{is_json, output_arg};
use super::{Environment, Failure, print, serve};
use crate::config::{Config, Defaults, StorageType};
use crate::store::location::{IN_MEMORY, Location};
use crate::store::postgres;
use crate::store::schema::Standing;

const STATUS: &str = "status";
const UP: &str = "up";
const DRY_RUN: &str = "dry-run";

const AFTER_HELP: &str = "\
A server does the same when it starts. The store is the one that `resonate serve` would use here: resonate.toml, the environment, flags.

Examples:
  resonate migrate status --storage-sqlite-path resonate.db
  resonate migrate up --storage-type postgres --storage-postgres-url postgres://resonate@db/resonate
  resonate migrate up --dry-run > migration.sql      # for somebody else to run

Exit codes: 0 done, or nothing to do, 1 failed (out of reach, in use, newer than this version), 2 wrong usage, 3 there is no such file.";

/// Describes it to clap.
pub(super) fn command() -> Command {
    let status =
        Command::new(STATUS).about("Show the version of the tables, and what leads from there to this server's");
    let dry_run = Arg::new(DRY_RUN).long(DRY_RUN).action(ArgAction::SetTrue);
    let up = Command::new(UP)
        .about("Bring the tables to the version of this server")
        .arg(dry_run.help("Print the statements instead, and change nothing"));
    let about = "Show how far the tables of the store are, or bring them to this version";
    serve::stored(Command::new("migrate").about(about))
        .arg(output_arg().help_heading("General"))
        .mut_args(|arg| arg.global(true))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([status, up])
        .after_help(AFTER_HELP)
}

/// Looks, migrates, prints.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Failure::Usage("a command is required".to_owned()));
    };
    let location = configured_location(&serve::load(Defaults::Serve, matches, environment)?.config)?;
    let Some(standing) = location.standing()? else {
        return Err(Failure::NotFound(format!(
            "there is no file {}: a server creates it when it starts",
            location.place()
        )));
    };
    let known = standing.known;
    let (words, json) = if name == STATUS {
        (status_words(&location, &standing), status_json(&location, &standing))
    } else if matches.get_flag(DRY_RUN) {
        let mut json = status_json(&location, &standing);
        json["sql"] = standing.script.as_str().into();
        (script(&location, &standing), json)
    } else {
        // What is up to date may be in use.
        let from = if standing.pending.is_empty() { known } else { location.migrate()? };
        let words = match from == known {
            true => format!("nothing to do: {location} has schema {known}\n"),
            false => format!("migrated {location} from schema {from} to {known}\n"),
        };
        (words, json!({"store": location.kind(), "place": location.place(), "from": from, "to": known}))
    };
    print(&if is_json(matches) { format!("{json:#}\n") } else { words })
}

/// The store that the configuration names.
pub(super) fn configured_location(config: &Config) -> Result<Location, Failure> {
    let storage = &config.storage;
    match (storage.kind, &storage.postgres.url) {
        (StorageType::Sqlite, _) if storage.sqlite.path == IN_MEMORY => Err(Failure::Usage(format!(
            "storage.sqlite.path is {IN_MEMORY}, which is gone when its server stops: name a file (--storage-sqlite-path)"
        ))),
        (StorageType::Sqlite, _) => Ok(Location::Sqlite(storage.sqlite.path.clone().into())),
        (StorageType::Postgres, Some(url)) => {
            let options = postgres::Options::of_url(url.expose()).map_err(|error| Failure::Usage(error.to_string()))?;
            Ok(Location::Postgres(options))
        }
        (StorageType::Postgres, None) => Err(Failure::Usage(
            "storage.type = postgres needs storage.postgres.url (--storage-postgres-url)".to_owned(),
        )),
    }
}

fn status_words(location: &Location, standing: &Standing) -> String {
    let Standing { found, known, pending, .. } = standing;
    let found = if *found == 0 { "none yet".to_owned() } else { found.to_string() };
    let mut words = format!("store    {}\nplace    {}\n", location.kind(), location.place());
    words += &format!("schema   {found}, this version of resonate knows {known}\n");
    words += &match pending.len() {
        0 => "pending  nothing\n".to_owned(),
        1 => "pending  1 migration (resonate migrate up, or the next start of a server)\n".to_owned(),
        count => format!("pending  {count} migrations (resonate migrate up, or the next start of a server)\n"),
    };
    for (version, summary) in numbered(standing) {
        words += &format!("         {version}: {summary}\n");
    }
    words
}

/// What can be run by any client of the database, as it is printed.
fn script(location: &Location, standing: &Standing) -> String {
    let Standing { found, known, script, .. } = standing;
    let mut words = format!("-- {location}: from schema {found} to {known}\n");
    for (version, summary) in numbered(standing) {
        words += &format!("-- {version}: {summary}\n");
    }
    words + if script.is_empty() { "-- nothing to do\n" } else { script }
}

fn status_json(location: &Location, standing: &Standing) -> Json {
    let pending: Vec<Json> =
        numbered(standing).map(|(version, summary)| json!({"version": version, "summary": summary})).collect();
    json!({
        "store": location.kind(), "place": location.place(), "found": standing.found, "known": standing.known,
        "pending": pending,
    })
}

/// What is pending, each with the version that it leads to.
fn numbered(standing: &Standing) -> impl Iterator<Item = (i64, &'static str)> {
    standing.pending.iter().zip(standing.found + 1..).map(|(migration, version)| (version, migration.summary))
}
