//! Owns the options of the program, its progress bars and its exit code.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use resonate_torture::kills::{self, Torment};
use resonate_torture::power::{FailingSync, Lie, Outage};
use resonate_torture::report::Killed;

/// Writes that are acknowledged in each life of a server whose power is cut.
const POWER_WRITES: u64 = 200;
/// The sync of a commit that fails where one is to.
const FAILING_SYNC: u32 = 50;
/// Disks that are made of what was not synced, between two syncs.
const POWER_SUBSETS: usize = 100;
/// Where a checkpoint runs under load the log is long, and each disk is large: one point of so many is looked at, and so many disks are made.
const LONG_LOG_ONE_POINT_IN: usize = 10;
const LONG_LOG_SUBSETS: usize = 10;

/// Lines that tell how far a part is, where there is no bar.
const LINES: u64 = 20;

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
    /// The power of a server on a file is cut
    Power,
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
    let seed = seed.unwrap_or_else(resonate_process::seed);
    let share = |of_seven: u64| if only.is_some() { kills } else { kills * of_seven / 7 };
    let torment = |kills| Torment { binary: Some(server.clone()), seed, kills };
    let parts: [(Part, &dyn Fn() -> bool); 3] = [
        (Part::Sqlite, &|| kill("a server on a file of SQLite", kills::sqlite, &torment(share(5)))),
        (Part::Postgres, &|| kill("two servers over Postgres", kills::postgres, &torment(share(2)))),
        (Part::Power, &|| cut(&server, seed)),
    ];
    let wanted = parts.iter().filter(|(part, _)| only.is_none_or(|only| only == *part));
    // All of them, whatever the first has found.
    let failed = wanted.filter(|(_, run)| !run()).count();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether nothing was wrong.
fn kill(what: &str, torture: fn(&Torment, &dyn Fn(u64)) -> Killed, torment: &Torment) -> bool {
    let bar = bar("kills", torment.kills);
    let killed = torture(torment, &|kills| step(&bar, kills));
    bar.finish_and_clear();
    println!("\nKilled: {what}\n{killed}");
    killed.violations.is_empty()
}

/// Whether nothing was wrong, and a disk that lies was found out.
fn cut(server: &Path, seed: u64) -> bool {
    let mut is_sound = true;
    let plans = [
        (false, None, "every point of the log"),
        (true, None, "with checkpoints under load"),
        (false, Some(FailingSync::Log(FAILING_SYNC)), "a commit's sync has failed"),
        (true, Some(FailingSync::Database(2)), "a checkpoint's sync has failed"),
    ];
    for (with_checkpoint, failing_sync, load) in plans {
        let outage = Outage {
            binary: Some(server.to_owned()),
            seed,
            synchronous: "full",
            writes: POWER_WRITES,
            with_checkpoint,
            failing_sync,
            one_point_in: if with_checkpoint { LONG_LOG_ONE_POINT_IN } else { 1 },
            subsets: if with_checkpoint { LONG_LOG_SUBSETS } else { POWER_SUBSETS },
        };
        let recorded = outage.record();
        let bar = bar("points of the log", 0);
        let cuts = recorded.cut(&|done, all| {
            bar.set_length(all);
            step(&bar, done);
        });
        bar.finish_and_clear();
        println!("\nPower cut: a server on a file of SQLite, {load}\n{cuts}");
        is_sound &= cuts.violations.is_empty();
        if failing_sync.is_some() {
            continue;
        }
        for lie in Lie::ALL {
            let is_found = !recorded.cut_lying(lie).violations.is_empty();
            let verdict = if is_found { "found out" } else { "NOT FOUND OUT" };
            println!(" a disk that lies about syncs {} is {verdict}", lie.name());
            is_sound &= is_found;
        }
    }
    is_sound
}

/// So many are done: on the bar, or now and then a line where nobody looks at one.
fn step(bar: &ProgressBar, done: u64) {
    bar.set_position(done);
    let all = bar.length().unwrap_or_default();
    if bar.is_hidden() && done.is_multiple_of((all / LINES).max(1)) {
        println!("{done} of {all}");
    }
}

fn bar(what: &str, length: u64) -> ProgressBar {
    let template = format!("{{bar:30}} {{pos}} of {{len}} {what}, {{eta}} left");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}
