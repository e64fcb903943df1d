//! Every guard that can be left out is missed: the checkers are checked. Prints who has noticed each mutant, in how many worlds and after how many
//! requests.

mod support;

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use resonate_core::mutant::{Mutant, Room};
use resonate_sim::hunt::{Hunt, hunt};
use resonate_sim::shrink::{replay, shrink};
use resonate_sim::{Options, run};

use support::seed;

/// Worlds in which a mutant may hide.
const WORLDS_MAX: u64 = 4_000;

const COLUMNS: usize = 7;
const HEADER: [&str; COLUMNS] =
    ["mutant", "noticed by", "worlds", "requests", "beside a sound machine", "worlds", "requests"];
const IS_NUMBER: [bool; COLUMNS] = [false, false, true, true, false, true, true];

/// A mutant, what noticed it, and what notices it beside a sound machine.
struct Row {
    mutant: Mutant,
    alone: Hunt,
    beside_sound: Option<Hunt>,
}

/// What of a mutant is hunted: `ONLY` where it is set.
fn wanted() -> Vec<Mutant> {
    let only = std::env::var("ONLY").ok();
    let is_wanted = |mutant: &&Mutant| only.as_ref().is_none_or(|only| format!("{mutant:?}") == *only);
    Mutant::ALL.iter().filter(is_wanted).copied().collect()
}

fn row(mutant: Mutant, seed: u64) -> Row {
    let of_machine = mutant.room() == Room::Machine;
    let beside_sound = of_machine.then(|| hunt(mutant, true, seed, WORLDS_MAX));
    Row { mutant, alone: hunt(mutant, false, seed, WORLDS_MAX), beside_sound }
}

/// Hunts all of them, on all cores.
fn rows(seed: u64) -> Vec<Row> {
    let mutants = wanted();
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = row(*mutant, seed);
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|row| Mutant::ALL.iter().position(|mutant| *mutant == row.mutant));
    rows
}

fn cells(hunt: Option<&Hunt>) -> [String; 3] {
    let Some(hunt) = hunt else { return Default::default() };
    let by = hunt.caught.as_ref().map_or("nobody", |caught| caught.by);
    [by.to_owned(), hunt.worlds.to_string(), hunt.requests.to_string()]
}

/// The table as Markdown, as the benchmarks have theirs.
fn table(rows: &[Row]) -> String {
    let cells = rows.iter().map(|Row { mutant, alone, beside_sound }| {
        let [by, worlds, requests] = cells(Some(alone));
        let [beside, beside_worlds, beside_requests] = cells(beside_sound.as_ref());
        [mutant.what().to_owned(), by, worlds, requests, beside, beside_worlds, beside_requests]
    });
    let rows: Vec<[String; COLUMNS]> = std::iter::once(HEADER.map(str::to_owned)).chain(cells).collect();
    let widths: [usize; COLUMNS] = std::array::from_fn(|at| rows.iter().map(|row| row[at].len()).max().unwrap_or(0));
    let line = |row: &[String; COLUMNS]| {
        let padded = row.iter().zip(widths).zip(IS_NUMBER).map(|((text, width), is_number)| match is_number {
            true => format!(" {text:>width$} "),
            false => format!(" {text:<width$} "),
        });
        format!("|{}|\n", padded.collect::<Vec<String>>().join("|"))
    };
    let rule = widths.map(|width| "-".repeat(width));
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.insert(1, line(&rule));
    lines.concat()
}

#[test]
fn every_mutant_is_noticed() {
    let seed = seed();
    panic::set_hook(Box::new(|_| {}));
    let rows = rows(seed);
    let _ = panic::take_hook();
    println!("\n{}", table(&rows));
    let missed: Vec<_> = rows.iter().filter(|row| row.alone.caught.is_none()).map(|row| row.mutant).collect();
    assert_eq!(missed, []);
}

#[test]
fn a_log_leads_to_the_step_after_which_something_was_noticed() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let options = || Options {
        seed: rng.u64(..),
        steps: 500,
        mutant: Some(Mutant::SettleForgetsValue),
        with_log: true,
        ..Options::default()
    };
    let mut worlds = std::iter::repeat_with(options).take(WORLDS_MAX as usize).map(|options| run(&options));
    let report = worlds.find(|report| report.violation.is_some()).expect("a mutant that is noticed");
    let violation = report.violation.expect("something");
    let taken = usize::try_from(violation.taken).expect("a length");
    let property = |taken| replay(&report.plan.rules, &report.log[..taken]).map(|found| found.property);
    assert_eq!(property(taken), Some(violation.property));
    assert_eq!(property(taken - 1), None);
}

/// One of the machine, whose requests alone show it, and others that need servers, a store and faults.
#[test]
fn what_is_wrong_in_a_large_world_is_wrong_in_the_smallest() {
    let (mut rng, steps) = (fastrand::Rng::with_seed(seed()), 1_200);
    for (mutant, is_of_order) in
        [(Mutant::SettleForgetsValue, true), (Mutant::RowNotLocked, false), (Mutant::SyncSkipped, false)]
    {
        let options = || Options { seed: rng.u64(..), steps, mutant: Some(mutant), ..Options::default() };
        let mut worlds = std::iter::repeat_with(options).take(WORLDS_MAX as usize);
        let wrong = worlds.find_map(|options| {
            let report = run(&options);
            let violation = report.violation.clone()?;
            Some((options, report, violation))
        });
        let (options, report, violation) = wrong.expect("a mutant that is noticed");
        let small = shrink(&options, &report, &violation);
        let again = run(&small.options).violation.expect("still wrong");
        assert_eq!(again.property, violation.property, "{mutant:?}");
        assert_eq!(small.report.violation, Some(again), "{mutant:?}");
        assert!(small.options.steps <= violation.step + 1 && !small.report.log.is_empty(), "{mutant:?}");
        println!(
            "{mutant:?}: {} of {steps} requests, without {:?}, alone {:?}",
            small.options.steps,
            small.options.without,
            small.minimal.as_ref().map(Vec::len)
        );
        let Some(minimal) = small.minimal.filter(|_| is_of_order) else { continue };
        let found = |taken: &[_]| replay(&small.report.plan.rules, taken).map(|found| found.property);
        assert_eq!(found(&minimal), Some(violation.property));
        assert_eq!(found(&minimal[..minimal.len() - 1]), None, "the last of them shows it");
    }
}
