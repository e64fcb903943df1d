//! What no order explains.

use resonate_core::promise::tag;
use resonate_core::reply::{Refusal, Reply};
use resonate_core::request::{FencedAction, Request, Verdict};
use resonate_core::time::Millis;
use resonate_sim::linear::Answer;

use crate::past::{
    FAR, Past, acquire, at, create, create_task, create_until, creation, get, id, resolve, settlement, task,
};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_stale_read_is_caught() {
    let mut past = Past::new();
    past.at_once(1, 1, create("other"));
    past.at_once(1, 1, create("p"));
    let before = past.at_once(1, 2, get("p"));
    past.at_once(1, 3, resolve("p", "done"));
    past.at_once(2, 4, get("other"));
    let stale = past.answer(before);
    past.told(2, (5, 6), 5, get("p"), stale);
    past.at_once(3, 7, get("p"));
    let (left, stuck) = past.fails();
    assert_eq!(left, names(&["1 promise.create", "1 promise.settle", "2 promise.get"]));
    assert_eq!(stuck, names(&["2 promise.get"]));
}

#[test]
fn a_read_that_overlaps_may_see_either() {
    let mut past = Past::new();
    past.at_once(1, 1, create("p"));
    let before = past.at_once(1, 2, get("p"));
    past.ask(1, (3, 6), 5, resolve("p", "done"));
    let stale = past.answer(before);
    past.told(2, (4, 5), 5, get("p"), stale);
    past.passes();
}

#[test]
fn a_lost_update_is_caught() {
    let mut past = Past::new();
    past.at_once(1, 1, create("p"));
    let said = past.at_once(1, 2, resolve("p", "mine"));
    let mine = past.answer(said);
    // Somebody else is told that he has settled it too.
    let mut other = Past::new();
    other.at_once(1, 1, create("p"));
    let said = other.at_once(2, 3, resolve("p", "yours"));
    past.told(2, (3, 3), 3, resolve("p", "yours"), other.answer(said));
    assert!(matches!(mine, Answer::Machine(Reply::Settled { fresh: true, .. })));
    let (left, stuck) = past.fails();
    assert_eq!(left, names(&["1 promise.create", "1 promise.settle", "2 promise.settle"]));
    assert_eq!(stuck, names(&["2 promise.settle"]));
}

#[test]
fn two_that_settle_at_the_same_time_cannot_both_have_been_first() {
    let mut past = Past::new();
    past.at_once(1, 1, create("p"));
    let said = past.ask(1, (2, 9), 5, resolve("p", "mine"));
    let Answer::Machine(Reply::Settled { promise, .. }) = past.answer(said) else { panic!("a settlement") };
    let mut yours = (*promise).clone();
    yours.value.data = Some("yours".to_owned());
    let yours = Answer::Machine(Reply::Settled { promise: yours.into(), fresh: true });
    past.told(2, (2, 9), 5, resolve("p", "yours"), yours);
    let (left, stuck) = past.fails();
    assert_eq!(left.len(), 3);
    assert_eq!(stuck.len(), 1);
}

#[test]
fn two_who_acquire_the_same_version_are_caught() {
    let mut past = Past::new();
    past.at_once(1, 1, create_task("t"));
    past.at_once(2, 2, acquire("t", 0, "one", 1_000));
    let mut other = Past::new();
    other.at_once(1, 1, create_task("t"));
    let said = other.at_once(3, 3, acquire("t", 0, "two", 1_000));
    past.told(3, (3, 3), 3, acquire("t", 0, "two", 1_000), other.answer(said));
    let (left, stuck) = past.fails();
    assert_eq!(left, names(&["1 promise.create", "2 task.acquire", "3 task.acquire"]));
    assert_eq!(stuck, names(&["3 task.acquire"]));
}

#[test]
fn a_lease_that_ends_before_its_time_is_caught() {
    for (now, wrong) in [(1_001, true), (1_002, false)] {
        let mut past = Past::new();
        past.at_once(1, 1, create_task("t"));
        past.at_once(2, 2, acquire("t", 0, "one", 1_000));
        let mut other = Past::new();
        other.at_once(1, 1, create_task("t"));
        other.at_once(2, 2, acquire("t", 0, "one", 1_000));
        other.unseen(1_002, &Request::ExpireLease { id: id("t") });
        let said = other.at_once(3, now, acquire("t", 1, "two", 1_000));
        past.told(3, (now, now), now, acquire("t", 1, "two", 1_000), other.answer(said));
        if wrong {
            assert_eq!(past.fails().1, names(&["3 task.acquire"]));
        } else {
            past.passes();
        }
    }
}

