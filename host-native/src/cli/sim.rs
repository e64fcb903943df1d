//! `resonate sim`: worlds in which the machine is broken on purpose, one for each seed. Owns the command and what it prints; the worlds are
//! `resonate_sim`'s.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use indicatif::ProgressBar;
use resonate_core::time::Millis;
use resonate_sim::link::{LINEARIZE, SEED, SERVERS, STEPS, WITHOUT, WITHOUT_STRANGERS, WORKERS, WORKFLOWS};
use resonate_sim::shrink::{Shrunk, recording, shrink};
use resonate_sim::{Counts, Fault, Options, Plan, Report, Taken, run as run_world};
use serde_json::{Value as Json, json};

use super::session::{Session, is_json, output_arg};
use super::show::coarse;
use super::{Environment, Failure, print};

const SEEDS: &str = "seeds";
const RECORDING: &str = "recording";

/// Where servers have the playground.
const PAGE: &str = "/playground";

/// Requests of a minimal trace that are printed; a recording has all of them.
const TRACE_LINES_MAX: usize = 40;

const AFTER_HELP: &str = "\
A seed decides everything: servers, workers, clients, what they want, and what goes wrong. The same seed brings the same on every machine, and in \
the WebAssembly module.

Examples:
  resonate sim                                     # one world, of a seed that is printed
  resonate sim --seeds 1000 --steps 1000           # a thousand worlds, on all cores
  resonate sim --seed 42 --without clock-jump --recording trace.ndjson

Exit codes: 0 nothing was wrong, 1 it could not be done, 2 wrong usage, 7 something was wrong: the smallest world that shows it is printed, with its \
link to the playground.";

/// Describes it to clap.
pub(super) fn command() -> Command {
    let number = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).value_parser(value_parser!(u64)).help(help)
    };
    let count = |name, help| number(name, "COUNT", help).value_parser(value_parser!(u64).range(1..));
    let faults = PossibleValuesParser::new(Fault::ALL.map(Fault::name));
    Command::new("sim")
        .about("Break the machine on purpose: servers, workers and a network on a virtual clock, driven by a seed")
        .arg(number(SEED, "SEED", "Where all chance comes from [default: a new one, printed]"))
        .arg(count(SEEDS, "Worlds: this seed and those that follow from it").default_value("1"))
        .arg(count(STEPS, "Requests after which faults end, and everything must converge").default_value("100000"))
        .arg(count(SERVERS, "Servers [default: 1 to 4, by the seed]"))
        .arg(count(WORKERS, "Workers [default: 1 to 5, by the seed]"))
        .arg(number(WORKFLOWS, "COUNT", "Workflows that are started at most [default: by the seed]"))
        .arg(
            Arg::new(WITHOUT)
                .long(WITHOUT)
                .value_name("FAULT")
                .value_parser(faults)
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("A fault that does not happen"),
        )
        .arg(
            Arg::new(WITHOUT_STRANGERS)
                .long(WITHOUT_STRANGERS)
                .action(ArgAction::SetTrue)
                .help("Nobody sends requests that belong to no workflow"),
        )
        .arg(
            Arg::new(LINEARIZE)
                .long(LINEARIZE)
                .action(ArgAction::SetTrue)
                .help("Check in the end that an order of requests explains every answer that clients have heard"),
        )
        .arg(
            Arg::new(RECORDING)
                .long(RECORDING)
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Write what took effect as a recording, for `resonate replay` and the playground"),
        )
        .arg(output_arg())
        .after_help(AFTER_HELP)
}

/// Runs the worlds, prints what they came to, and fails where something was wrong.
pub(super) fn run(matches: &ArgMatches, _: &Environment) -> Result<(), Failure> {
    let options = options(matches);
    let seeds = matches.get_one::<u64>(SEEDS).copied().unwrap_or(1);
    print_one_panic();
    let started = Instant::now();
    let ran = Ran::of(&options, seeds);
    let took = started.elapsed();
    let shrunk = ran.failed.as_ref().and_then(|(options, report)| {
        let violation = report.violation.as_ref()?;
        eprintln!("{} in the world of seed {}; looking for a smaller one", violation.property, options.seed);
        Some(shrink(options, report, violation))
    });
    if let Some(path) = matches.get_one::<PathBuf>(RECORDING) {
        let text = ran.recorded(&options, shrunk.as_ref());
        std::fs::write(path, text)
            .map_err(|error| Failure::Runtime(format!("cannot write {}: {error}", path.display())))?;
    }
    let text = if is_json(matches) {
        format!("{:#}\n", ran.json(&options, took, shrunk.as_ref()))
    } else {
        ran.words(&options, took) + &shrunk.as_ref().map(story).unwrap_or_default()
    };
    print(&text)?;
    if let Some(page) = shrunk.as_ref().and_then(draw) {
        print(&format!("drawn in {}\n", page?.display()))?;
    }
    match shrunk {
        None => Ok(()),
        Some(Shrunk { options, .. }) => {
            Err(Failure::Differs(format!("something is wrong; to see it again: {}", again(&options))))
        }
    }
}

