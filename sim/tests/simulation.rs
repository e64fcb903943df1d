//! Seeds: whatever they bring, nothing is wrong, everything converges, and the same seed brings the same.

mod support;

use std::collections::BTreeSet;

use resonate_core::request::Request;
use resonate_sim::{Fault, Isolation, Options, Report, names, run};

use support::seed;

fn options(seed: u64, steps: u64) -> Options {
    Options { seed, steps, ..Options::default() }
}

fn sound(report: &Report, seed: u64, steps: u64) {
    if let Some(violation) = &report.violation {
        panic!("{violation}\nagain: resonate sim --seed {seed} --steps {steps}");
    }
}

#[test]
fn nothing_is_wrong_and_everything_converges() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let seeds = std::iter::repeat_with(|| rng.u64(..)).take(300);
    let (mut kinds, mut variants) = (BTreeSet::new(), BTreeSet::new());
    let (mut isolations, mut faults) = (BTreeSet::new(), BTreeSet::new());
    let mut counts = resonate_sim::Counts::default();
    for seed in seeds {
        let report = run(&options(seed, 1_000));
        sound(&report, seed, 1_000);
        assert!(report.steps >= 1_000);
        kinds.extend(report.kinds.keys().copied());
        variants.extend(report.variants);
        faults.extend(report.faults);
        isolations.insert(format!("{:?}", report.plan.isolation));
        counts += report.counts;
    }
    // A simulation in which nothing happens finds nothing.
    assert_eq!(kinds, Request::KINDS.into(), "requests that were made");
    let expected: BTreeSet<&str> = names::REPLIES.into_iter().chain(names::WRITES).collect();
    assert_eq!(variants, expected, "replies and writes that were seen");
    assert_eq!(faults, Fault::ALL.into(), "faults that struck");
    assert_eq!(isolations.len(), [Isolation::Alone, Isolation::Locks, Isolation::Versions].len());
    assert!(counts.rivals > 100 && counts.conflicts > 1_000, "{counts:?}");
    assert!(counts.crashes > 100 && counts.failures > 1_000 && counts.workflows > 1_000, "{counts:?}");
}

#[test]
fn a_seed_brings_the_same_again_and_another_something_else() {
    let seed = seed();
    let (first, again) = (run(&options(seed, 500)), run(&options(seed, 500)));
    assert_eq!((first.digest, first.steps, first.millis), (again.digest, again.steps, again.millis));
    assert_ne!(first.digest, run(&options(seed.wrapping_add(1), 500)).digest);
}

#[test]
fn without_faults_nothing_fails() {
    let without: BTreeSet<Fault> = Fault::ALL.into_iter().collect();
    for seed in 0..20 {
        let report = run(&Options { without: without.clone(), ..options(seed, 500) });
        sound(&report, seed, 500);
        assert_eq!((report.counts.crashes, report.counts.failures, report.counts.conflicts), (0, 0, 0));
    }
}

#[test]
fn what_clients_see_has_an_order() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let mut counts = resonate_sim::Counts::default();
    for seed in std::iter::repeat_with(|| rng.u64(..)).take(40) {
        let report = run(&Options { linearize: true, ..options(seed, 500) });
        sound(&report, seed, 500);
        assert_eq!(report.digest, run(&options(seed, 500)).digest, "who watches changes nothing");
        counts += report.counts;
    }
    println!("{} transmissions, {} parts given up", counts.checked, counts.given_up);
    assert!(counts.checked > 10_000, "{counts:?}");
    assert!(counts.given_up * 5_000 <= counts.checked, "{} parts were given up", counts.given_up);
}
