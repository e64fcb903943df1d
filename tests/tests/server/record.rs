//! Recordings: whatever a server does under `--record` can be replayed, however it ends; what a recording says that is not so is found.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use resonate_tests::folder::Folder;
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::{Value as Json, json};

use super::child::{Server, Start};
use super::cli::{Ran, end, resonate};
use super::events::Events;
use super::load::{Load, SELDOM};
use super::metrics::Exposition;
use super::wire::Request;
use super::{FAR, eventually, now_millis, seed};

const FILE: &str = "r.ndjson";

fn recording<'a>(command: &str, folder: &'a Folder) -> Start<'a> {
    Start::new(command, folder).flag("--record", FILE)
}

fn text(folder: &Folder, name: &str) -> String {
    fs::read_to_string(folder.file(name)).expect("a recording")
}

fn lines(folder: &Folder, name: &str) -> Vec<Json> {
    text(folder, name).lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
}

fn kinds(folder: &Folder) -> BTreeSet<String> {
    lines(folder, FILE).iter().map(|line| line["kind"].as_str().expect("a kind").to_owned()).collect()
}

fn replay(path: &Path) -> Ran {
    end(resonate().args(["replay", "-o", "json"]).arg(path))
}

/// What is said about a recording that replays without a difference.
#[track_caller]
fn agrees(path: &Path) -> Json {
    let ran = replay(path);
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{ran:?}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

fn data(text: &str) -> Json {
    json!({"headers": {"note": text}, "data": STANDARD.encode(text)})
}

/// Everything that a server does: requests of clients over both protocols, timers, a schedule, messages.
fn mixed_load(server: &Server) {
    let mut worker = Events::open(server, "/poll/g/w");
    server.create_task("task", "poll://any@g");
    assert_eq!(worker.next_task(), "task");
    let acquire = |version: u64, ttl: u64| {
        server.call("task.acquire", &json!({"id": "task", "version": version, "pid": "p", "ttl": ttl}));
    };
    acquire(0, 1);
    assert_eq!(worker.next_task(), "task", "its lease has ended");
    acquire(1, 60_000);
    let wait = json!({"kind": "promise.register_callback", "data": {"awaited": "child", "awaiter": "task"}});
    server.call("promise.create", &json!({"id": "child", "timeoutAt": FAR, "param": data("hidden param")}));
    server.call("promise.register_listener", &json!({"awaited": "child", "address": "poll://uni@g/w"}));
    server.call("task.suspend", &json!({"id": "task", "version": 2, "actions": [wait]}));
    server.call("promise.settle", &json!({"id": "child", "state": "rejected", "value": data("hidden value")}));
    let next = [worker.next(), worker.next()].map(|message| message.expect("a message")["kind"].clone());
    assert!(next.contains(&json!("execute")) && next.contains(&json!("unblock")), "{next:?}");
    acquire(2, 60_000);
    let action = json!({"kind": "promise.settle", "data": {"id": "task", "state": "resolved"}});
    server.call("task.fulfill", &json!({"id": "task", "version": 3, "action": action}));

    let create = json!({"timeout": now_millis() + 50, "tags": {"team": "hidden tag"}});
    for status in [201, 200] {
        assert_eq!(server.ask(&Request::write("old", "create", "hidden key", &create)).status, status);
    }
    assert_eq!(server.ask(&Request::write("old", "create", "another key", &create)).status, 403);
    assert_eq!(server.ask(&Request::get("/promises/absent")).status, 404);
    let found = server.call("promise.search", &json!({"tags": {"team": "hidden tag"}}));
    assert_eq!(found["promises"].as_array().map(Vec::len), Some(1), "{found}");
    server.call(
        "schedule.create",
        &json!({"id": "s", "cron": "* * * * * *", "promiseId": "{{.id}}.{{.timestamp}}", "promiseTimeout": 1,
            "promiseParam": data("hidden recipe"), "promiseTags": {"team": "hidden tag"}}),
    );
    eventually("the deadline and the schedule", || {
        let metrics = Exposition::of(server);
        let (timeouts, runs) =
            (metrics.value("resonate_timeouts_total"), metrics.value("resonate_schedule_promises_total"));
        (timeouts >= 2.0 && runs >= 1.0).then_some(())
    });
    server.call("promise.search", &json!({}));
}

/// What [`mixed_load`] reaches beside the requests of clients.
const BACKGROUND: [&str; 6] = [
    "internal.claim_message",
    "internal.dispatch_task",
    "internal.expire_lease",
    "internal.message_delivered",
    "internal.run_schedule",
    "internal.time_out_promise",
];

#[test]
fn what_a_server_did_replays_without_a_difference() {
    for command in ["serve", "dev"] {
        let folder = Folder::new();
        let server = recording(command, &folder).serve();
        mixed_load(&server);
        server.stop();
        let summary = agrees(&folder.file(FILE));
        let recorded = lines(&folder, FILE);
        let background = |line: &&Json| line["kind"].as_str().expect("a kind").starts_with("internal.");
        let internal = recorded.iter().filter(background).count();
        assert_eq!(summary["background"], internal, "{summary}");
        assert_eq!(summary["clients"], recorded.len() - 1 - internal, "{summary}");
        assert_eq!(recorded.iter().filter(|line| line["kind"] == "promise.create").count(), 5);
        assert_eq!(recorded.iter().filter(|line| line["kind"] == "promise.get").count(), 1, "reads have their place");
        let kinds = kinds(&folder);
        for kind in BACKGROUND {
            assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
        }
    }
}

#[test]
fn a_redacted_recording_says_nothing_of_values_and_replays() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    server.call("promise.create", &json!({"id": "before", "timeoutAt": FAR, "param": data("hidden before")}));
    server.stop();
    let server = recording("serve", &folder).flag("--record-redact", "true").serve();
    mixed_load(&server);
    server.call("promise.get", &json!({"id": "before"}));
    server.stop();
    let recorded = text(&folder, FILE);
    for hidden in ["before", "param", "value", "recipe", "tag", "key"] {
        let hidden = format!("hidden {hidden}");
        assert!(!recorded.contains(&hidden), "{hidden}");
        assert!(!recorded.contains(&STANDARD.encode(&hidden)), "{hidden} in base64");
    }
    assert!(!recorded.contains("another key"));
    assert!(recorded.contains("\"before\"") && recorded.contains("poll://any@g"), "what the machine reads stays");
    assert_eq!(agrees(&folder.file(FILE))["redacted"], true);

    // The key is this recording's alone.
    let recorded = lines(&folder, FILE);
    let token = recorded[0]["snapshot"]["promises"][0]["param"]["data"].clone();
    assert_eq!(recorded.last().expect("a line")["res"]["promise"]["param"]["data"], token);
    let server = recording("serve", &folder).flag("--record-redact", "true").serve();
    server.stop();
    let again = lines(&folder, FILE);
    let before = again[0]["snapshot"]["promises"].as_array().expect("promises");
    let before = before.iter().find(|promise| promise["id"] == "before").expect("the promise");
    assert_ne!(before["param"]["data"], token);
}