#[test]
fn an_answer_that_reverts_is_caught() {
    let mut past = Past::new();
    past.at_once(1, 1, create("p"));
    let pending = past.at_once(2, 2, get("p"));
    past.ask(1, (3, 100), 50, resolve("p", "done"));
    past.ask(2, (60, 61), 60, get("p"));
    // Its settlement is under way still, but somebody has seen it.
    let stale = past.answer(pending);
    past.told(3, (70, 71), 70, get("p"), stale);
    let (left, stuck) = past.fails();
    assert_eq!(left, names(&["1 promise.create", "1 promise.settle", "2 promise.get", "3 promise.get"]));
    assert_eq!(stuck, names(&["3 promise.get"]));
}

#[test]
fn a_deadline_that_nobody_keeps_is_caught_and_so_is_one_that_comes_early() {
    let mut past = Past::new();
    past.at_once(1, 1, create_until("p", 10));
    let pending = past.at_once(2, 9, get("p"));
    let late = past.answer(pending);
    past.told(2, (10, 10), 10, get("p"), late);
    assert_eq!(past.fails().1, names(&["2 promise.get"]));

    let mut past = Past::new();
    past.at_once(1, 1, create_until("p", 10));
    let mut other = Past::new();
    other.at_once(1, 1, create_until("p", 10));
    let timed_out = other.at_once(2, 10, get("p"));
    past.told(2, (9, 9), 9, get("p"), other.answer(timed_out));
    assert_eq!(past.fails().1, names(&["2 promise.get"]));
}

#[test]
fn an_idempotency_key_that_is_answered_wrongly_is_caught() {
    let keyed = |key: &str| Request::CreatePromise(creation("p", FAR, &[], Some(key)));
    let mut past = Past::new();
    past.ask_2023(1, 1, keyed("mine"), false);
    let same = past.ask_2023(1, 2, keyed("mine"), false);
    past.passes();
    // A stranger with another key is told that it is his.
    let Answer::Rest { status: 200, body, .. } = past.answer(same) else { panic!("a duplicate") };
    past.told(2, (3, 3), 3, keyed("yours"), Answer::Rest { strict: false, status: 200, body });
    let (left, stuck) = past.fails();
    assert_eq!(left, names(&["1 promise.create", "2 promise.create"]));
    assert_eq!(stuck, names(&["2 promise.create"]));
}

#[test]
fn strict_is_part_of_the_question() {
    let keyed = |verdict| Request::SettlePromise(settlement("p", verdict, "ZG9uZQ==", Some("key")));
    let mut past = Past::new();
    past.ask_2023(1, 1, create("p"), false);
    past.ask_2023(1, 2, keyed(Verdict::Resolved), false);
    let lenient = past.ask_2023(1, 3, keyed(Verdict::Rejected), false);
    past.ask_2023(1, 4, keyed(Verdict::Rejected), true);
    past.passes();
    let Answer::Rest { status: 200, body, .. } = past.answer(lenient) else { panic!("a duplicate") };
    past.told(2, (5, 5), 5, keyed(Verdict::Rejected), Answer::Rest { strict: true, status: 200, body });
    assert_eq!(past.fails().1, names(&["2 promise.settle"]));
}

#[test]
fn an_instant_outside_of_its_call_is_caught() {
    for (call, now) in [((5, 6), 4), ((5, 6), 7)] {
        let mut past = Past::new();
        past.at_once(1, 1, create("p"));
        past.ask(2, call, now, get("p"));
        let (left, stuck) = past.fails();
        assert_eq!((left, stuck), (names(&["2 promise.get"]), names(&["2 promise.get"])));
        past.history.tolerance = Some(Millis::saturating(1));
        past.passes();
        past.history.tolerance = None;
        past.passes();
    }
}

