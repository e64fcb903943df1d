//! The client commands of the binary against a real server: each does what its name says, and exits with a code that a script can tell apart.

use resonate_postgres_cluster::free_port;
use resonate_tests::folder::Folder;
use serde_json::json;

use super::child::{Server, Start};
use super::cli::{done, end, json, resonate, run, url};

fn dev(folder: &Folder) -> Server {
    Start::new("dev", folder).serve()
}

#[test]
fn promises_are_created_read_settled_and_found() {
    let folder = Folder::new();
    let server = dev(&folder);
    let created = json(
        &server,
        &[
            "promises",
            "create",
            "foo",
            "--timeout",
            "1h",
            "--param",
            r#"{"data": {"a": 1}}"#,
            "--tags",
            r#"{"t": "x"}"#,
        ],
    );
    let promise = &created["promise"];
    assert_eq!((&promise["state"], &promise["param"]["data"]), (&json!("pending"), &json!("eyJhIjoxfQ==")));
    let lives = promise["timeoutAt"].as_u64().unwrap() - promise["createdAt"].as_u64().unwrap();
    assert!((3_590_000..=3_610_000).contains(&lives), "{lives}");

    let again = run(&server, &["promise", "create", "foo", "--timeout", "2h"]);
    assert_eq!(again.code, Some(0));
    assert!(again.stderr.contains("promise foo existed already"), "{again:?}");
    assert!(!run(&server, &["promises", "create", "bar", "--timeout", "2h"]).stderr.contains("existed"));

    let resolved = json(&server, &["promises", "resolve", "foo", "--value", r#"{"data": "ok"}"#]);
    assert_eq!(
        (&resolved["promise"]["state"], &resolved["promise"]["value"]["data"]),
        (&json!("resolved"), &json!("Im9rIg=="))
    );
    let late = run(&server, &["promises", "reject", "foo"]);
    assert!(late.code == Some(4) && late.stderr.contains("promise foo was resolved already"), "{late:?}");
    let again = run(&server, &["promises", "resolve", "foo"]);
    assert!(again.code == Some(0) && again.stderr.is_empty(), "{again:?}");
    assert_eq!(json(&server, &["promises", "cancel", "bar"])["promise"]["state"], "rejected_canceled");
    json(&server, &["promises", "create", "baz", "--timeout", "2h"]);
    assert_eq!(json(&server, &["promises", "reject", "baz"])["promise"]["state"], "rejected");
    assert_eq!(json(&server, &["promises", "get", "foo"]), resolved);

    let ids = |args: &[&str]| -> Vec<String> {
        let found = json(&server, &[&["promises", "search"], args].concat());
        found["promises"].as_array().unwrap().iter().map(|promise| promise["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&[]), ["bar", "baz", "foo"]);
    assert_eq!(ids(&["--state", "resolved"]), ["foo"]);
    assert_eq!(ids(&["--tags", r#"{"t": "x"}"#]), ["foo"]);
    let page = json(&server, &["promises", "search", "--limit", "2"]);
    assert_eq!(ids(&["--limit", "2", "--cursor", page["cursor"].as_str().unwrap()]), ["foo"]);
    server.stop();
}

#[test]
fn what_was_settled_is_counted_and_removed_by_age_or_by_instant() {
    let folder = Folder::new();
    let server = dev(&folder);
    for id in ["old", "pending"] {
        done(&server, &["promises", "create", id, "--timeout", "1h"]);
    }
    done(&server, &["promises", "resolve", "old"]);
    let purge = |args: &[&str]| json(&server, &[&["promises", "purge", "--settled-before"], args].concat());
    assert_eq!((&purge(&["1h"])["examined"], &purge(&["2020-01-31"])["examined"]), (&json!(0), &json!(0)));
    let dry = purge(&["2100-01-01T00:00:00Z", "--dry-run"]);
    assert_eq!(dry, json!({"settledBefore": 4_102_444_800_000_u64, "examined": 1, "purged": 1}));
    done(&server, &["promises", "get", "old"]);
    let told = done(&server, &["promises", "purge", "--settled-before", "2100-01-01"]);
    assert_eq!(told, "1 removed of 1 settled before 2100-01-01 00:00:00 UTC\n");
    assert_eq!(run(&server, &["promises", "get", "old"]).code, Some(3));
    done(&server, &["promises", "get", "pending"]);
    let wrong = run(&server, &["promises", "purge", "--settled-before", "30"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("30d"), "{wrong:?}");
}

#[test]
fn people_read_decoded_values_and_states_without_colours_in_a_pipe() {
    let folder = Folder::new();
    let server = dev(&folder);
    done(&server, &["invoke", "foo", "--func", "greet", "--arg", "world", "--arg", "2"]);
    let shown = done(&server, &["promises", "get", "foo"]);
    assert!(shown.starts_with("foo  ○ pending\n"), "{shown}");
    assert!(shown.contains(r#"greet("world", 2)"#) && shown.contains(" UTC · "), "{shown}");
    done(&server, &["promises", "resolve", "foo", "--value", r#"{"data": {"greeting": "hello"}}"#]);
    let shown = done(&server, &["promises", "get", "foo"]);
    assert!(shown.starts_with("foo  ● resolved\n") && shown.contains(r#"{"greeting":"hello"}"#), "{shown}");
    let table = done(&server, &["promises", "search"]);
    assert!(table.starts_with("ID ") && table.contains("rpc greet"), "{table}");
    assert_eq!(done(&server, &["promises", "search", "--state", "rejected"]), "no promises\n");
    assert!(!format!("{shown}{table}").contains('\u{1b}'));
    server.stop();
}

#[test]
fn a_promise_tells_who_waits_for_it() {
    let folder = Folder::new();
    let server = dev(&folder);
    done(&server, &["promises", "create", "awaited", "--timeout", "1h"]);
    done(&server, &["invoke", "awaiter", "-f", "f"]);
    let callback = json(&server, &["promises", "register-callback", "awaited", "awaiter"]);
    assert_eq!(callback["promise"]["id"], "awaited");
    let listener = json(&server, &["promises", "register-listener", "awaited", "poll://uni@g/1"]);
    assert_eq!(listener["promise"]["id"], "awaited");
    assert_eq!(run(&server, &["promises", "register-listener", "awaited", "nowhere"]).code, Some(4));
    server.stop();
}

#[test]
fn an_invocation_is_what_workers_expect() {
    let folder = Folder::new();
    let server = dev(&folder);
    let made = json(&server, &["invoke", "foo", "-f", "greet", "--json-args", "[1]", "-t", "1m", "--delay", "5s"]);
    let promise = &made["promise"];
    assert_eq!(promise["param"]["data"], "eyJhcmdzIjpbMV0sImZ1bmMiOiJncmVldCIsInZlcnNpb24iOjF9");
    assert_eq!(promise["tags"]["resonate:target"], "poll://any@default");
    for tag in ["origin", "branch", "parent", "prefix"] {
        assert_eq!(promise["tags"][format!("resonate:{tag}")], "foo", "{tag}");
    }
    assert_eq!(json(&server, &["tasks", "get", "foo"])["task"]["state"], "pending");
    server.stop();
}

#[test]
fn a_task_is_worked_on_by_hand() {
    let folder = Folder::new();
    let server = dev(&folder);
    let target = ["--target", "poll://any@g"];
    let create = ["tasks", "create", "foo", "--pid", "me", "--ttl", "1m", "--timeout", "1h"];
    let created = json(&server, &[&create[..], &target].concat());
    assert_eq!((&created["task"]["state"], &created["task"]["version"]), (&json!("acquired"), &json!(1)));
    let beat = done(&server, &["tasks", "heartbeat", "--pid", "me", "--tasks", r#"[{"id": "foo", "version": 1}]"#]);
    assert_eq!(beat, "sent: tasks that me holds at these versions are extended, others are ignored\n");

    let fence = |action: &str| run(&server, &["tasks", "fence", "foo", "--version", "1", "--action", action]);
    let child = r#"{"kind": "promise.create", "data": {"id": "foo.1", "timeoutAt": 9999999999999}}"#;
    let fenced = fence(child);
    assert!(fenced.code == Some(0) && fenced.stdout.starts_with("foo.1"), "{fenced:?}");
    let missing = fence(r#"{"kind": "promise.settle", "data": {"id": "gone", "state": "resolved"}}"#);
    assert_eq!(missing.code, Some(3), "{missing:?}");

    let suspend = ["tasks", "suspend", "foo", "--version", "1", "--await", "foo.1"];
    assert_eq!(done(&server, &suspend), "task foo is suspended\n");
    done(&server, &["promises", "resolve", "foo.1"]);
    let claim = ["tasks", "claim", "foo", "--pid", "me", "--version", "1", "--ttl", "1m"];
    assert_eq!(json(&server, &claim)["task"]["version"], 2);
    let actions = r#"[{"kind": "promise.register_callback", "data": {"awaited": "foo.1", "awaiter": "foo"}}]"#;
    let go_on = done(&server, &["tasks", "suspend", "foo", "--version", "2", "--actions", actions]);
    assert!(go_on.starts_with("task foo goes on"), "{go_on}");

    assert_eq!(done(&server, &["tasks", "release", "foo", "--version", "2"]), "task foo is released\n");
    assert_eq!(run(&server, &["tasks", "release", "foo", "--version", "2"]).code, Some(4));
    assert_eq!(done(&server, &["tasks", "halt", "foo"]), "task foo is halted\n");
    let halted = json(&server, &["tasks", "search", "--state", "halted"]);
    assert_eq!(halted["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(done(&server, &["tasks", "continue", "foo"]), "task foo goes on\n");
    let claim = ["tasks", "claim", "foo", "--pid", "me", "--version", "2", "--ttl", "1m"];
    assert!(done(&server, &claim).contains("▶ acquired"));
    let complete = ["tasks", "complete", "foo", "--version", "3", "--state", "resolved", "--value", r#"{"data": 42}"#];
    assert_eq!(json(&server, &complete)["promise"]["state"], "resolved");
    assert!(done(&server, &["tasks", "search"]).contains("● fulfilled"));
    server.stop();
}

#[test]
fn a_schedule_is_created_listed_and_deleted() {
    let folder = Folder::new();
    let server = dev(&folder);
    let create = [
        "schedules",
        "create",
        "nightly",
        "--cron",
        "0 3 * * *",
        "--promise-id",
        "n-{{.timestamp}}",
        "--promise-timeout",
        "1h",
        "--promise-param",
        r#"{"data": 1}"#,
        "--promise-tags",
        r#"{"t": "x"}"#,
    ];
    let schedule = json(&server, &create)["schedule"].clone();
    assert_eq!((&schedule["promiseTimeout"], &schedule["promiseParam"]["data"]), (&json!(3_600_000), &json!("MQ==")));
    let again = run(&server, &create);
    assert!(again.code == Some(0) && again.stderr.contains("note: schedule nightly existed already"), "{again:?}");
    assert!(done(&server, &["schedule", "get", "nightly"]).contains("n-{{.timestamp}}"));
    assert_eq!(json(&server, &["schedules", "search", "--tags", r#"{"t": "x"}"#])["schedules"], json!([schedule]));
    assert_eq!(done(&server, &["schedules", "delete", "nightly"]), "schedule nightly is deleted\n");
    assert_eq!(run(&server, &["schedules", "get", "nightly"]).code, Some(3));
    server.stop();
}

#[test]
fn a_tree_shows_what_a_call_has_called() {
    let folder = Folder::new();
    let server = dev(&folder);
    done(&server, &["invoke", "root", "-f", "main"]);
    let child = |id: &str, parent: &str, tags: &str| {
        let tags = format!(r#"{{"resonate:origin": "root", "resonate:parent": "{parent}", {tags}}}"#);
        done(&server, &["promises", "create", id, "--timeout", "1h", "--tags", &tags]);
    };
    child("root.1", "root", r#""resonate:timer": "true""#);
    child("root.1.1", "root.1", r#""resonate:scope": "local""#);
    child("root.2", "root", r#""resonate:scope": "global""#);
    done(&server, &["promises", "resolve", "root.1.1"]);
    let drawn = done(&server, &["tree", "root"]);
    let lines: Vec<&str> = drawn.lines().collect();
    let expected =
        [("root ", "pending"), ("├─ root.1 ", "pending"), ("│  └─ root.1.1 ", "resolved"), ("└─ root.2 ", "pending")];
    assert_eq!(lines.len(), expected.len(), "{drawn}");
    for (line, (start, state)) in lines.into_iter().zip(expected) {
        assert!(line.starts_with(start) && line.contains(state), "{line}");
    }
    assert!(drawn.contains("rpc main") && drawn.contains("sleep"), "{drawn}");
    assert_eq!(json(&server, &["tree", "root"])["promises"].as_array().map(Vec::len), Some(4));

    done(&server, &["promises", "create", "alone", "--timeout", "1h"]);
    assert!(done(&server, &["tree", "alone"]).starts_with("alone  promise"));
    assert_eq!(run(&server, &["tree", "gone"]).code, Some(3));
    server.stop();
}

#[test]
fn exit_codes_tell_failures_apart() {
    let folder = Folder::new();
    let server = dev(&folder);
    for (args, code, says) in [
        (&["promises", "get", "gone"][..], 3, "promise not found (404)"),
        (&["promises", "create", "x", "--timeout", "5"][..], 2, "a number needs a unit: 5s, 5m or 5ms"),
        (&["promises", "create", "x", "--timeout", "5s", "--param", "1"][..], 2, r#"{"data": ANY_JSON}"#),
        (
            &["promises", "create", "x", "--timeout", "5s", "--tags", r#"{"resonate:target": "?"}"#][..],
            4,
            "resonate:target",
        ),
        (&["tasks", "halt", "gone"][..], 3, "(404)"),
        (&["tasks", "create", "x", "--pid", "p", "--ttl", "1s", "--timeout", "1s"][..], 2, "--target"),
        (&["promises", "search", "--limit", "1001"][..], 2, "must be 1 to 1000"),
        (&["promises", "search", "--tags", "team=shop"][..], 2, r#"write '{"team":"shop"}'"#),
        (&["promises", "create", "x", "--timeout", "-1h"][..], 2, "write it like 100ms"),
        (&["invoke", "x", "-f", ""][..], 2, "a function has a name"),
        (&["mcp", "-o", "json"][..], 2, "-o"),
        (&["promises", "serch"][..], 2, "search"),
    ] {
        let ran = run(&server, args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(says) && ran.stderr.lines().count() == 1, "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    server.stop();
}

#[test]
fn a_server_that_is_not_there_is_named_with_the_cure() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let ran = end(resonate().args(["promises", "get", "foo", "-S", &nobody]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains(&nobody) && ran.stderr.contains("resonate serve"), "{ran:?}");
    let ran = end(resonate().args(["promises", "get", "foo", "-S", "localhost:8001"]));
    assert!(ran.code == Some(2) && ran.stderr.contains("http://"), "{ran:?}");
    let ran = end(resonate().args(["promises", "get", "foo"]).env("RESONATE_URL", "garbage"));
    assert!(ran.code == Some(2) && ran.stderr.contains("RESONATE_URL") && ran.stderr.contains("http://"), "{ran:?}");
}

#[test]
fn a_port_that_speaks_something_else_is_told_with_the_cure() {
    let folder = Folder::new();
    let server = dev(&folder);
    for (url, says) in [
        (format!("https://127.0.0.1:{}", server.http), "write http://"),
        (format!("http://127.0.0.1:{}", server.grpc), "the gRPC port"),
    ] {
        let ran = end(resonate().args(["promises", "get", "foo", "-S", &url]));
        assert!(ran.code == Some(1) && ran.stderr.contains(says), "{ran:?}");
    }
    server.stop();
}

#[test]
fn the_environment_names_the_server_and_a_flag_outranks_it() {
    let folder = Folder::new();
    let server = dev(&folder);
    done(&server, &["promises", "create", "foo", "--timeout", "1h"]);
    let get = ["promises", "get", "foo"];
    assert_eq!(end(resonate().args(get).env("RESONATE_URL", url(&server))).code, Some(0));
    let elsewhere = format!("http://127.0.0.1:{}", free_port());
    let ran = end(resonate().args(get).args(["-S", &url(&server)]).env("RESONATE_URL", elsewhere));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    server.stop();
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = end(resonate().args(["completions", shell]));
        assert!(ran.code == Some(0) && ran.stdout.contains("register-callback"), "{shell}");
    }
}