#[test]
fn killed_at_any_moment_a_server_leaves_a_recording_that_replays() {
    let mut rng = Rng::with_seed(seed());
    let folder = Folder::new();
    for life in 1..=4_u32 {
        let server = recording("serve", &folder).serve();
        let recorded = || fs::read(folder.file(FILE)).expect("a recording");
        let load = Load::start(&server, &format!("life-{life}"), 4, SELDOM, &mut rng);
        eventually("the recording grows", || {
            let lines = recorded().iter().filter(|byte| **byte == b'\n').count();
            (lines > 30).then_some(())
        });
        server.kill();
        load.join();
        let ran = replay(&folder.file(FILE));
        let said: Json = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(said["difference"], Json::Null, "{ran:?}");
        let torn = recorded().last() != Some(&b'\n') && ran.code == Some(8);
        assert!(ran.code == Some(0) || (torn && ran.stderr.contains("is cut off in the middle")), "{ran:?}");
        assert!(said["clients"].as_u64() >= Some(30), "{ran:?}");
    }
    // None was written over: those of earlier lives are there, the last one begins with what they have left.
    for aside in 1..=3 {
        assert!(text(&folder, &format!("{FILE}.{aside}")).contains("\"id\":\"life-"));
    }
    assert!(!folder.file("r.ndjson.4").exists());
    let first = text(&folder, FILE).lines().next().expect("a header").to_owned();
    assert!((1..=3).all(|life| first.contains(&format!("\"id\":\"life-{life}-"))), "a life is missing");
}