#[test]
fn a_fence_that_lets_the_wrong_version_in_is_caught() {
    let mut past = Past::new();
    past.at_once(1, 1, create_task("t"));
    past.at_once(2, 2, acquire("t", 0, "one", FAR));
    past.at_once(2, 3, Request::ReleaseTask { task: task("t", 1) });
    past.at_once(3, 4, acquire("t", 1, "two", FAR));
    let fence = |version| Request::FenceTask {
        task: task("t", version),
        action: FencedAction::Create(creation("child", FAR, &[(tag::EXTERNAL, "true")], None)),
    };
    let mut other = Past::new();
    other.at_once(1, 1, create_task("t"));
    other.at_once(2, 2, acquire("t", 0, "one", FAR));
    let let_in = other.at_once(2, 5, fence(1));
    past.told(2, (5, 5), 5, fence(1), other.answer(let_in));
    let (left, stuck) = past.fails();
    assert_eq!(stuck, names(&["2 task.fence"]));
    assert!(left.len() <= 5, "{left:?}");
}

#[test]
fn a_callback_that_is_forgotten_is_caught() {
    let suspend = Request::SuspendTask { task: task("t", 1), awaited: vec![id("child")] };
    let mut past = Past::new();
    past.at_once(1, 1, create_task("t"));
    past.at_once(1, 1, create("child"));
    past.at_once(2, 2, acquire("t", 0, "one", FAR));
    past.at_once(2, 3, suspend);
    let asleep = past.at_once(1, 4, Request::GetTask { id: id("t") });
    past.at_once(1, 5, resolve("child", "done"));
    let awake = past.at_once(1, 6, Request::GetTask { id: id("t") });
    assert_ne!(past.answer(asleep), past.answer(awake));
    past.passes();
    let asleep = past.answer(asleep);
    past.told(1, (7, 7), 7, Request::GetTask { id: id("t") }, asleep);
    assert_eq!(past.fails().1, names(&["1 task.get"]));
}

#[test]
fn what_was_refused_has_not_happened() {
    let mut past = Past::new();
    past.at_once(1, 1, create("p"));
    let refused = Answer::Machine(Reply::Refused(Refusal::NotFound("promise not found")));
    past.told(2, (2, 2), 2, resolve("p", "done"), refused);
    assert_eq!(past.fails().1, names(&["2 promise.settle"]));
}

#[test]
fn something_without_an_answer_happens_at_most_once_and_not_before_it_was_sent() {
    let halted = |past: &mut Past, now| past.at_once(1, now, Request::GetTask { id: id("t") });
    let mut past = Past::new();
    past.at_once(1, 1, create_task("t"));
    let before = halted(&mut past, 2);
    past.lost(2, 3, Request::HaltTask { id: id("t") });
    past.unseen(4, &Request::HaltTask { id: id("t") });
    let stopped = halted(&mut past, 5);
    past.at_once(1, 6, Request::ContinueTask { id: id("t") });
    halted(&mut past, 7);
    past.passes();
    // Once more would take another one.
    let (pending, stopped) = (past.answer(before), past.answer(stopped));
    past.told(1, (8, 8), 8, Request::GetTask { id: id("t") }, stopped.clone());
    assert_eq!(past.fails().1, names(&["1 task.get"]));

    let mut past = Past::new();
    past.at_once(1, 1, create_task("t"));
    past.told(1, (2, 2), 2, Request::GetTask { id: id("t") }, stopped);
    past.lost(2, 3, Request::HaltTask { id: id("t") });
    assert_eq!(past.fails().1, names(&["1 task.get"]));
    assert!(matches!(pending, Answer::Machine(Reply::Task(_))));
    assert_eq!(past.history.operations[0].invoked.at, at(1));
}

#[test]
fn an_envelope_is_compared_up_to_its_preload() {
    let child = [(tag::BRANCH, "t")];
    let mut past = Past::new();
    past.ask_today(1, 1, Request::CreatePromise(creation("t", FAR, &[(tag::TARGET, "poll://any@g"), child[0]], None)));
    past.ask_today(1, 2, Request::CreatePromise(creation("child", FAR, &child, None)));
    let acquired = past.ask_today(2, 3, acquire("t", 0, "one", 1_000));
    past.passes();
    let Answer::Envelope(envelope) = past.answer(acquired) else { panic!("an envelope") };
    assert_eq!(envelope["data"]["preload"].as_array().map(Vec::len), Some(1));
    let mut without = envelope.clone();
    without["data"]["preload"] = Vec::<u8>::new().into();
    past.history.operations[acquired].answer = Some(Answer::Envelope(without));
    past.passes();
    let mut further = envelope;
    further["data"]["task"]["version"] = 2.into();
    past.history.operations[acquired].answer = Some(Answer::Envelope(further));
    assert_eq!(past.fails().1, names(&["2 task.acquire"]));
}
