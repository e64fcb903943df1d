//! A whole server as a value: its clock, its debugging, what it wants to be done, and what it tells of what has happened.

use resonate_core::address::Mailbox;
use resonate_core::local::{Happened, Local, Went};
use resonate_core::memory::MemoryStore;
use resonate_core::message::{Delivery, Message};
use resonate_core::promise::PromiseState;
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;
use resonate_core::wire::rest;

use crate::story::NEVER;
use crate::support::parts::{acquire, create, execute, settle, tags, targeted};
use crate::support::{at, id};

type Server = Local<MemoryStore>;

fn server(debug: bool) -> Server {
    Local::new(MemoryStore::new(), Rules::default(), debug)
}

fn run(server: &mut Server, now: u64, request: &Request) -> Reply {
    let Ok(reply) = server.submit(request, at(now)) else { unreachable!("memory does not fail") };
    reply
}

fn tick(server: &mut Server, now: u64) {
    let Ok(()) = server.tick(at(now)) else { unreachable!("memory does not fail") };
}

/// Status of the answer to an envelope, and the answer.
fn ask(server: &mut Server, now: u64, kind: &str, data: &str, head: &str) -> (u16, String) {
    let body = format!(r#"{{"kind":"{kind}","head":{{"corrId":"c","version":"2026-04-01"{head}}},"data":{data}}}"#);
    let Ok(answer) = server.envelope(body.as_bytes(), at(now)) else { unreachable!("memory does not fail") };
    (answer.status, String::from_utf8(answer.body).expect("UTF-8"))
}

fn debug(server: &mut Server, now: u64, kind: &str, data: &str) -> String {
    let (status, answer) = ask(server, now, kind, data, "");
    assert_eq!(status, 200, "{answer}");
    answer
}

/// Ids of the tasks that are to be told of.
fn told(server: &mut Server) -> Vec<String> {
    let executes = server.take_events().deliveries.into_iter().map(|Delivery { message, .. }| match message {
        Message::Execute { task, .. } => task.to_string(),
        Message::Unblock { promise } => panic!("nobody listens to {}", promise.id),
    });
    executes.collect()
}

fn workers() -> Mailbox {
    Mailbox::any("workers")
}

fn connected(server: &mut Server, now: u64, prefix: Option<&str>, room: usize) -> Vec<String> {
    let Ok(()) = server.connected(&workers(), prefix, room, at(now)) else { unreachable!("memory does not fail") };
    told(server)
}

fn report(server: &mut Server, now: u64, of: &str, went: Went) {
    let Ok(()) = server.report(execute(&id(of)), 0, went, at(now)) else { unreachable!("memory does not fail") };
}

fn due_at(server: &mut Server, of: &str) -> Option<Timestamp> {
    let Ok(snapshot) = server.snapshot() else { unreachable!("memory does not fail") };
    snapshot.messages.get(&execute(&id(of))).map(|entry| entry.due_at)
}

#[test]
fn its_clock_does_not_go_back() {
    let mut server = server(false);
    run(&mut server, 2_000, &create("a", NEVER, tags(&[])));
    let Reply::Created { promise, fresh: true } = run(&mut server, 1_000, &create("b", NEVER, tags(&[]))) else {
        panic!("a new promise");
    };
    assert_eq!(promise.created_at, at(2_000));
    run(&mut server, 2_000, &create("c", at(3_000), tags(&[])));
    tick(&mut server, 5_000);
    assert!(!server.is_due(at(1_000)));
    run(&mut server, 1_000, &create("d", at(4_500), tags(&[])));
    let Reply::Promise(late) = run(&mut server, 0, &Request::GetPromise { id: id("d") }) else { panic!("a promise") };
    assert_eq!(late.state, PromiseState::RejectedTimedout, "its deadline had passed before it was created");
}

#[test]
fn a_call_of_the_2023_api_is_answered_whole() {
    let mut server = server(false);
    let mut call = |method, path, query, key, body: &[u8]| {
        let call = rest::Call { method, path, query, key, strict: None, body };
        let Ok(answer) = server.rest(&call, at(1_000)) else { unreachable!("memory does not fail") };
        (answer.status, String::from_utf8(answer.body).expect("UTF-8"), answer.allow)
    };
    let creation = br#"{"timeout":9000}"#;
    let (status, body, allow) = call("POST", "/promises/a%2Fb/create", "", Some("k"), creation);
    assert_eq!((status, allow), (201, None));
    assert!(body.starts_with(r#"{"id":"a/b","state":"PENDING""#), "{body}");
    assert_eq!(call("POST", "/promises/a%2Fb/create", "", Some("k"), creation), (200, body.clone(), None));
    assert_eq!(call("POST", "/promises/a%2Fb/create", "", None, creation), (403, body.clone(), None));
    assert_eq!(call("GET", "/promises/a%2Fb", "", None, b""), (200, body.clone(), None));
    assert_eq!(call("GET", "/promises/b", "", None, b"").0, 404);
    assert_eq!(
        call("GET", "/promises", "q=*", None, b""),
        (200, format!(r#"{{"cursor":null,"promises":[{body}]}}"#), None)
    );
    assert_eq!(call("GET", "/promises", "", None, b"").0, 400);
    let (status, body, allow) = call("PUT", "/promises/b", "", None, b"");
    assert_eq!((status, allow), (405, Some("GET")));
    assert_eq!(body, r#"{"error":"PUT does not go here: use GET"}"#);
    assert_eq!(call("GET", "/other", "", None, b"").0, 404);
}

#[test]
fn a_page_of_a_search_leads_to_the_next_one() {
    let mut server = server(false);
    for (instant, name) in [(1, "a"), (2, "b"), (3, "c")] {
        run(&mut server, instant, &create(name, NEVER, tags(&[])));
    }
    let mut search = |query: &str| {
        let call = rest::Call { method: "GET", path: "/promises", query, ..rest::Call::default() };
        let Ok(answer) = server.rest(&call, at(9)) else { unreachable!("memory does not fail") };
        let page: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        let ids: Vec<String> =
            page["promises"].as_array().expect("a page").iter().map(|promise| promise["id"].to_string()).collect();
        (ids, page["cursor"].as_str().map(str::to_owned))
    };
    let (ids, cursor) = search("q=*&limit=2");
    assert_eq!(ids, [r#""c""#, r#""b""#]);
    let cursor = cursor.expect("there is more");
    assert_eq!(search(&format!("cursor={}", cursor.replace('+', "%2B"))), (vec![r#""a""#.to_owned()], None));
}

#[test]
fn debugging_that_is_off_is_refused_and_times_are_not_obeyed() {
    let mut server = server(false);
    for (kind, data) in
        [("debug.start", "{}"), ("debug.tick", r#"{"time":9}"#), ("debug.snap", "{}"), ("debug.reset", "{}")]
    {
        let (status, answer) = ask(&mut server, 1, kind, data, "");
        assert_eq!(status, 403, "{kind}: {answer}");
    }
    let creation = r#"{"id":"a","param":{},"tags":{},"timeoutAt":9000}"#;
    let (status, answer) = ask(&mut server, 7, "promise.create", creation, r#","resonate:debug_time":5000"#);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(r#""createdAt":7"#), "{answer}");
}

#[test]
fn debugging_stops_the_background_and_gives_the_time() {
    let mut server = server(true);
    debug(&mut server, 0, "debug.start", "{}");
    let creation = r#"{"id":"a","param":{},"tags":{"resonate:target":"poll://any@workers"},"timeoutAt":90000}"#;
    let (_, answer) = ask(&mut server, 0, "task.create", &task(creation), r#","resonate:debug_time":5000"#);
    assert!(answer.contains(r#""createdAt":5000"#), "{answer}");
    let (_, answer) =
        ask(&mut server, 0, "promise.create", &creation.replace(r#""a""#, r#""b""#), r#","resonate:debug_time":4000"#);
    assert!(answer.contains(r#""createdAt":5000"#), "an instant of debugging does not go back either: {answer}");
    tick(&mut server, 1_000_000);
    assert!(!server.is_due(NEVER));
    assert!(matches!(server.next_due(), Ok(None)));
    assert!(!debug(&mut server, 0, "debug.snap", "{}").contains("rejected_timedout"));
    debug(&mut server, 0, "debug.tick", r#"{"time":90000}"#);
    assert!(debug(&mut server, 0, "debug.snap", "{}").contains("rejected_timedout"));
    debug(&mut server, 0, "debug.reset", "{}");
    assert!(debug(&mut server, 0, "debug.snap", "{}").contains(r#""promises":[]"#));
}

fn task(promise: &str) -> String {
    format!(
        r#"{{"pid":"p","ttl":1000,"action":{{"kind":"promise.create","head":{{"corrId":"d","version":"2026-04-01"}},"data":{promise}}}}}"#
    )
}

#[test]
fn what_became_deliverable_while_the_background_stood_still_is_delivered_once_it_goes_on() {
    let mut server = server(true);
    run(&mut server, 0, &create("parked", NEVER, targeted()));
    report(&mut server, 0, "parked", Went::Unclaimed);
    server.take_events();
    debug(&mut server, 1, "debug.start", "{}");
    run(&mut server, 2, &create("claimed", NEVER, targeted()));
    assert_eq!(connected(&mut server, 3, None, 9), Vec::<String>::new());
    assert!(!server.has_events());
    debug(&mut server, 4, "debug.stop", "{}");
    assert!(server.is_due(at(4)));
    let events = server.take_events();
    assert_eq!(events.parked.into_iter().collect::<Vec<_>>(), [workers()]);
    assert_eq!(
        events.deliveries.iter().map(|delivery| delivery.key.clone()).collect::<Vec<_>>(),
        [execute(&id("claimed"))]
    );
    assert_eq!(connected(&mut server, 5, None, 9), ["parked"]);
    debug(&mut server, 6, "debug.stop", "{}");
    assert!(!server.has_events(), "it was going on already");
}

#[test]
fn emptying_it_forgets_what_was_to_be_done() {
    let mut server = server(true);
    run(&mut server, 0, &create("a", NEVER, targeted()));
    assert!(server.has_events());
    debug(&mut server, 0, "debug.reset", "{}");
    assert!(server.take_events().is_empty());
}

#[test]
fn a_report_says_when_a_message_comes_again() {
    let mut server = server(false);
    for name in ["delivered", "failed", "unclaimed", "lost"] {
        run(&mut server, 0, &create(name, NEVER, targeted()));
    }
    assert_eq!(told(&mut server), ["delivered", "failed", "unclaimed", "lost"]);
    report(&mut server, 10, "delivered", Went::Delivered);
    report(&mut server, 10, "failed", Went::Failed { jitter_permille: 0 });
    report(&mut server, 10, "unclaimed", Went::Unclaimed);
    assert_eq!(due_at(&mut server, "delivered"), None);
    assert_eq!(server.take_events().parked.into_iter().collect::<Vec<_>>(), [workers()]);
    let again = due_at(&mut server, "failed").expect("it is kept");
    assert!(again > at(10) && again < at(30_000), "{again:?}");
    assert_eq!(due_at(&mut server, "unclaimed"), Some(NEVER));
    assert_eq!(due_at(&mut server, "lost"), Some(at(30_000)), "the end of its claim");
    tick(&mut server, again.as_millis());
    assert_eq!(told(&mut server)[..1], ["failed"]);
}

#[test]
fn a_connection_gets_what_it_has_room_for_and_what_has_its_prefix() {
    let mut server = server(false);
    for (instant, name) in [(0, "b.1"), (1, "a.2"), (2, "b.0"), (3, "a.1")] {
        run(&mut server, instant, &create(name, NEVER, targeted()));
        report(&mut server, instant, name, Went::Unclaimed);
    }
    server.take_events();
    assert_eq!(connected(&mut server, 4, None, 0), Vec::<String>::new());
    assert_eq!(connected(&mut server, 4, Some("a."), 1), ["a.1"]);
    assert_eq!(connected(&mut server, 4, None, 2), ["b.1", "a.2"]);
    assert_eq!(connected(&mut server, 4, None, 9), ["b.0"]);
    assert_eq!(connected(&mut server, 4, None, 9), Vec::<String>::new(), "each is claimed once");
}

#[test]
fn the_claims_of_a_server_that_is_gone_are_taken_over() {
    let mut first = server(false);
    run(&mut first, 1_000, &create("a", NEVER, targeted()));
    run(&mut first, 1_000, &create("b", NEVER, targeted()));
    report(&mut first, 1_000, "b", Went::Unclaimed);
    let mut second = Local::new(std::mem::take(first.store()), Rules::default(), false);
    tick(&mut second, 2_000);
    assert_eq!(told(&mut second), Vec::<String>::new(), "they are claimed until 31000");
    let Ok(()) = second.adopt_orphans(at(2_000)) else { unreachable!("memory does not fail") };
    assert_eq!(told(&mut second), ["a"], "what is parked waits for a connection");
    assert_eq!(due_at(&mut second, "a"), Some(at(32_000)));
}

#[test]
fn it_knows_when_something_is_due() {
    let mut server = server(false);
    assert!(server.is_due(at(0)), "nothing has looked into the store yet");
    tick(&mut server, 0);
    assert!(!server.is_due(NEVER.just_before()));
    assert!(matches!(server.next_due(), Ok(None)));
    run(&mut server, 0, &create("a", at(700), tags(&[])));
    run(&mut server, 0, &create("b", at(500), tags(&[])));
    assert!(!server.is_due(at(499)) && server.is_due(at(500)));
    assert!(matches!(server.next_due(), Ok(Some(due)) if due == at(500)));
    tick(&mut server, 600);
    assert!(!server.is_due(at(699)) && server.is_due(at(700)));
    tick(&mut server, 900);
    assert!(matches!(server.next_due(), Ok(None)), "and that is all");
}

#[test]
fn its_log_replays_to_the_same_state() {
    let mut server = server(false);
    run(&mut server, 0, &create("before", NEVER, tags(&[])));
    assert_eq!(server.take_log(), [], "nobody watches");
    server.watch();
    let waiting = Request::RegisterCallback { awaited: id("before"), awaiter: id("job") };
    run(&mut server, 1, &create("job", NEVER, targeted()));
    run(&mut server, 2, &acquire("job", 0, 60_000));
    run(&mut server, 3, &waiting);
    let Ok(_) = server.run(&[settle("before"), create("late", at(9), tags(&[])), settle("before")], at(4)) else {
        unreachable!("memory does not fail")
    };
    run(&mut server, 5, &Request::GetPromise { id: id("late") });
    tick(&mut server, 10);
    let log = server.take_log();
    assert_eq!(server.take_log(), []);
    assert!(log.len() > 7, "what followed is told as well: {log:?}");
    let mut again = self::server(false);
    run(&mut again, 0, &create("before", NEVER, tags(&[])));
    for happened in log {
        let Happened::Answered { now, request, reply } = happened else { panic!("nothing was emptied") };
        let decision = again.store().apply(&Rules::default(), &request, now);
        assert_eq!(decision.reply, reply, "{request:?}");
    }
    let (Ok(one), Ok(other)) = (server.snapshot(), again.snapshot()) else { unreachable!("memory does not fail") };
    assert_eq!(one, other);
}
