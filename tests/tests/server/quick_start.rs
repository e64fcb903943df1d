//! The first five minutes: what the README tells everybody to type.

use std::path::Path;
use std::process::{Command, Stdio};

use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::child::{Server, Start};
use super::wire::Request;

/// The lines to type in a section of the README, in order.
fn lines_of_the_readme(section: &str) -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("a README");
    let section = readme.split("\n## ").find(|text| text.starts_with(section)).expect("a section");
    // Every other piece between fences is a block; its first line is its language.
    let blocks = section.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    blocks.flat_map(|block| block.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Runs a call of curl as it stands, but for the port. The status and the body.
fn type_in(call: &str, server: &Server) -> (u16, Json) {
    assert!(call.contains("localhost:8001"), "{call}");
    let call = call.replace("localhost:8001", &format!("127.0.0.1:{}", server.http));
    let call = format!(r"{call} --silent --max-time 30 --write-out '\n%{{http_code}}'");
    let ran = Command::new("sh").args(["-c", &call]).output().expect("a shell");
    assert!(ran.status.success(), "{call}: {ran:?}");
    let printed = String::from_utf8(ran.stdout).expect("a text");
    let (body, status) = printed.rsplit_once('\n').expect("body and status");
    (status.parse().expect("a status"), serde_json::from_str(body).expect("JSON"))
}

/// Whether there is such a program.
fn is_here(program: &str) -> bool {
    let version = if program == "openssl" { "version" } else { "--version" };
    let ran = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

#[test]
fn the_calls_of_the_readme_do_what_it_says() {
    if !is_here("curl") {
        println!("skipped: there is no curl; the calls themselves are tested elsewhere");
        return;
    }
    let calls_of = |chapter: &str| {
        let mut calls = lines_of_the_readme(chapter);
        calls.retain(|line| line.starts_with("curl "));
        calls
    };
    let (quick, api) = (calls_of("Quick start"), calls_of("The API"));
    let [create, resolve, read] = &quick[..] else { panic!("three calls: {quick:#?}") };
    let [enveloped] = &api[..] else { panic!("one call: {api:#?}") };
    let reject = resolve.replace("/resolve", "/reject").replace("Resolved", "Rejected");
    let folder = Folder::new();
    let server = Server::start(&folder);

    let (status, created) = type_in(create, &server);
    assert_eq!((status, &created["state"]), (201, &json!("PENDING")));
    assert_eq!(created["param"]["data"], "RHVyYWJsZSBQcm9taXNlIENyZWF0ZWQ=");
    let (status, resolved) = type_in(resolve, &server);
    assert_eq!((status, &resolved["state"]), (201, &json!("RESOLVED")));
    assert_eq!(resolved["value"]["data"], "RHVyYWJsZSBQcm9taXNlIFJlc29sdmVk");
    for again in [create, resolve, &reject] {
        assert_eq!(type_in(again, &server), (200, resolved.clone()), "{again}");
    }

    let (status, answer) = type_in(enveloped, &server);
    assert_eq!((status, &answer["data"]["promise"]["state"]), (200, &json!("pending")));

    server.stop();
    let server = Server::start(&folder);
    assert_eq!(type_in(read, &server), (200, resolved));
    server.stop();
}

#[test]
fn the_key_and_the_token_of_the_readme_open_the_server() {
    if !is_here("curl") || !is_here("openssl") {
        println!("skipped: there is no curl or no openssl; tokens are tested elsewhere");
        return;
    }
    let folder = Folder::new();
    let lines = lines_of_the_readme("Authentication");
    let serving = lines.iter().position(|line| line.starts_with("resonate serve")).expect("a start");
    let run = |script: &str| {
        let ran = Command::new("sh").args(["-euc", script]).current_dir(folder.path()).output().expect("a shell");
        assert!(ran.status.success(), "{script}: {ran:?}");
        String::from_utf8(ran.stdout).expect("a text")
    };
    run(&lines[..serving].join("\n"));
    let [_, _, flag, file] = lines[serving].split(' ').collect::<Vec<_>>()[..] else { panic!("{}", lines[serving]) };
    let server = Start::new("serve", &folder).flag(flag, file).serve();
    let script = lines[serving + 1..].join("\n");
    assert!(script.contains("localhost:8001"), "{script}");
    let found = run(&script.replace("localhost:8001", &format!("127.0.0.1:{}", server.http)));
    assert_eq!(serde_json::from_str::<Json>(&found).expect("JSON"), json!({"cursor": null, "promises": []}));
    server.stop();
}

#[test]
fn a_promise_is_the_same_after_a_restart() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let asked =
        json!({"timeout": 2_524_608_000_000_u64, "param": {"headers": {"a": "b"}, "data": "Zm9v"}, "tags": {"c": "d"}});
    let created = server.ask(&Request::write("foo", "create", "k", &asked));
    assert_eq!(created.status, 201, "{}", created.text());
    server.stop();
    let server = Server::start(&folder);
    let read = server.ask(&Request::get("/promises/foo"));
    assert_eq!((read.status, read.json()), (200, created.json()));
    server.stop();
}

#[test]
fn dev_works_and_leaves_no_file() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).serve();
    let asked = json!({"timeout": 2_524_608_000_000_u64});
    let created = server.ask(&Request::write("foo", "create", "k", &asked));
    let resolved = server.ask(&Request::write("foo", "resolve", "l", &json!({"value": {"data": "Zm9v"}})));
    assert_eq!((created.status, resolved.status), (201, 201));
    assert_eq!(server.ask(&Request::get("/promises/foo")).json(), resolved.json());
    assert_eq!(server.ask(&Request::get("/promises?q=*")).json()["promises"], json!([resolved.json()]));
    assert_eq!(server.ask(&Request::get("/ready")).status, 200);
    server.stop();
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}