/// Where the machine panics in a world, it does so again in every smaller one that shows it: once is enough.
fn print_one_panic() {
    let (print, is_printed) = (std::panic::take_hook(), AtomicBool::new(false));
    std::panic::set_hook(Box::new(move |panic| {
        if !is_printed.swap(true, Ordering::Relaxed) {
            print(panic);
        }
    }));
}

fn options(matches: &ArgMatches) -> Options {
    let number = |name: &str| matches.get_one::<u64>(name).copied();
    let named = matches.get_many::<String>(WITHOUT).into_iter().flatten();
    Options {
        seed: number(SEED).unwrap_or_else(|| fastrand::u64(..)),
        steps: number(STEPS).unwrap_or_default(),
        servers: number(SERVERS),
        workers: number(WORKERS),
        workflows: number(WORKFLOWS),
        without: named.filter_map(|name| Fault::parse(name)).collect::<BTreeSet<Fault>>(),
        without_strangers: matches.get_flag(WITHOUT_STRANGERS),
        with_log: false,
        linearize: matches.get_flag(LINEARIZE),
    }
}

/// What the worlds came to.
#[derive(Default)]
struct Ran {
    worlds: u64,
    steps: u64,
    millis: u64,
    counts: Counts,
    /// Faults that struck in any of them.
    faults: BTreeSet<Fault>,
    /// The last world, or the first one in which something was wrong.
    last: Option<Report>,
    failed: Option<(Options, Report)>,
}

impl Ran {
    /// Runs as many worlds as wanted on all cores, up to the first in which something is wrong.
    fn of(options: &Options, seeds: u64) -> Self {
        let ran = Mutex::new(Self::default());
        let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let bar = bar(seeds);
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64).min(seeds);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= seeds || stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let options = Options { seed: nth_seed(options.seed, number), ..options.clone() };
                        let report = run_world(&options);
                        stop.fetch_or(report.violation.is_some(), Ordering::Relaxed);
                        bar.inc(1);
                        ran.lock().unwrap_or_else(PoisonError::into_inner).add(options, report);
                    }
                });
            }
        });
        bar.finish_and_clear();
        ran.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&mut self, options: Options, report: Report) {
        self.worlds += 1;
        self.steps += report.steps;
        self.millis += report.millis;
        self.counts += report.counts;
        self.faults.extend(&report.faults);
        if report.violation.is_some() && self.failed.is_none() {
            self.failed = Some((options, report));
        } else {
            self.last = Some(report);
        }
    }

    /// What took effect: the least that shows a failure, or all of the one world.
    fn recorded(&self, options: &Options, shrunk: Option<&Shrunk>) -> String {
        let server = env!("CARGO_PKG_VERSION");
        match shrunk {
            Some(Shrunk { report, minimal, .. }) => {
                recording(&report.plan.rules, minimal.as_ref().unwrap_or(&report.log), server)
            }
            None => {
                let report = run_world(&Options { with_log: true, ..options.clone() });
                recording(&report.plan.rules, &report.log, server)
            }
        }
    }

    fn words(&self, options: &Options, took: Duration) -> String {
        let mut text = String::new();
        let failed = self.failed.as_ref().map(|(_, report)| report);
        if let (1, Some(report)) = (self.worlds, failed.or(self.last.as_ref())) {
            text += &world(&report.plan);
            text += &format!("digest     {:016x}\n", report.digest);
        }
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64).min(self.worlds);
        let rate = self.steps as f64 / took.as_secs_f64().max(0.001) / threads.max(1) as f64;
        text += &format!("seed       {}, {} of it\n", options.seed, worlds(self.worlds));
        text += &format!("requests   {} ({rate:.0} a second and core)\n", self.steps);
        text += &format!(
            "time       {} simulated in {:.1} s\n",
            coarse(Millis::saturating(self.millis)),
            took.as_secs_f64()
        );
        text += &format!(
            "happened   {} transactions, {} conflicts, {} failed, {} crashes, {} workflows came to their end\n",
            self.counts.transactions,
            self.counts.conflicts,
            self.counts.failures,
            self.counts.crashes,
            self.counts.workflows
        );
        text += &format!("struck     {} of {} kinds of faults\n", self.faults.len(), Fault::ALL.len());
        if options.linearize {
            let (checked, given_up) = (self.counts.checked, self.counts.given_up);
            text += &format!(
                "clients    {checked} transmissions were looked at, no order found in time for {given_up} parts\n"
            );
        }
        if self.failed.is_none() {
            text += "every property held, servers did as the machine does, and everything has converged\n";
        }
        text
    }

    fn json(&self, options: &Options, took: Duration, shrunk: Option<&Shrunk>) -> Json {
        let failed = self.failed.as_ref().map(|(options, report)| (options, report.violation.as_ref()));
        let fragment = shrunk.and_then(|shrunk| shrunk.options.fragment().ok());
        let page = fragment.map(|fragment| format!("{PAGE}{fragment}"));
        json!({
            "version": env!("CARGO_PKG_VERSION"), "seed": options.seed, "again": options.arguments(),
            "worlds": self.worlds, "requests": self.steps, "simulatedMs": self.millis, "seconds": took.as_secs_f64(),
            "transactions": self.counts.transactions, "conflicts": self.counts.conflicts, "failed": self.counts.failures,
            "crashes": self.counts.crashes, "workflows": self.counts.workflows,
            "faults": self.faults.iter().map(|fault| fault.name()).collect::<Vec<_>>(),
            "checked": self.counts.checked, "givenUp": self.counts.given_up,
            "digest": self.last.as_ref().filter(|_| self.worlds == 1).map(|report| format!("{:016x}", report.digest)),
            "violation": failed.map(|(options, violation)| json!({
                "seed": options.seed,
                "property": violation.map(|violation| violation.property),
                "detail": violation.map(|violation| &violation.detail),
                "step": violation.map(|violation| violation.step),
                "again": shrunk.map(|shrunk| shrunk.options.arguments()),
                "page": page,
                "requests": shrunk.and_then(|shrunk| shrunk.minimal.as_ref()).map(Vec::len),
            })),
        })
    }
}

