//! Waiting, deadlines, and what they do to tasks.

use resonate_core::message::Message;
use resonate_core::promise::{PromiseState, tag};
use resonate_core::reply::{Refusal, Reply};
use resonate_core::request::{FencedAction, Request};
use resonate_core::task::TaskState;

use crate::support::parts::{acquire, create, creation, held, release, settle, suspend, tags, targeted};
use crate::support::{id, ms};

use crate::story::{NEVER, Story, instant, is_conflict};

#[test]
fn a_wake_up_does_not_revive_a_task_past_its_deadline() {
    let mut story = Story::new();
    for request in [
        create("job", instant(100), targeted()),
        create("gate", NEVER, tags(&[])),
        acquire("job", 0, 60_000),
        suspend("job", 1, &["gate"]),
    ] {
        story.reply(0, &request);
    }
    assert_eq!(story.at(100, &settle("gate")).1, []);
    assert_eq!(story.promise("job").state, PromiseState::RejectedTimedout);
    assert_eq!(story.task("job").state, TaskState::Fulfilled);
}

#[test]
fn a_chain_of_overdue_awaiters_falls_in_one_step() {
    let mut story = Story::new();
    story.reply(0, &create("link.0", instant(100), targeted()));
    for link in 1..50 {
        let of = format!("link.{link}");
        story.reply(0, &create(&of, instant(100), targeted()));
        story.reply(0, &acquire(&of, 0, 60_000));
        story.reply(0, &suspend(&of, 1, &[&format!("link.{}", link - 1)]));
    }
    story.reply(100, &Request::TimeOutPromise { id: id("link.0") });
    assert!(story.0.state.tasks.values().all(|task| task.state == TaskState::Fulfilled));
    assert!(story.0.state.callbacks.is_empty());
}

#[test]
fn a_suspension_on_something_settled_goes_on_with_its_resumes_cleared() {
    let mut story = Story::new();
    for request in [
        create("job", NEVER, targeted()),
        create("gate", NEVER, tags(&[])),
        acquire("job", 0, 60_000),
        Request::RegisterCallback { awaited: id("gate"), awaiter: id("job") },
        settle("gate"),
    ] {
        story.reply(0, &request);
    }
    assert_eq!(story.task("job").resumes, [id("gate")].into());
    assert!(matches!(story.reply(1, &suspend("job", 1, &["gate"])), Reply::Redirected { .. }));
    assert_eq!(story.task("job").resumes, [].into());
    assert_eq!(story.task("job").state, TaskState::Acquired);
}

#[test]
fn a_missing_or_private_promise_refuses_a_suspension_wherever_it_is_named() {
    let mut story = Story::new();
    for request in [
        create("job", NEVER, targeted()),
        create("done", NEVER, tags(&[])),
        create("private", NEVER, tags(&[(tag::SCOPE, "local")])),
        settle("done"),
        acquire("job", 0, 60_000),
    ] {
        story.reply(0, &request);
    }
    for awaited in [["done", "absent"], ["absent", "done"], ["done", "private"], ["private", "done"]] {
        let reply = story.reply(0, &suspend("job", 1, &awaited));
        assert!(matches!(reply, Reply::Refused(Refusal::Unprocessable(_))), "{awaited:?}: {reply:?}");
    }
}

#[test]
fn nobody_acts_on_a_task_past_its_deadline() {
    for request in [
        acquire("job", 0, 1_000),
        release("job", 0),
        Request::HaltTask { id: id("job") },
        Request::ContinueTask { id: id("job") },
        suspend("job", 0, &["gate"]),
        Request::FenceTask { task: held("job", 0), action: FencedAction::Create(creation("x", NEVER, tags(&[]))) },
    ] {
        let mut story = Story::new();
        story.reply(0, &create("job", instant(100), targeted()));
        assert!(is_conflict(&story.reply(100, &request)), "{request:?}");
        assert_eq!(story.task("job").state, TaskState::Fulfilled);
    }
    let mut story = Story::new();
    story.reply(0, &create("job", instant(100), targeted()));
    let again = Request::CreateTask { pid: "w".into(), ttl: ms(1), promise: creation("job", NEVER, targeted()) };
    let Reply::Acquired { task, promise, .. } = story.reply(100, &again) else { panic!("not answered") };
    assert_eq!((task.state, promise.state), (TaskState::Fulfilled, PromiseState::RejectedTimedout));
}

#[test]
fn a_late_settlement_is_absorbed_and_a_timer_resolves() {
    let mut story = Story::new();
    story.reply(0, &create("job", instant(100), tags(&[])));
    story.reply(0, &create("timer", instant(100), tags(&[(tag::TIMER, "true")])));
    for (of, state) in [("job", PromiseState::RejectedTimedout), ("timer", PromiseState::Resolved)] {
        let Reply::Settled { promise, fresh } = story.reply(150, &settle(of)) else { panic!("not settled") };
        assert_eq!((promise.state, promise.settled_at, fresh), (state, Some(instant(100)), false));
    }
}

#[test]
fn an_untargeted_deadline_wakes_who_waits_for_it() {
    let mut story = Story::new();
    for request in [
        create("job", NEVER, targeted()),
        create("gate", instant(100), tags(&[])),
        acquire("job", 0, 60_000),
        suspend("job", 1, &["gate"]),
    ] {
        story.reply(0, &request);
    }
    assert_eq!(story.background(1, 100), [(100, Message::Execute { task: id("job"), version: 1 })]);
    assert_eq!(story.task("job").resumes, [id("gate")].into());
}
