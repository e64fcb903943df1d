//! `resonate replay`: runs a recording through the machine, and tells the first answer that is another one than was recorded.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};
use indicatif::ProgressBar;
use resonate_core::recording::{Applied, Corrupt, Difference, Replay, Step};
use resonate_core::time::Timestamp;
use serde_json::{Value as Json, json};

use super::session::{Session, is_json, output_arg};
use super::show::{instant, printable, span};
use super::{Environment, Failure, print};

const FILE: &str = "FILE";

/// Bytes between two looks of the progress bar: most recordings are over before the first.
const LOOK_BYTES: u64 = 1 << 20;

const AFTER_HELP: &str = "\
`resonate serve --record FILE` writes recordings. Nothing is sent anywhere, and no server is asked.

Examples:
  resonate replay bug.ndjson
  zcat bug.ndjson.gz | resonate replay -

Exit codes: 0 every answer is the recorded one, 1 the file cannot be read, 2 wrong usage, 7 an answer differs, 8 the \
recording is corrupt at the line that is named (what stands before it was replayed).";

/// Describes it to clap.
pub(super) fn command() -> Command {
    let file = Arg::new(FILE)
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("The recording; `-` reads standard input");
    Command::new("replay")
        .about("Run a recording through the machine, and find the first answer that differs")
        .arg(file)
        .arg(output_arg())
        .after_help(AFTER_HELP)
}

/// Replays it, prints what was in it, and fails where it differs.
pub(super) fn run(matches: &ArgMatches, _: &Environment) -> Result<(), Failure> {
    let path: PathBuf = super::input::required(matches, FILE);
    let (mut source, bytes) = open(&path)?;
    let mut tally = Tally::default();
    tally.replay(&mut *source, &bar(bytes)).map_err(|error| unreadable(&path, &error))?;
    print(&if is_json(matches) { format!("{:#}\n", tally.json()) } else { tally.words() })?;
    match tally.ending {
        Ending::Agrees => Ok(()),
        Ending::Differs { difference, .. } => Err(Failure::Differs(printable(&difference.to_string()))),
        Ending::Corrupt(corrupt) => Err(Failure::Corrupt(printable(&corrupt.to_string()))),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::Runtime(format!("cannot read {}: {error}", path.display()))
}

/// The recording, and how long it is, if that is known.
fn open(path: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let known = file.metadata().ok().filter(std::fs::Metadata::is_file);
    Ok((Box::new(BufReader::new(file)), known.map(|metadata| metadata.len())))
}

fn bar(bytes: Option<u64>) -> ProgressBar {
    let bar = |bytes| Session::bar("replaying {bar:30} {percent}% of {total_bytes}, {eta} left", bytes);
    bytes.and_then(bar).unwrap_or_else(ProgressBar::hidden)
}

/// How a replay ended.
#[derive(Debug, Default)]
enum Ending {
    #[default]
    Agrees,
    Differs {
        difference: Difference,
        request: Json,
    },
    Corrupt(Corrupt),
}

/// What was in a recording.
#[derive(Debug, Default)]
struct Tally {
    server: String,
    redacted: bool,
    clients: u64,
    background: u64,
    resets: u64,
    /// From the first header to the last line.
    span: Option<(Timestamp, Timestamp)>,
    ending: Ending,
}

impl Tally {
    /// Replays line by line, up to the first that differs or is corrupt.
    fn replay(&mut self, source: &mut dyn BufRead, bar: &ProgressBar) -> io::Result<()> {
        let mut replay = Replay::new();
        let mut line = Vec::new();
        let mut unseen = 0;
        while source.read_until(b'\n', &mut line)? > 0 {
            match replay.line(&line) {
                Ok(step) => self.count(step),
                Err(corrupt) => self.ending = Ending::Corrupt(corrupt),
            }
            if !matches!(self.ending, Ending::Agrees) {
                break;
            }
            unseen += line.len() as u64;
            if unseen >= LOOK_BYTES {
                bar.inc(std::mem::take(&mut unseen));
            }
            line.clear();
        }
        bar.finish_and_clear();
        if let Err(corrupt) = replay.end() {
            self.ending = Ending::Corrupt(corrupt);
        }
        Ok(())
    }

    fn count(&mut self, step: Step) {
        match step {
            Step::Began(header) => {
                self.at(header.now);
                (self.server, self.redacted) = (header.server, header.redacted);
            }
            Step::Reset { now } => {
                self.at(now);
                self.resets += 1;
            }
            Step::Applied(applied) => {
                let Applied { entry, decision: _, difference } = *applied;
                self.at(entry.now);
                *if entry.request.is_background() { &mut self.background } else { &mut self.clients } += 1;
                if let Some(difference) = difference {
                    let request = serde_json::to_value(&entry.request).unwrap_or_default();
                    self.ending = Ending::Differs { difference, request };
                }
            }
        }
    }

    /// Instants may go back: those of debugging are the tests' to choose.
    fn at(&mut self, now: Timestamp) {
        let (first, last) = self.span.unwrap_or((now, now));
        self.span = Some((first.min(now), last.max(now)));
    }

    fn words(&self) -> String {
        let Some((first, last)) = self.span else { return String::new() };
        let redacted = if self.redacted { ", redacted" } else { "" };
        let mut text = format!("recorded by resonate {}{redacted}\n", printable(&self.server));
        text += &format!("from {} to {}, {}\n", instant(first), instant(last), span(last.since(first)));
        text += &format!("{} of clients, {} of the background", requests(self.clients), requests(self.background));
        if self.resets > 0 {
            text += &format!(", the store emptied {}", times(self.resets));
        }
        text.push('\n');
        match &self.ending {
            Ending::Agrees => text += "every answer is the recorded one\n",
            Ending::Differs { difference, request } => {
                text += &format!(
                    "line {} differs; its request is\n  {}\n",
                    difference.line,
                    printable(&request.to_string())
                );
            }
            Ending::Corrupt(_) => text += "every answer up to there is the recorded one\n",
        }
        text
    }

    fn json(&self) -> Json {
        let difference = match &self.ending {
            Ending::Differs { difference: found, request } => json!({
                "line": found.line, "kind": found.kind, "now": found.now, "path": found.path,
                "recorded": found.recorded, "replayed": found.replayed, "request": request,
            }),
            Ending::Agrees | Ending::Corrupt(_) => Json::Null,
        };
        let corrupt = match &self.ending {
            Ending::Corrupt(Corrupt { line, why }) => json!({"line": line, "why": why.to_string()}),
            Ending::Agrees | Ending::Differs { .. } => Json::Null,
        };
        let (first, last) = self.span.unzip();
        json!({
            "server": self.server, "redacted": self.redacted, "first": first, "last": last, "clients": self.clients,
            "background": self.background, "resets": self.resets, "difference": difference, "corrupt": corrupt,
        })
    }
}

fn requests(count: u64) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
