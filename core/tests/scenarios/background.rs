//! What a server as a value does by itself: so much at once, all of it in the end, and nothing for ever that nothing comes of.

use std::sync::Arc;

use resonate_core::drive::{Store, Tx};
use resonate_core::limits::TICK_REQUESTS_MAX;
use resonate_core::local::{Happened, Local};
use resonate_core::memory::MemoryStore;
use resonate_core::promise::{Promise, PromiseState, tag};
use resonate_core::request::{CreateSchedule, Request};
use resonate_core::rules::Rules;
use resonate_core::task::{Task, TaskState};
use resonate_core::value::Value;
use resonate_core::write::Write;

use crate::story::NEVER;
use crate::support::parts::{create, tags, targeted};
use crate::support::{at, id, ms};

type Server = Local<MemoryStore>;

const MINUTE: u64 = 60_000;

fn server() -> Server {
    Local::new(MemoryStore::new(), Rules::default(), true)
}

fn run(server: &mut Server, now: u64, request: Request) {
    let Ok(_) = server.run(&[request], at(now)) else { unreachable!("memory does not fail") };
}

/// How many requests a tick ran.
fn tick(server: &mut Server, now: u64) -> usize {
    server.watch();
    server.take_log();
    let Ok(()) = server.tick(at(now)) else { unreachable!("memory does not fail") };
    server.take_log().iter().filter(|happened| matches!(happened, Happened::Answered { .. })).count()
}

fn every_minute(of: &str) -> Request {
    Request::CreateSchedule(CreateSchedule {
        id: id(of),
        cron: "* * * * *".to_owned(),
        promise_id: "{{.id}}-{{.timestamp}}".to_owned(),
        promise_timeout: ms(1),
        promise_param: Value::default(),
        promise_tags: tags(&[]),
    })
}

fn ask(server: &mut Server, now: u64, kind: &str, data: &str, head: &str) {
    let body = format!(r#"{{"kind":"{kind}","head":{{"corrId":"c","version":"2026-04-01"{head}}},"data":{data}}}"#);
    let Ok(answer) = server.envelope(body.as_bytes(), at(now)) else { unreachable!("memory does not fail") };
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

#[test]
fn one_tick_does_only_so_much_and_the_next_ones_do_the_rest() {
    let mut server = server();
    for number in 0..3_500 {
        run(&mut server, 0, create(&format!("p{number}"), at(100), tags(&[])));
    }
    run(&mut server, 0, every_minute("often"));
    let days = 3 * 24 * 60 * MINUTE;
    let mut ticks = Vec::new();
    while server.is_due(at(days)) {
        ticks.push(tick(&mut server, days));
        let Ok(next) = server.next_due() else { unreachable!("memory does not fail") };
        assert_eq!(next <= Some(at(days)), server.is_due(at(days)), "whoever waits for the next instant comes again");
    }
    let most = ticks.iter().copied().max().expect("a tick");
    assert!(most < 2 * TICK_REQUESTS_MAX, "{ticks:?}");
    assert!(ticks.iter().sum::<usize>() >= 3_500 + 3 * 24 * 60, "{ticks:?}");
    let Ok(state) = server.snapshot() else { unreachable!("memory does not fail") };
    let mut before = state.promises.values().filter(|promise| promise.id.starts_with("p"));
    assert!(before.all(|promise| promise.state != PromiseState::Pending));
    assert_eq!(state.schedules[&id("often")].next_run_at, at(days + MINUTE));
}

#[test]
fn a_kind_of_work_does_not_wait_for_the_end_of_another() {
    let mut server = server();
    for number in 0..3_000 {
        run(&mut server, 0, create(&format!("p{number}"), at(100), tags(&[])));
    }
    run(&mut server, 0, every_minute("often"));
    tick(&mut server, MINUTE);
    let Ok(state) = server.snapshot() else { unreachable!("memory does not fail") };
    assert_eq!(state.schedules[&id("often")].last_run_at, Some(at(MINUTE)));
}

#[test]
fn a_tick_of_debugging_does_everything() {
    let mut server = server();
    ask(&mut server, 0, "debug.start", "{}", "");
    run(&mut server, 0, every_minute("often"));
    let until = 5_000 * MINUTE;
    ask(&mut server, 0, "debug.tick", &format!(r#"{{"time":{until}}}"#), "");
    let Ok(state) = server.snapshot() else { unreachable!("memory does not fail") };
    assert_eq!(state.promises.len(), 5_000);
    assert_eq!(state.schedules[&id("often")].next_run_at, at(until + MINUTE));
}

/// A task that is due and cannot be sent: its promise has a tag that no creation lets through.
fn stuck(server: &mut Server) {
    run(server, 0, create("sane", NEVER, targeted()));
    let Ok(state) = server.snapshot() else { unreachable!("memory does not fail") };
    let mut promise = Promise { id: id("stuck"), ..Promise::clone(&state.promises[&id("sane")]) };
    promise.tags.extend(tags(&[(tag::DELAY, "+5")]));
    let task = Task::new(id("stuck"), TaskState::Pending).pending(at(10));
    let Ok(mut tx) = server.store().begin();
    tx.write(&[Write::InsertPromise(Arc::new(promise)), Write::InsertTask(Arc::new(task))]).expect("it is new");
    tx.commit().expect("nobody else writes");
}

#[test]
fn what_nothing_ever_comes_of_is_left_alone() {
    let mut server = server();
    stuck(&mut server);
    run(&mut server, 20, create("late", at(900), tags(&[])));
    server.take_events();
    tick(&mut server, 20);
    let Ok(next) = server.next_due() else { unreachable!("memory does not fail") };
    assert_eq!(next, Some(at(900)), "a wake-up in the past would come again and again");
    assert!(!server.is_due(at(899)) && server.is_due(at(900)));
    assert_eq!(tick(&mut server, 900), 1, "only what is new");
}

#[test]
fn what_was_claimed_at_an_instant_to_come_is_delivered_once_debugging_is_over() {
    let mut server = server();
    ask(&mut server, 0, "debug.start", "{}", "");
    let data =
        |of: &str| format!(r#"{{"id":"{of}","tags":{{"resonate:target":"poll://any@g"}},"timeoutAt":900000000}}"#);
    ask(&mut server, 0, "promise.create", &data("now"), "");
    ask(&mut server, 0, "promise.create", &data("far"), r#","resonate:debug_time":86400000"#);
    // What was claimed before stays to be delivered when debugging begins anew.
    ask(&mut server, 0, "debug.start", "{}", "");
    assert!(!server.has_events());
    ask(&mut server, 0, "debug.stop", "{}", "");
    let mut told: Vec<_> = server.take_events().deliveries.iter().map(|told| told.key.id().to_string()).collect();
    told.sort();
    assert_eq!(told, ["far", "now"]);
}
