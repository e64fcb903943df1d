//! Leases, dispatches and deliveries: what is held back, doubled and ended.

use resonate_core::address::Address;
use resonate_core::message::{Message, MessageKey};
use resonate_core::promise::tag;
use resonate_core::reply::Reply;
use resonate_core::request::{Claim, Request};
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;

use crate::support::parts::{acquire, create, dispatch, execute, release, settle, suspend, tags, targeted};
use crate::support::{NEW_YEAR, id};

use crate::story::{NEVER, Story, instant, is_conflict};

#[test]
fn a_worker_that_keeps_failing_is_sent_executes_at_doubling_distances_up_to_thirty_seconds() {
    let mut story = Story::new();
    let mut leaves = story.at(0, &create("job", NEVER, targeted())).1;
    let mut pauses = Vec::new();
    let mut now = 0;
    for version in 0..12 {
        assert_eq!(leaves, [Message::Execute { task: id("job"), version }]);
        story.reply(now, &acquire("job", version, 60_000));
        let sent = story.at(now, &release("job", version + 1)).1;
        let later = if sent.is_empty() { story.background(now, now + 40_000) } else { vec![(now, sent[0].clone())] };
        pauses.push(later[0].0 - now);
        now = later[0].0;
        leaves = vec![later[0].1.clone()];
    }
    assert_eq!(pauses[..8], [400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
    assert!(pauses[8..].iter().all(|pause| *pause == 30_000), "{pauses:?}");
}

#[test]
fn a_suspension_forgets_how_often_a_task_was_sent() {
    let mut story = Story::new();
    for request in [
        create("job", NEVER, targeted()),
        create("gate", NEVER, tags(&[])),
        acquire("job", 0, 60_000),
        release("job", 1),
        acquire("job", 1, 60_000),
        suspend("job", 2, &["gate"]),
    ] {
        story.reply(0, &request);
    }
    assert_eq!(story.at(1, &settle("gate")).1, [Message::Execute { task: id("job"), version: 2 }]);
}

#[test]
fn an_execute_that_waited_for_a_connection_still_holds_back_the_next_one() {
    let mut story = Story::new();
    let key = execute(&id("job"));
    story.reply(0, &create("job", NEVER, targeted()));
    story.reply(1, &Request::MessageUnclaimed { key: key.clone(), version: 0 });
    let left = story.at(3_600_000, &Request::ClaimMessage { key, claim: Claim::Connected }).1;
    assert_eq!(left.len(), 1);
    story.reply(3_600_001, &acquire("job", 0, 60_000));
    assert_eq!(story.at(3_600_002, &release("job", 1)).1, []);
    assert_eq!(story.background(3_600_002, 3_600_400)[0].0, 3_600_400);
}

/// A task whose second execute has left after 400 ms.
fn sent_twice() -> Story {
    let mut story = Story::new();
    story.reply(0, &create("job", NEVER, targeted()));
    story.reply(0, &acquire("job", 0, 60_000));
    story.reply(0, &release("job", 1));
    assert_eq!(story.background(0, 400)[0].0, 400);
    story
}

/// How many executes a task has had, and when the last of them left or may leave.
fn turn(story: &Story) -> (u32, Option<Timestamp>) {
    (story.task("job").executes, story.task("job").execute_at)
}

#[test]
fn an_execute_that_is_withdrawn_before_it_leaves_keeps_its_turn_and_does_not_count() {
    let mut story = sent_twice();
    story.reply(400, &acquire("job", 1, 60_000));
    story.reply(400, &release("job", 2));
    let held_back = (3, Some(instant(1_200)));
    assert_eq!(turn(&story), held_back);
    for now in 401..450 {
        story.reply(now, &Request::HaltTask { id: id("job") });
        assert_eq!(story.at(now, &Request::ContinueTask { id: id("job") }).1, []);
        assert_eq!(turn(&story), held_back, "an operator halts it and lets it go on");
    }
    for version in 2..20 {
        story.reply(450, &acquire("job", version, 60_000));
        assert_eq!(story.at(450, &release("job", version + 1)).1, []);
        assert_eq!(turn(&story), held_back, "a worker comes by itself");
    }
    assert_eq!(story.background(450, 1_200), [(1_200, Message::Execute { task: id("job"), version: 20 })]);
}

#[test]
fn an_execute_that_left_before_the_clock_was_set_back_counts() {
    for is_delivered in [false, true] {
        let mut story = sent_twice();
        if is_delivered {
            story.reply(400, &Request::MessageDelivered { key: execute(&id("job")), version: 1 });
        }
        story.reply(300, &Request::HaltTask { id: id("job") });
        assert_eq!(story.at(300, &Request::ContinueTask { id: id("job") }).1, []);
        assert_eq!(turn(&story), (3, Some(instant(1_100))), "it is held back as long as it would have been");
    }
}

#[test]
fn a_late_report_is_not_about_an_execute_that_has_yet_to_leave() {
    let (key, version) = (execute(&id("job")), 1);
    for report in [
        Request::MessageDelivered { key: key.clone(), version },
        Request::MessageFailed { key: key.clone(), version, jitter_permille: 0 },
        Request::MessageUnclaimed { key, version },
    ] {
        let mut story = sent_twice();
        story.reply(500, &Request::HaltTask { id: id("job") });
        assert_eq!(story.at(600, &Request::ContinueTask { id: id("job") }).1, []);
        assert_eq!(story.reply(700, &report), Reply::Idle);
        assert_eq!(turn(&story), (3, Some(instant(1_200))));
        assert_eq!(story.background(700, 1_200), [(1_200, Message::Execute { task: id("job"), version: 1 })]);
    }
}

#[test]
fn the_retry_clock_begins_when_an_execute_that_is_held_back_may_leave() {
    let mut story = Story::new();
    let delayed = tags(&[(tag::TARGET, "http://push"), (tag::DELAY, &(NEW_YEAR + 3_600_000).to_string())]);
    story.reply(0, &create("job", NEVER, delayed));
    story.reply(10, &Request::HaltTask { id: id("job") });
    story.reply(20, &Request::ContinueTask { id: id("job") });
    assert_eq!(story.background(20, 3_600_000)[0].0, 3_600_000);
    story.reply(3_600_001, &Request::MessageDelivered { key: execute(&id("job")), version: 0 });
    assert_eq!(story.background(3_600_001, 7_200_000)[0].0, 3_605_000, "whoever got it is gone");
}

#[test]
fn a_delay_that_nobody_waits_for_any_more_holds_nothing_back() {
    let mut story = Story::new();
    let delayed = tags(&[(tag::TARGET, "http://push"), (tag::DELAY, &(NEW_YEAR + 60_000).to_string())]);
    story.reply(0, &create("job", NEVER, delayed));
    story.reply(10, &Request::HaltTask { id: id("job") });
    story.reply(20, &Request::ContinueTask { id: id("job") });
    assert_eq!(turn(&story), (1, Some(instant(60_000))));
    story.reply(30, &acquire("job", 0, 60_000));
    assert_eq!(story.at(40, &release("job", 1)).1, [Message::Execute { task: id("job"), version: 1 }]);
}

#[test]
fn the_retry_clock_doubles_up_to_an_hour_while_a_message_waits() {
    let mut story = Story::new();
    story.reply(0, &create("job", NEVER, targeted()));
    story.reply(0, &Request::MessageUnclaimed { key: execute(&id("job")), version: 0 });
    let mut now = 5_000;
    let mut distances = Vec::new();
    for _ in 0..12 {
        story.reply(now, &dispatch("job"));
        let next = story.task("job").retry_at.expect("a pending task").since(instant(now)).as_millis();
        distances.push(next);
        now += next;
    }
    assert_eq!(distances[..4], [10_000, 20_000, 40_000, 80_000]);
    assert_eq!(distances[9..], [3_600_000; 3]);
}

#[test]
fn nothing_is_dispatched_before_its_delay_even_after_a_continue() {
    let mut story = Story::new();
    let delayed = tags(&[(tag::TARGET, "http://push"), (tag::DELAY, &(NEW_YEAR + 1_000).to_string())]);
    let (_, sent) = story.at(0, &create("job", NEVER, delayed));
    assert_eq!(sent, []);
    story.reply(10, &Request::HaltTask { id: id("job") });
    assert_eq!(story.at(20, &Request::ContinueTask { id: id("job") }).1, []);
    assert_eq!(story.task("job").retry_at, Some(instant(20) + Rules::default().retry_timeout), "due at once");
    assert_eq!(story.background(20, 1_000), [(1_000, Message::Execute { task: id("job"), version: 0 })]);
}

#[test]
fn an_empty_heartbeat_extends_every_lease_of_its_worker_but_none_under_strict() {
    for (mut story, extended) in [(Story::new(), 1_500), (Story::strict(), 1_000)] {
        for of in ["a", "b"] {
            story.reply(0, &create(of, NEVER, targeted()));
            story.reply(0, &acquire(of, 0, 1_000));
        }
        let beat = Request::HeartbeatTasks { pid: "worker".into(), tasks: Vec::new(), prefix: None };
        assert_eq!(story.reply(500, &beat), Reply::Done);
        for of in ["a", "b"] {
            assert_eq!(story.task(of).lease.as_ref().map(|lease| lease.expires_at), Some(instant(extended)));
        }
    }
}

#[test]
fn an_empty_heartbeat_stays_within_the_prefix_of_its_token() {
    let mut story = Story::new();
    for of in ["mine.1", "yours.1"] {
        story.reply(0, &create(of, NEVER, targeted()));
        story.reply(0, &acquire(of, 0, 1_000));
    }
    let prefix = Some("mine".to_owned());
    story.reply(500, &Request::HeartbeatTasks { pid: "worker".into(), tasks: Vec::new(), prefix });
    assert_eq!(story.task("mine.1").lease.as_ref().map(|lease| lease.expires_at), Some(instant(1_500)));
    assert_eq!(story.task("yours.1").lease.as_ref().map(|lease| lease.expires_at), Some(instant(1_000)));
}

fn listen(story: &mut Story, address: &str) -> MessageKey {
    let address = Address::parse(address).expect("an address");
    story.reply(0, &create("done", NEVER, tags(&[])));
    story.reply(0, &Request::RegisterListener { awaited: id("done"), address: address.clone() });
    MessageKey::Unblock { promise: id("done"), address }
}

#[test]
fn an_unblock_is_tried_until_its_retention_ends() {
    let mut story = Story::new();
    let key = listen(&mut story, "http://gone");
    assert_eq!(story.at(0, &settle("done")).1.len(), 1);
    let week = Rules::default().unblock_retention.as_millis();
    let (mut now, mut attempts) = (0, 1);
    while story.0.state.messages.contains_key(&key) {
        story.reply(now, &Request::MessageFailed { key: key.clone(), version: 0, jitter_permille: 0 });
        let due = story.0.state.messages[&key].due_at.as_millis() - NEW_YEAR;
        assert!(due - now <= 300_000);
        now = due;
        attempts += story.at(now, &Request::ClaimMessage { key: key.clone(), claim: Claim::Due }).1.len();
    }
    assert!(now >= week && now < week + 300_000 && attempts > 2_000, "{attempts} attempts until {now}");
}

#[test]
fn jitter_takes_at_most_a_quarter_off_the_delay() {
    for (jitter_permille, delay) in [(0, 1_000), (100, 900), (250, 750), (u64::MAX, 750)] {
        let mut story = Story::new();
        let key = listen(&mut story, "http://gone");
        story.reply(0, &settle("done"));
        story.reply(0, &Request::MessageFailed { key: key.clone(), version: 0, jitter_permille });
        assert_eq!(story.0.state.messages[&key].due_at, instant(delay));
    }
}

#[test]
fn an_unblock_without_a_connection_waits_for_one_and_ends_with_its_retention() {
    let week = Rules::default().unblock_retention.as_millis();
    for returns in [true, false] {
        let mut story = Story::new();
        let key = listen(&mut story, "poll://uni@g/w");
        story.reply(0, &settle("done"));
        story.reply(1, &Request::MessageUnclaimed { key: key.clone(), version: 0 });
        assert_eq!(story.background(1, week - 1), []);
        if returns {
            let sent = story.at(week - 1, &Request::ClaimMessage { key: key.clone(), claim: Claim::Connected }).1;
            assert!(matches!(&sent[..], [Message::Unblock { .. }]));
        } else {
            assert_eq!(story.background(week - 1, week), []);
            assert!(!story.0.state.messages.contains_key(&key));
        }
    }
}

#[test]
fn an_expired_lease_gives_the_task_to_the_next_worker_at_another_version() {
    let mut story = Story::new();
    story.reply(0, &create("job", NEVER, targeted()));
    story.reply(0, &acquire("job", 0, 1_000));
    assert_eq!(story.background(0, 1_000), [(1_000, Message::Execute { task: id("job"), version: 1 })]);
    story.reply(1_001, &acquire("job", 1, 1_000));
    assert!(is_conflict(&story.reply(1_002, &release("job", 1))), "the first worker has lost it");
    assert!(is_conflict(&story.reply(1_002, &acquire("job", 1, 1_000))), "an acquisition is exclusive");
}