#[test]
fn time_that_tests_choose_and_an_emptied_store_replay() {
    let folder = Folder::new();
    let server = recording("dev", &folder).flag("--debug", "true").serve();
    let ask = |kind: &str, time: u64, data: &Json| {
        let head = json!({"corrId": "c", "version": "2026-04-01", "resonate:debug_time": time});
        let body = json!({"kind": kind, "head": head, "data": data});
        let answer = server.ask(&Request::new("POST", "/").body(body.to_string().into_bytes()));
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    };
    ask("debug.start", 0, &json!({}));
    for _ in 0..2 {
        ask("promise.create", 100, &json!({"id": "foo", "timeoutAt": 1_000}));
        ask("debug.tick", 0, &json!({"time": 1_000}));
        ask("promise.get", 1_001, &json!({"id": "foo"}));
        ask("debug.reset", 0, &json!({}));
    }
    ask("promise.create", 7, &json!({"id": "foo", "timeoutAt": 1_000}));
    server.stop();
    let summary = agrees(&folder.file(FILE));
    assert_eq!((&summary["resets"], &summary["clients"], &summary["background"]), (&json!(2), &json!(5), &json!(2)));
}

/// A recording of three creations, stopped in order.
fn small(folder: &Folder) -> Vec<String> {
    let server = recording("dev", folder).serve();
    for id in ["a", "b", "c"] {
        server.call("promise.create", &json!({"id": id, "timeoutAt": FAR}));
    }
    server.stop();
    text(folder, FILE).lines().map(str::to_owned).collect()
}

#[test]
fn an_answer_that_was_changed_is_found() {
    let folder = Folder::new();
    let mut lines = small(&folder);
    lines[2] = lines[2].replace("\"state\":\"pending\"", "\"state\":\"resolved\"");
    let doctored = folder.file("doctored");
    fs::write(&doctored, lines.join("\n") + "\n").expect("a file");
    let ran = end(resonate().arg("replay").arg(&doctored));
    assert_eq!(ran.code, Some(7), "{ran:?}");
    assert!(ran.stderr.starts_with("error: line 3: promise.create at "), "{ran:?}");
    let place = "res.created.promise.state: recorded \"resolved\", replayed \"pending\"\n";
    assert!(ran.stderr.ends_with(place), "{ran:?}");
    assert!(ran.stdout.contains("2 requests of clients, 0 requests of the background\n"), "{ran:?}");
    assert!(ran.stdout.contains("\"id\":\"b\""), "its request is shown: {ran:?}");
    let found: Json = serde_json::from_str(&replay(&doctored).stdout).expect("JSON");
    assert_eq!(found["difference"]["line"], 3);
    assert_eq!(found["difference"]["recorded"], "resolved");
}

#[test]
fn a_corrupt_recording_is_refused_with_the_line_that_is_wrong() {
    let folder = Folder::new();
    let lines = small(&folder);
    let broken = folder.file("broken");
    let with = |text: &[u8], says: &str| {
        fs::write(&broken, text).expect("a file");
        let ran = replay(&broken);
        assert_eq!((ran.code, &*ran.stderr), (Some(8), &*format!("error: {says}\n")), "{ran:?}");
        serde_json::from_str::<Json>(&ran.stdout).expect("JSON")
    };
    let whole = lines.join("\n") + "\n";
    with(b"", "line 1: there is none: the recording is empty");
    let torn = "line 4: is cut off in the middle: the server ended while it wrote this line";
    assert_eq!(with(&whole.as_bytes()[..whole.len() - 9], torn)["clients"], 2, "what stands before it was replayed");
    with(whole.replace("promise.create", "promise.make").as_bytes(), "line 2: unknown kind 'promise.make'");
    let no_header = lines[1..].join("\n");
    let says =
        "line 1: a recording begins with a line of kind 'recording', which holds its rules and the state at its start";
    assert_eq!(with(no_header.as_bytes(), says)["corrupt"]["line"], 1);
    let version = "line 1: the recording has version 9 of the format; this program reads version 1";
    with(whole.replace("\"version\":1", "\"version\":9").as_bytes(), version);
    with(&[whole.as_bytes(), b"\xff\xfe\n"].concat(), "line 5: is not UTF-8");
}

