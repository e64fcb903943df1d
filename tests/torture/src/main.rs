//! Owns the options of the program, its progress bars and its exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use resonate_torture::kills::{self, Torment};

/// Kills a durable promise server again and again, cuts its power, and looks for what is gone.
#[derive(Debug, Parser)]
struct Cli {
    /// The server
    #[arg(long, value_name = "BINARY")]
    server: PathBuf,
    /// Where all chance comes from but the machine's [default: the variable SEED, or a new one, printed]
    #[arg(long)]
    seed: Option<u64>,
    /// How often to kill servers: five of seven times on a file, the others over Postgres
    #[arg(long, default_value_t = 700)]
    kills: u64,
    /// Only this
    #[arg(long)]
    only: Option<Part>,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// A server on a file is killed
    Sqlite,
    /// One of two servers over Postgres is killed, or both, or Postgres
    Postgres,
}

fn main() -> ExitCode {
    let Cli { server, seed, kills, only } = Cli::parse();
    let server = match server.canonicalize() {
        Ok(path) => path,
        Err(why) => {
            eprintln!("--server {}: {why}: name a binary that is there", server.display());
            return ExitCode::FAILURE;
        }
    };
    let wanted = |part| only.is_none_or(|only| only == part);
    let (sqlite, postgres) = match only {
        None => (kills - kills * 2 / 7, kills * 2 / 7),
        Some(_) => (kills, kills),
    };
    let seed = seed.unwrap_or_else(resonate_process::seed);
    let torment = |kills| Torment { binary: Some(server.clone()), seed, kills };
    let mut is_sound = true;
    if wanted(Part::Sqlite) {
        let bar = bar("SQLite", sqlite);
        let killed = kills::sqlite(&torment(sqlite), &|kills| bar.set_position(kills));
        bar.finish_and_clear();
        println!("A server on a file of SQLite\n{killed}");
        is_sound &= killed.violations.is_empty();
    }
    if wanted(Part::Postgres) {
        let bar = bar("Postgres", postgres);
        let killed = kills::postgres(&torment(postgres), &|kills| bar.set_position(kills));
        bar.finish_and_clear();
        println!("Two servers over Postgres\n{killed}");
        is_sound &= killed.violations.is_empty();
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn bar(name: &str, kills: u64) -> ProgressBar {
    let template = format!("{name} {{bar:30}} {{pos}} of {{len}} kills, {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(kills).with_style(style)
}
