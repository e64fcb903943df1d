//! Runs the client commands of the binary, as a script or a person would.

use std::process::{Command, Stdio};

use serde_json::Value as Json;

use super::binary;
use super::child::Server;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command, with nothing of the test's own environment.
pub(crate) fn resonate() -> Command {
    let mut command = Command::new(binary::path());
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The URL of a server.
pub(super) fn url(server: &Server) -> String {
    format!("http://127.0.0.1:{}", server.http)
}

/// Runs a command to its end.
pub(crate) fn end(command: &mut Command) -> Ran {
    let ended = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("a text");
    Ran { code: ended.status.code(), stdout: text(ended.stdout), stderr: text(ended.stderr) }
}

/// Runs a command against a server.
pub(super) fn run(server: &Server, args: &[&str]) -> Ran {
    end(resonate().args(args).args(["--server", &url(server)]))
}

/// What a command prints that is expected to do what it is asked.
pub(super) fn done(server: &Server, args: &[&str]) -> String {
    let ran = run(server, args);
    assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
    ran.stdout
}

/// The same as JSON.
pub(super) fn json(server: &Server, args: &[&str]) -> Json {
    let printed = done(server, &[args, &["--output", "json"]].concat());
    serde_json::from_str(&printed).unwrap_or_else(|why| panic!("{args:?}: {why}: {printed}"))
}
