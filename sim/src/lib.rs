//! A world in which durable promises are broken on purpose: servers over one store, workers, clients and a network, on a clock of their own, with
//! crashes, lost acknowledgements, conflicts, full disks, lost and doubled messages, jumping clocks and paused workers. One seed decides all of it, so
//! that whatever goes wrong goes wrong again.
//!
//! What servers do is what every host does: [`resonate_core::drive::run`] over a store. What they should have done is known from the machine, run
//! request by request in the order of the commits and judged by the catalogue of [`resonate_core::property`] at each of them. Knows no clock but its own,
//! no threads, no files: it runs wherever the core runs.

pub mod answer;
mod call;
mod calm;
mod digest;
pub mod generator;
pub mod grant;
#[cfg(feature = "mutants")]
pub mod hunt;
pub mod linear;
pub mod link;
pub mod names;
mod neighbourhood;
pub mod opened;
mod overlap;
mod plan;
mod purge;
mod reference;
mod server;
pub mod shrink;
mod store;
mod transaction;
mod violation;
mod weather;
mod witness;
mod worker;
mod workflow;
mod world;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use plan::{Fault, Options, Plan};
pub use reference::{Reference, Taken};
pub use store::Isolation;
pub use violation::Violation;
pub use world::Counts;

use linear::Contradiction;
use world::World;

/// Requests between two looks at the whole state.
const LOOK_INTERVAL: u64 = 1_000;

/// What a simulation came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The world.
    pub plan: Plan,
    /// Requests that took effect, those after the end of faults included.
    pub steps: u64,
    /// Simulated milliseconds.
    pub millis: u64,
    /// Requests by their kinds.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Kinds of replies and writes that were seen, see [`names`].
    pub variants: BTreeSet<&'static str>,
    /// Faults that struck.
    pub faults: BTreeSet<Fault>,
    /// What else was seen.
    pub counts: Counts,
    /// What has happened and what has come of it, as one number: the same wherever the seed is run.
    pub digest: u64,
    /// What was wrong.
    pub violation: Option<Violation>,
    /// What took effect, in order, where it was asked for.
    pub log: Vec<Taken>,
    /// What clients have seen and no order explains, where that was looked for.
    pub contradiction: Option<Contradiction>,
}

/// Runs a simulation to its end, or until something is wrong.
#[must_use]
pub fn run(options: &Options) -> Report {
    let mut world = World::new(options);
    to_its_end(&mut world, options.steps);
    let is_sound = world.reference.violation().is_none();
    let contradiction = if options.linearize && is_sound { world.linearize() } else { None };
    let millis = world.age();
    let mut counts = world.counts;
    counts.conflicts = world.store.conflicted();
    let World { plan, reference, struck: faults, .. } = world;
    Report {
        plan,
        steps: reference.steps(),
        millis,
        kinds: reference.kinds().clone(),
        variants: reference.variants().clone(),
        faults,
        counts,
        digest: reference.digest(),
        violation: reference.violation().cloned(),
        log: reference.into_log(),
        contradiction,
    }
}

/// Lets a world go on for so many requests, and then converge, or until something is wrong: a panic is, too, where one can be caught.
fn to_its_end(world: &mut World, steps: u64) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| go_on(world, steps))) {
        world.reference.fault("simulation_nothing_panics", || said(&*panic).to_owned());
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it said nothing")
}

fn go_on(world: &mut World, steps: u64) {
    while world.reference.steps() < steps && world.reference.violation().is_none() {
        world.run(steps.min(world.reference.steps() + LOOK_INTERVAL));
        world.judge_all();
    }
    if world.reference.violation().is_none() {
        world.converge();
        world.judge_all();
    }
}
