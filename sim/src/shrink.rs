//! A smaller world in which the same is still wrong: fewer steps, faults, servers and workers, and where order alone is to blame, the fewest requests.

use resonate_core::memory::MemoryStore;
use resonate_core::recording::{Header, print_entry};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;

use crate::{Fault, Options, Reference, Report, Taken, Violation, run};

/// What is left of a failure.
#[derive(Debug)]
pub struct Shrunk {
    /// The smallest world that was found.
    pub options: Options,
    /// What it comes to, with its log.
    pub report: Report,
    /// The fewest requests that go wrong one after the other, without servers, faults and a network; nothing where it takes more than their order.
    pub minimal: Option<Vec<Taken>>,
}

/// A way to make a world smaller.
type Attempt = Box<dyn Fn(&mut Options)>;

fn fails(options: &Options, property: &str) -> Option<Report> {
    let report = run(options);
    let same = report.violation.as_ref().is_some_and(|violation| violation.property == property);
    same.then_some(report)
}

/// Makes a failing world smaller, as long as the same property is violated.
#[must_use]
pub fn shrink(options: &Options, report: &Report, violation: &Violation) -> Shrunk {
    let property = violation.property;
    // With as many workflows it is the same world up to there.
    let workflows = Some(report.plan.workflows);
    let mut best = Options { steps: options.steps.min(violation.step + 1), workflows, ..options.clone() };
    if fails(&best, property).is_none() {
        best = options.clone();
    }
    let mut attempts: Vec<Attempt> = Vec::new();
    for fault in Fault::ALL {
        attempts.push(Box::new(move |options| options.without.extend([fault])));
    }
    attempts.push(Box::new(|options| options.without_strangers = true));
    for count in [1, 2, 3] {
        attempts.push(Box::new(move |options| options.servers = Some(options.servers.unwrap_or(count).min(count))));
        attempts.push(Box::new(move |options| options.workers = Some(options.workers.unwrap_or(count).min(count))));
        attempts.push(Box::new(move |options| options.workflows = Some(options.workflows.unwrap_or(count).min(count))));
    }
    for attempt in attempts {
        let mut smaller = best.clone();
        attempt(&mut smaller);
        if let Some(report) = fails(&smaller, property) {
            let step = report.violation.map_or(smaller.steps, |violation| violation.step);
            smaller.steps = smaller.steps.min(step + 1);
            // Fewer steps may draw another world: then as many as before.
            best = if fails(&smaller, property).is_some() { smaller } else { Options { steps: best.steps, ..smaller } };
        }
    }
    let report = run(&Options { with_log: true, ..best.clone() });
    let minimal = fewest(&report, property);
    Shrunk { options: best, report, minimal }
}

/// What requests come to, one after the other.
#[must_use]
pub fn replay(rules: &Rules, taken: &[Taken]) -> Option<Violation> {
    let mut reference = Reference::new(rules.clone(), false);
    for Taken { now, request } in taken {
        reference.take(request, *now);
        if reference.violation().is_some() {
            break;
        }
    }
    reference.violation().cloned()
}

/// Leaves out what is not needed, in halves, quarters and so on.
fn fewest(report: &Report, property: &str) -> Option<Vec<Taken>> {
    let is_wrong = |taken: &[Taken]| replay(&report.plan.rules, taken).is_some_and(|found| found.property == property);
    let mut left = report.log.clone();
    if !is_wrong(&left) {
        return None;
    }
    let mut size = left.len().div_ceil(2);
    loop {
        let mut at = 0;
        while at < left.len() {
            let mut without = left.clone();
            without.drain(at..left.len().min(at + size));
            if is_wrong(&without) {
                left = without;
            } else {
                at += size;
            }
        }
        if size == 1 {
            return Some(left);
        }
        size = size.div_ceil(2);
    }
}

/// What took effect, as a recording that `resonate replay` and the playground read.
#[must_use]
pub fn recording(rules: &Rules, taken: &[Taken], server: &str) -> String {
    let began = taken.first().map_or(Timestamp::ZERO, |first| first.now);
    let mut lines = Header::new(server, began, rules.clone(), Snapshot::default()).print();
    lines.push('\n');
    // What was judged as it happened needs no judge again.
    let mut store = MemoryStore::new();
    for Taken { now, request } in taken {
        let reply = store.apply(rules, request, *now).reply;
        lines.push_str(&print_entry(*now, request, &reply));
        lines.push('\n');
    }
    lines
}