#[test]
fn a_replay_reads_standard_input_and_says_what_it_cannot_read() {
    let folder = Folder::new();
    small(&folder);
    let file = fs::File::open(folder.file(FILE)).expect("a recording");
    let ran = end(resonate().args(["replay", "-"]).stdin(Stdio::from(file)));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.ends_with("every answer is the recorded one\n"), "{ran:?}");
    let absent = end(resonate().arg("replay").arg(folder.file("absent")));
    assert_eq!(absent.code, Some(1), "{absent:?}");
    assert!(absent.stderr.starts_with("error: cannot read ") && absent.stderr.contains("absent"), "{absent:?}");
    assert_eq!(end(resonate().arg("replay")).code, Some(2));
}

#[test]
fn a_server_that_cannot_record_does_not_start() {
    let folder = Folder::new();
    Start::new("dev", &folder).flag("--record", "absent/r").refused().says(1, &["--record", "cannot write absent/r"]);
    Start::new("dev", &folder).flag("--record", ".").refused().says(1, &["--record", "cannot write ."]);
    Start::new("dev", &folder).flag("--record", "/dev/full").refused().says(1, &["--record", "/dev/full"]);
    // Nobody reads it: to open it would wait for ever.
    let made = Command::new("mkfifo").arg(folder.file("pipe")).status().expect("a system with pipes");
    assert!(made.success());
    Start::new("dev", &folder)
        .flag("--record", "pipe")
        .refused()
        .says(1, &["--record", "cannot write pipe", "no file"]);
    assert!(folder.file("pipe").exists(), "it stays where it is");
    Start::new("dev", &folder).flag("--record-redact", "true").refused().says(2, &["record.redact", "record.file"]);
}

fn set_file_limit(server: &Server, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(server.pid()), Resource::Fsize, limit).expect("a limit of an own child");
}

#[test]
fn a_recording_without_room_ends_and_costs_no_request() {
    let folder = Folder::new();
    let server = recording("dev", &folder).serve();
    set_file_limit(&server, Some(20_000));
    let create = |number: u32| {
        let param = json!({"data": "AAAA".repeat(100)});
        server.call("promise.create", &json!({"id": format!("{number}"), "timeoutAt": FAR, "param": param}));
    };
    (0..100).for_each(create);
    set_file_limit(&server, None);
    (100..110).for_each(create);
    let log = server.log();
    assert_eq!(log.matches("the recording ends here").count(), 1, "{log}");
    server.stop();
    let ran = replay(&folder.file(FILE));
    assert!(ran.code == Some(0) || ran.stderr.contains("is cut off in the middle"), "{ran:?}");
}

#[test]
fn after_its_store_has_failed_a_server_records_what_is_in_it() {
    let folder = Folder::new();
    let server = recording("serve", &folder).serve();
    let create = |id: &str| server.ask(&Request::write(id, "create", "k", &json!({"timeout": FAR}))).status;
    assert_eq!(create("before"), 201);
    // The database grows by a page a write at least, and its files are far ahead of the recording.
    let largest =
        ["resonate.db", "resonate.db-wal"].map(|name| fs::metadata(folder.file(name)).map_or(0, |file| file.len()));
    set_file_limit(&server, largest.into_iter().max().map(|bytes| bytes + 20_000));
    let refused = (0..1_000).find(|number| create(&format!("p{number}")) == 503);
    assert!(refused.is_some(), "there was room for everything");
    set_file_limit(&server, None);
    eventually("the server is ready", || (server.ask(&Request::get("/ready")).status == 200).then_some(()));
    assert_eq!(create("after"), 201);
    server.stop();
    agrees(&folder.file(FILE));
    let headers = lines(&folder, FILE).iter().filter(|line| line["kind"] == "recording").count();
    assert!(headers >= 2, "{headers} headers");
}
