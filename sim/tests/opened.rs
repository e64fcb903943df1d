//! Links to worlds: every option can be in one, what does not fit is refused by its name, and a world is opened where it is to be looked at.

mod support;

use resonate_core::recording::Line;
use resonate_sim::link::limits::STEPS_MAX;
use resonate_sim::shrink::recording;
use resonate_sim::{Fault, Options, opened, run};
use serde_json::{Value as Json, json};

use support::seed;

type Pairs = Vec<(String, String)>;

/// Names and values, as a page takes them out of its address.
fn pairs(fragment: &str) -> Pairs {
    let parts = fragment.strip_prefix('#').expect("a fragment").split('&');
    let parts = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
    parts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What a page is told, and the recording.
fn open(fragment: &str) -> (Json, String) {
    let opened = opened::open(json!(pairs(fragment)).to_string().as_bytes()).expect("a link that fits");
    let (head, recording) = opened.split_once('\n').expect("two parts");
    (serde_json::from_str(head).expect("JSON"), recording.to_owned())
}

#[test]
fn every_option_of_a_world_can_be_in_a_link() {
    let options = Options {
        seed: u64::MAX,
        steps: 1_000,
        servers: Some(2),
        workers: Some(3),
        workflows: Some(0),
        without: [Fault::ClockJump, Fault::Lost].into(),
        without_strangers: true,
        linearize: true,
        ..Options::default()
    };
    let fragment = options.fragment().expect("no more than a page may be asked for");
    let expected = "#seed=18446744073709551615&steps=1000&servers=2&workers=3&workflows=0&without=lost&without=clock-jump\
                    &without-strangers&linearize";
    assert_eq!(fragment, expected);
    let again = Options::of_fragment(&pairs(&fragment)).expect("what was printed");
    assert_eq!(again.arguments(), options.arguments());
    assert_eq!(
        options.arguments(),
        "--seed 18446744073709551615 --steps 1000 --servers 2 --workers 3 --workflows 0 --without lost --without clock-jump \
         --without-strangers --linearize"
    );
    let otherwise = "#steps=1000&seed=18446744073709551615&linearize=true&workflows=0&workers=3&servers=2&without-strangers=true&without=clock-jump,lost";
    let again = Options::of_fragment(&pairs(otherwise)).expect("the same in another order");
    assert_eq!(again.arguments(), options.arguments());
}

#[test]
fn a_link_that_does_not_fit_is_refused_with_the_field_and_the_cure() {
    for (fragment, why) in [
        ("#steps=10", "'seed' is missing: give it an integer"),
        ("#seed=1", "'steps' is missing: give it a number of requests, such as 1000"),
        ("#seed=x&steps=10", "'seed' must be an integer from 0 to 18446744073709551615, not \"x\""),
        ("#seed=18446744073709551616&steps=10", "'seed' must be an integer from 0 to 18446744073709551615"),
        ("#seed=1&steps=0", "'steps' must be an integer from 1 to 5000, not \"0\""),
        ("#seed=1&steps=5001", "`resonate sim` with `--recording FILE`, and drop the file on the page"),
        ("#seed=1&steps=10&servers=17", "'servers' must be an integer from 0 to 16, not \"17\""),
        ("#seed=1&steps=10&workers=65", "'workers' must be an integer from 0 to 64"),
        ("#seed=1&steps=10&workflows=-1", "'workflows' must be an integer from 0 to 5000"),
        ("#seed=1&steps=10&without=rain", "there is none called \"rain\": take of crash-before-commit, "),
        ("#seed=1&steps=10&linearize=2", "'linearize' stands alone, or is true or false, not \"2\""),
        ("#seed=1&steps=10&seed=2", "'seed' is given twice: leave one of them out"),
        ("#sead=1&steps=10", "'sead' is no part of a world: take it out, or give seed, steps, "),
    ] {
        let refused = Options::of_fragment(&pairs(fragment)).expect_err(fragment);
        assert!(refused.contains(why), "{fragment}: {refused}");
    }
    let refused = Options { steps: STEPS_MAX + 1, ..Options::default() }.fragment().expect_err("more than a page may");
    assert!(refused.starts_with("'steps' must be"), "{refused}");
}

#[test]
fn a_world_in_which_nothing_is_wrong_is_opened_at_its_last_step() {
    let options = Options { seed: seed(), steps: 300, with_log: true, ..Options::default() };
    let (head, text) = open(&options.fragment().expect("a small world"));
    let report = run(&options);
    assert_eq!((&head["at"], &head["violation"]), (&json!(report.log.len()), &Json::Null));
    assert_eq!(head["digest"], json!(format!("{:016x}", report.digest)));
    assert_eq!(text, recording(&report.plan.rules, &report.log, env!("CARGO_PKG_VERSION")));
    assert_eq!(text.lines().count(), report.log.len() + 1);
    for line in text.lines() {
        Line::parse(line.as_bytes()).expect("a line of a recording");
    }
}
