//! What is removed long after it was settled, and what stays because something still needs it.

use resonate_core::address::Address;
use resonate_core::limits::PURGE_CALLBACKS_MAX;
use resonate_core::message::MessageKey;
use resonate_core::promise::{Tags, tag};
use resonate_core::reply::Reply;
use resonate_core::request::Request;

use crate::story::{NEVER, Story, instant};
use crate::support::id;
use crate::support::parts::{WORKERS, acquire, create, settle, suspend, tags, targeted};

/// Removes what was settled before an instant; whether it went.
fn purge(story: &mut Story, now: u64, of: &str, before: u64) -> bool {
    let settled_before = instant(before);
    let dry = Request::PurgePromise { id: id(of), settled_before, dry_run: true };
    let (state, would_go) = (story.0.state.clone(), story.reply(now, &dry) == Reply::Done);
    assert_eq!(story.0.state, state, "a dry run changes nothing");
    let went = story.reply(now, &Request::PurgePromise { id: id(of), settled_before, dry_run: false }) == Reply::Done;
    assert!(would_go || !went, "{of} went, and a dry run did not count it");
    let was_there = state.promises.contains_key(&id(of));
    assert_eq!(went, was_there && !story.0.state.promises.contains_key(&id(of)), "{of}");
    went
}

fn child_of(parent: &str) -> Tags {
    tags(&[(tag::PARENT, parent), (tag::BRANCH, parent), (tag::ORIGIN, parent)])
}

fn play(story: &mut Story, now: u64, requests: &[Request]) {
    for request in requests {
        let reply = story.reply(now, request);
        assert!(!matches!(reply, Reply::Refused(_)), "{request:?}: {reply:?}");
    }
}

#[test]
fn only_what_was_settled_before_the_instant_goes_and_its_id_is_free_again() {
    let mut story = Story::new();
    play(&mut story, 0, &[create("a", NEVER, targeted()), create("b", NEVER, tags(&[]))]);
    play(&mut story, 10, &[settle("a")]);
    assert!(!purge(&mut story, 20, "a", 10) && !purge(&mut story, 20, "b", 20) && !purge(&mut story, 20, "c", 20));
    assert!(purge(&mut story, 20, "a", 11));
    assert!(story.0.state.tasks.is_empty() && story.0.state.messages.is_empty());
    assert!(!purge(&mut story, 20, "a", 11));
    assert!(matches!(story.reply(20, &create("a", NEVER, targeted())), Reply::Created { fresh: true, .. }));
    assert_eq!(story.task("a").version, 0);
}

#[test]
fn what_a_pending_run_may_ask_for_again_stays() {
    for name in [tag::PARENT, tag::BRANCH, tag::ORIGIN, tag::PREFIX] {
        let mut story = Story::new();
        play(&mut story, 0, &[create("run", NEVER, targeted()), create("step", NEVER, tags(&[(name, "run")]))]);
        play(&mut story, 1, &[settle("step")]);
        assert!(!purge(&mut story, 9, "step", 9), "{name}");
        play(&mut story, 9, &[settle("run")]);
        assert!(purge(&mut story, 10, "step", 10), "{name}");
    }
}

#[test]
fn names_of_nothing_and_of_itself_keep_nothing() {
    let mut story = Story::new();
    play(&mut story, 0, &[create("a", NEVER, child_of("absent")), create("b", NEVER, child_of("b"))]);
    play(&mut story, 0, &[create("c", NEVER, child_of("")), settle("a"), settle("b"), settle("c")]);
    assert!(purge(&mut story, 9, "a", 9) && purge(&mut story, 9, "b", 9) && purge(&mut story, 9, "c", 9));
}

#[test]
fn children_go_before_their_parents() {
    let mut story = Story::new();
    play(&mut story, 0, &[create("root", NEVER, targeted())]);
    play(&mut story, 1, &[create("root.1", NEVER, child_of("root")), create("root.2", NEVER, child_of("root"))]);
    play(&mut story, 2, &[settle("root.1"), settle("root")]);
    assert!(!purge(&mut story, 9, "root", 9), "a child is pending");
    play(&mut story, 10, &[settle("root.2")]);
    assert!(!purge(&mut story, 20, "root", 10), "a child is there");
    assert!(purge(&mut story, 20, "root.1", 11));
    assert!(!purge(&mut story, 20, "root", 11), "the other child is there");
    // The last one takes along what stayed because of it.
    assert!(purge(&mut story, 20, "root.2", 11));
    assert!(story.0.state.promises.is_empty() && story.0.state.tasks.is_empty());
}

#[test]
fn promises_that_name_each_other_do_not_keep_each_other() {
    let mut story = Story::new();
    play(&mut story, 0, &[create("a", NEVER, child_of("b"))]);
    play(&mut story, 1, &[create("b", NEVER, child_of("a")), settle("a"), settle("b")]);
    assert!(!purge(&mut story, 9, "a", 9), "the younger one goes first");
    assert!(purge(&mut story, 9, "b", 9));
    assert!(story.0.state.promises.is_empty());
}

#[test]
fn what_is_not_delivered_stays() {
    let mut story = Story::new();
    let address = Address::parse("poll://uni@g/w").expect("an address");
    play(&mut story, 0, &[create("a", NEVER, tags(&[]))]);
    play(&mut story, 0, &[Request::RegisterListener { awaited: id("a"), address: address.clone() }, settle("a")]);
    assert!(!purge(&mut story, 9, "a", 9));
    let key = MessageKey::Unblock { promise: id("a"), address };
    play(&mut story, 9, &[Request::MessageDelivered { key, version: 0 }]);
    assert!(purge(&mut story, 9, "a", 9));
}

#[test]
fn what_has_woken_a_task_stays_until_a_worker_has_acquired_it() {
    let mut story = Story::new();
    play(&mut story, 0, &[create("job", NEVER, targeted()), create("gate", NEVER, tags(&[]))]);
    play(&mut story, 0, &[acquire("job", 0, 60_000), suspend("job", 1, &["gate"]), settle("gate")]);
    assert!(!purge(&mut story, 9, "gate", 9));
    play(&mut story, 9, &[acquire("job", 1, 60_000)]);
    assert!(purge(&mut story, 9, "gate", 9));
}

#[test]
fn callbacks_of_a_task_that_is_over_go_with_it_however_many() {
    let mut story = Story::new();
    let gates: Vec<String> = (0..2 * PURGE_CALLBACKS_MAX + 1).map(|number| format!("gate.{number}")).collect();
    for gate in &gates {
        play(&mut story, 0, &[create(gate, NEVER, tags(&[]))]);
    }
    let awaited: Vec<&str> = gates.iter().map(String::as_str).collect();
    play(&mut story, 0, &[create("job", NEVER, tags(&[(tag::TARGET, WORKERS)])), acquire("job", 0, 60_000)]);
    play(&mut story, 0, &[suspend("job", 1, &awaited), settle("job")]);
    assert_eq!(story.0.state.callbacks.len(), gates.len());
    let request = Request::PurgePromise { id: id("job"), settled_before: instant(9), dry_run: false };
    let decisions = story.0.play(&request, instant(9));
    assert!(decisions.iter().all(|decision| decision.writes.len() <= PURGE_CALLBACKS_MAX + 2));
    assert!(story.0.state.callbacks.is_empty() && !story.0.state.promises.contains_key(&id("job")));
    // Whoever has the id now is not woken by what the one before waited for.
    play(&mut story, 9, &[create("job", NEVER, targeted()), settle("gate.0")]);
    assert_eq!(story.task("job").resumes, [].into());
}
