//! Bounds, sums, schedules and batches.

use resonate_core::limits::{DISCHARGE_PER_REQUEST_MAX, PRELOAD_BYTES_MAX, PRELOAD_PROMISES_MAX};
use resonate_core::promise::{PromiseState, tag};
use resonate_core::reply::Reply;
use resonate_core::request::{CreateSchedule, Request};
use resonate_core::rules::Rules;
use resonate_core::task::TaskState;
use resonate_core::time::MILLIS_MAX;
use resonate_core::value::Value;

use crate::support::parts::{acquire, create, creation, settle, suspend, tags, targeted};
use crate::support::world::World;
use crate::support::{NEW_YEAR, id, ms};

use crate::story::{NEVER, Story, instant};

#[test]
fn ten_thousand_callbacks_are_discharged_in_bounded_steps() {
    let rules = Rules::default();
    let mut store = resonate_core::memory::MemoryStore::new();
    store.apply(&rules, &create("gate", NEVER, tags(&[])), instant(0));
    for waiter in 0..10_000 {
        let of = format!("w.{waiter}");
        store.apply(&rules, &create(&of, NEVER, targeted()), instant(0));
        store.apply(&rules, &acquire(&of, 0, 60_000), instant(0));
        store.apply(&rules, &suspend(&of, 1, &["gate"]), instant(0));
    }
    let mut request = Some(settle("gate"));
    let mut steps = 0;
    while let Some(next) = request {
        let mut decision = store.apply(&rules, &next, instant(1));
        // A waiter is one change of its task and one of its callback.
        assert!(decision.writes.len() <= 2 * DISCHARGE_PER_REQUEST_MAX + 2, "{} writes", decision.writes.len());
        decision.follow_ups.retain(|next| matches!(next, Request::DischargePromise { .. }));
        request = decision.follow_ups.pop();
        steps += 1;
    }
    let state = store.snapshot();
    assert!(state.callbacks.is_empty() && !state.promises[&id("gate")].has_waiters);
    assert!(state.tasks.values().all(|task| task.state == TaskState::Pending));
    assert_eq!(steps, 10_000 / DISCHARGE_PER_REQUEST_MAX + 1);
}

fn nightly(cron: &str, timeout: u64) -> Request {
    Request::CreateSchedule(CreateSchedule {
        id: id("s"),
        cron: cron.to_owned(),
        promise_id: "{{.id}}.{{.timestamp}}".to_owned(),
        promise_timeout: ms(timeout),
        promise_param: Value::default(),
        promise_tags: tags(&[]),
    })
}

#[test]
fn a_schedule_catches_up_oldest_first_and_at_most_a_hundred_at_a_time() {
    let mut story = Story::new();
    story.reply(0, &nightly("* * * * * *", 100_000));
    for expected in [100, 200, 250, 250] {
        if let Some(due) = story.0.due(instant(250_000)).first() {
            story.reply(250_000, &due.request());
        }
        assert_eq!(story.0.state.schedules[&id("s")].last_run_at, Some(instant(expected * 1_000)));
        assert!(story.0.state.promises.len() >= usize::try_from(expected).expect("small"));
    }
    let early = story.promise(&format!("s.{}", NEW_YEAR + 1_000));
    assert_eq!((early.created_at, early.settled_at), (early.timeout_at, Some(instant(101_000))), "born past it");
    let late = story.promise(&format!("s.{}", NEW_YEAR + 250_000));
    assert_eq!((late.created_at, late.state), (instant(250_000), PromiseState::Pending));
}

#[test]
fn sums_saturate_instead_of_ending_in_the_past() {
    let mut story = Story::new();
    story.reply(0, &create("job", NEVER, targeted()));
    story.reply(0, &acquire("job", 0, MILLIS_MAX));
    assert_eq!(story.task("job").lease.as_ref().map(|lease| lease.expires_at), Some(NEVER));
    story.reply(0, &nightly("* * * * * *", MILLIS_MAX));
    story.reply(1_000, &Request::RunSchedule { id: id("s"), runs_left: 1 });
    assert_eq!(story.promise(&format!("s.{}", NEW_YEAR + 1_000)).timeout_at, NEVER);
}

fn preload(story: &mut Story) -> Vec<String> {
    let Reply::Acquired { preload, .. } = story.reply(0, &acquire("root", 0, 1_000)) else { panic!("not acquired") };
    preload.iter().map(|promise| promise.id.to_string()).collect()
}

#[test]
fn a_preload_has_at_most_a_thousand_promises_and_not_its_own() {
    let mut story = Story(World::new(Rules::default()));
    let branch = [(tag::TARGET, "http://push"), (tag::BRANCH, "root")];
    story.0.store.apply(&Rules::default(), &create("root", NEVER, tags(&branch)), instant(0));
    for child in 0..1_100 {
        let create = create(&format!("root.{child:04}"), NEVER, tags(&branch[1..]));
        story.0.store.apply(&Rules::default(), &create, instant(0));
    }
    story.0.state = story.0.store.snapshot();
    let preload = preload(&mut story);
    assert_eq!(preload.len(), PRELOAD_PROMISES_MAX);
    assert_eq!((preload[0].as_str(), preload[999].as_str()), ("root.0000", "root.0999"));
}

#[test]
fn a_preload_has_at_most_a_mebibyte() {
    let mut story = Story::new();
    let branch = [(tag::TARGET, "http://push"), (tag::BRANCH, "root")];
    story.reply(0, &create("root", NEVER, tags(&branch)));
    for child in 0..5 {
        let mut creation = creation(&format!("root.{child}"), NEVER, tags(&branch[1..]));
        creation.param.data = Some("x".repeat(PRELOAD_BYTES_MAX / 4));
        story.reply(0, &Request::CreatePromise(creation));
    }
    assert_eq!(preload(&mut story), ["root.0", "root.1", "root.2"]);
}

#[test]
fn a_search_after_a_write_of_the_same_batch_sees_it() {
    use resonate_core::drive;
    use resonate_core::search::{PromiseOrder, SearchPromises};
    let order = PromiseOrder::ById { after: None };
    let search = SearchPromises { pattern: None, prefix: None, state: None, tags: tags(&[]), order, limit: 10 };
    let search = Request::SearchPromises(search);
    let requests = [search.clone(), create("job", NEVER, targeted()), search];
    let rules = Rules::default();
    let mut store = resonate_core::memory::MemoryStore::new();
    let first = drive::run(&mut store, &rules, &requests, instant(0)).expect("no conflicts");
    assert_eq!(first.outcomes.len(), 2, "the second search needs the write");
    assert_eq!(first.follow_ups.len(), 1, "the dispatch does not wait for a sweep");
    let second = drive::run(&mut store, &rules, &requests[2..], instant(0)).expect("no conflicts");
    assert!(matches!(&second.outcomes[0].reply, Reply::Promises { promises, .. } if promises.len() == 1));
}
