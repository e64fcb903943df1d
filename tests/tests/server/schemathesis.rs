//! Schemathesis, the published tester of APIs, against the real server and the document that it serves.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use resonate_tests::folder::Folder;

use super::child::Server;
use super::wire::Request;

/// The same requests in every run.
const SEED: &str = "2026";
/// Requests of each operation beside those that cover its parameters one by one.
const EXAMPLES: &str = "40";
/// What every answer must hold. Data that does not fit its schema must be refused; data that fits may be refused too, where a rule is not one of
/// JSON Schema's.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection";

fn program() -> PathBuf {
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/.venv-schemathesis/bin/schemathesis");
    assert!(room.exists(), "{} is missing: run scripts/setup.sh", room.display());
    room
}

#[test]
fn schemathesis_finds_nothing() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let url = format!("http://127.0.0.1:{}/openapi.json", server.http);
    let mut command = Command::new(program());
    command.args(["run", &url, "--checks", CHECKS, "--seed", SEED, "--max-examples", EXAMPLES]);
    command.args(["--phases", "examples,coverage,fuzzing", "--generation-database", "none"]);
    // It streams for ever.
    command.args(["--exclude-path", "/poll/{group}/{id}"]);
    command.args(["--continue-on-failure", "--no-shrink", "--warnings", "off", "--suppress-health-check", "all"]);
    command.current_dir(folder.path()).stdin(Stdio::null());
    let output = command.output().expect("schemathesis runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    // Whatever it sent, the server is as it was.
    assert_eq!(server.ask(&Request::get("/ready")).status, 200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    server.stop();
}

#[test]
fn the_document_is_served_and_need_not_be_sent_twice() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let first = server.ask(&Request::get("/openapi.json"));
    assert_eq!((first.status, &first.json()["openapi"]), (200, &"3.1.0".into()));
    let tag = first.header("etag").expect("a tag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = server.ask(&Request::get("/openapi.json").header("If-None-Match", &known));
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(&*tag)), "{known}");
    }
    let other = server.ask(&Request::get("/openapi.json").header("If-None-Match", "\"other\""));
    assert_eq!((other.status, &other.body), (200, &first.body));
    server.stop();
}
