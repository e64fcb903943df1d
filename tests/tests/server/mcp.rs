//! `resonate mcp`, as an assistant starts it: JSON-RPC, one message a line, over standard input and output.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::child::{Server, Start};
use super::cli::{end, resonate, url};
use super::eventually;

/// An assistant that has introduced itself.
struct Assistant {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    asked: u64,
    /// What the server said of itself.
    introduction: Json,
}

impl Assistant {
    fn start(server: &Server) -> Self {
        let mut command = resonate();
        command.args(["mcp", "--server", &url(server)]).stdin(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the binary starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut assistant = Self { child, input, output, asked: 0, introduction: Json::Null };
        let introduction = json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
        });
        assistant.introduction = assistant.ask("initialize", &introduction);
        assistant.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assistant
    }

    fn send(&mut self, message: &Json) {
        writeln!(self.input.as_mut().expect("an open pipe"), "{message}").expect("a reader");
    }

    /// Sends a request and reads its result.
    fn ask(&mut self, method: &str, params: &Json) -> Json {
        self.asked += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params}));
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        let answer: Json = serde_json::from_str(&line).unwrap_or_else(|why| panic!("{why}: {line}"));
        assert_eq!(answer["id"], self.asked, "{answer}");
        answer["result"].clone()
    }

    /// Calls a tool.
    fn call(&mut self, name: &str, arguments: &Json) -> Json {
        self.ask("tools/call", &json!({"name": name, "arguments": arguments}))
    }

    /// Hangs up; the command ends by itself.
    fn leave(mut self) {
        self.input = None;
        let status = eventually("it ends", || self.child.try_wait().expect("a child"));
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for Assistant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_assistant_works_with_promises() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).serve();
    let mut assistant = Assistant::start(&server);
    assert_eq!(assistant.introduction["serverInfo"]["name"], "resonate");

    let tools = assistant.ask("tools/list", &json!({}));
    let names: Vec<_> = tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["promise-create", "promise-get", "promise-search", "promise-settle"]);

    let create = json!({"id": "foo", "timeoutMs": 3_600_000, "param": {"a": 1}, "tags": {"t": "x"}});
    let created = assistant.call("promise-create", &create);
    assert_eq!(created["isError"], false, "{created}");
    assert_eq!(created["structuredContent"]["promise"]["param"], json!({"data": {"a": 1}}));
    let settled = assistant.call("promise-settle", &json!({"id": "foo", "state": "resolved", "value": "ok"}));
    assert_eq!(settled["structuredContent"]["promise"]["value"], json!({"data": "ok"}));
    let read = assistant.call("promise-get", &json!({"id": "foo"}));
    assert_eq!(read["structuredContent"], settled["structuredContent"]);
    let found = assistant.call("promise-search", &json!({"state": "resolved", "tags": {"t": "x"}}));
    assert_eq!(found["structuredContent"]["promises"][0]["id"], "foo");

    let missing = assistant.call("promise-get", &json!({"id": "gone"}));
    assert_eq!(
        (&missing["isError"], &missing["content"][0]["text"]),
        (&json!(true), &json!("promise not found (404)"))
    );
    let wrong = assistant.call("promise-settle", &json!({"id": "foo", "state": "pending"}));
    assert_eq!(wrong["isError"], true, "{wrong}");
    let unknown = assistant.call("promise-search", &json!({"status": "resolved"}));
    assert_eq!(unknown["isError"], true, "{unknown}");
    assistant.leave();
    server.stop();
}

#[test]
fn an_assistant_may_leave_without_a_word() {
    let ran = end(resonate().arg("mcp"));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
}