/// The seed of a world: the first is the one that was given.
fn nth_seed(seed: u64, number: u64) -> u64 {
    if number == 0 { seed } else { fastrand::Rng::with_seed(seed.wrapping_add(number)).u64(..) }
}

fn worlds(count: u64) -> String {
    if count == 1 { "1 world".to_owned() } else { format!("{count} worlds") }
}

fn bar(seeds: u64) -> ProgressBar {
    let bar = Session::bar("simulating {bar:30} {pos} of {len} worlds, {eta} left", seeds);
    bar.filter(|_| seeds > 1).unwrap_or_else(ProgressBar::hidden)
}

/// The size and the mix of a world.
fn world(plan: &Plan) -> String {
    plan.words().map(|(name, words)| format!("{name:<10} {words}\n")).concat()
}

/// Where the world comes again: on a command line, and in a page, behind the address of any server that has it.
fn again(options: &Options) -> String {
    let page = match options.fragment() {
        Ok(fragment) => format!("in a browser, behind the address of a server with the playground: {PAGE}{fragment}"),
        Err(why) => format!("not in the playground, since {why}"),
    };
    format!("resonate sim {}; {page}", options.arguments())
}

/// Draws what clients have seen, where no order explains it, as a page in the folder for temporary files.
fn draw(shrunk: &Shrunk) -> Option<Result<PathBuf, Failure>> {
    let contradiction = shrunk.report.contradiction.as_ref()?;
    let path = std::env::temp_dir().join(format!("resonate-sim-{}.html", shrunk.options.seed));
    let written = std::fs::write(&path, contradiction.page(&format!("resonate sim {}", shrunk.options.arguments())));
    Some(match written {
        Ok(()) => Ok(path),
        Err(error) => Err(Failure::Runtime(format!("cannot write {}: {error}", path.display()))),
    })
}

/// What was wrong, in the smallest world that shows it.
fn story(shrunk: &Shrunk) -> String {
    let Shrunk { report, minimal, .. } = shrunk;
    let mut text = String::from("\n");
    if let Some(violation) = &report.violation {
        text += &format!("violated   {violation}\n\nIn the smallest world that shows it:\n{}", world(&report.plan));
    }
    let (taken, what) = match minimal {
        Some(minimal) => (&minimal[..], "These requests, one after the other, are enough:"),
        None => (&report.log[..], "It takes more than the order of requests. The last that took effect:"),
    };
    text += &format!("\n{what}\n");
    for Taken { now, request } in &taken[taken.len().saturating_sub(TRACE_LINES_MAX)..] {
        let request = serde_json::to_string(request).unwrap_or_default();
        text += &format!("{now} {request}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_comes_again_on_a_command_line_and_in_a_page_where_a_page_bears_it() {
        let options = Options { seed: 42, steps: 31, without: [Fault::Lost].into(), ..Options::default() };
        let text = again(&options);
        assert!(text.starts_with("resonate sim --seed 42 --steps 31 --without lost; in a browser, "), "{text}");
        assert!(text.ends_with(": /playground#seed=42&steps=31&without=lost"), "{text}");
        let text = again(&Options { steps: 1_000_000, ..options });
        assert!(text.contains("; not in the playground, since 'steps' must be an integer from 1 to "), "{text}");
    }
}
