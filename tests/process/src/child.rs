//! The server as a child process: started on free ports, asked to stop or killed through its handle, and gone when the handle is.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::folder::Folder;
use resonate_postgres_cluster::free_port;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};

use crate::wire::{Answer, Connection, Request};
use crate::{FAR, binary, eventually};

/// A user without rights, for what root may do.
pub const NOBODY: u32 = 65534;

/// How to start a server.
#[derive(Debug)]
pub struct Start<'a> {
    command: Command,
    folder: &'a Folder,
}

impl<'a> Start<'a> {
    /// `resonate COMMAND` in a folder, without what the environment of the test says.
    #[must_use]
    pub fn new(command: &str, folder: &'a Folder) -> Self {
        Self::of(binary::path(), command, folder)
    }

    /// The same of a binary that is there.
    #[must_use]
    pub fn of(binary: &Path, command: &str, folder: &'a Folder) -> Self {
        Self::by(Command::new(binary), command, folder)
    }

    /// The same where files cannot grow beyond so many blocks of 512 bytes.
    pub fn with_file_limit(blocks: u32, command: &str, folder: &'a Folder) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!(r#"ulimit -f {blocks}; exec "$0" "$@""#)]).arg(binary::path());
        Self::by(shell, command, folder)
    }

    fn by(mut start: Command, command: &str, folder: &'a Folder) -> Self {
        for (name, _) in std::env::vars_os() {
            if name == "RUST_LOG" || name.to_string_lossy().starts_with("RESONATE_") {
                start.env_remove(name);
            }
        }
        start.arg(command).current_dir(folder.path()).stdin(Stdio::null());
        Self { command: start, folder }
    }

    /// Adds a flag with its value.
    pub fn flag(mut self, name: &str, text: &str) -> Self {
        self.command.args([name, text]);
        self
    }

    /// Sets a variable of its environment.
    pub fn variable(mut self, name: &str, text: &str) -> Self {
        self.command.env(name, text);
        self
    }

    /// Starts it as a user without rights.
    pub fn without_rights(mut self) -> Self {
        self.command.uid(NOBODY).gid(NOBODY);
        self
    }

    /// Chooses the ports that no flag has chosen.
    fn ports(mut self) -> (Self, [u16; 3]) {
        let flags = ["--server-port", "--server-grpc-port", "--observability-metrics-port"];
        let ports = flags.map(|flag| {
            let given: Vec<String> = self.command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
            match given.iter().position(|arg| arg == flag).and_then(|at| given.get(at + 1)) {
                Some(port) => port.parse().expect("a port"),
                None => {
                    let port = free_port();
                    self.command.args([flag, &port.to_string()]);
                    port
                }
            }
        });
        self.command.args(["--server-bind", "127.0.0.1"]);
        (self, ports)
    }

    /// Starts it, and does not wait for anything.
    fn begin(self) -> Server {
        let (mut start, [http, grpc, metrics]) = self.ports();
        // Not in the folder, where tests look for what the server leaves.
        let log = log_of(start.folder);
        let file = File::options().create(true).append(true).open(&log).expect("a log");
        start.command.stdout(file.try_clone().expect("a log")).stderr(file);
        let child = start.command.spawn().expect("the binary starts");
        Server { child, http, grpc, metrics, log }
    }

    /// Starts it and kills it so much later, whatever it does then.
    pub fn killed_after(self, life: Duration) {
        let server = self.begin();
        std::thread::sleep(life);
        server.kill();
    }

    /// Starts it and waits until it answers.
    pub fn serve(self) -> Server {
        let mut server = self.begin();
        let http = server.http;
        eventually("the server answers", || {
            if let Some(status) = server.child.try_wait().expect("a child") {
                panic!("the server ended with {status}:\n{}", server.log());
            }
            let answer = Connection::open(http).and_then(|mut open| open.send(&Request::get("/health"))).ok()?;
            (answer.status == 200).then_some(())
        });
        server
    }

    /// Runs it until it ends on its own, which it must.
    pub fn refused(self) -> Refused {
        let (mut start, _) = self.ports();
        start.run()
    }

    /// Runs it with the flags that it has and no others.
    pub fn run(&mut self) -> Refused {
        let child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let mut server = Server { child, http: 0, grpc: 0, metrics: 0, log: PathBuf::new() };
        let status = server.wait();
        let read = |pipe: &mut dyn std::io::Read| {
            let mut text = String::new();
            pipe.read_to_string(&mut text).expect("a text");
            text
        };
        Refused {
            code: status.code(),
            stderr: read(server.child.stderr.as_mut().expect("a pipe")),
            stdout: read(server.child.stdout.as_mut().expect("a pipe")),
        }
    }
}

/// Where the output of the servers in a folder goes.
fn log_of(folder: &Folder) -> PathBuf {
    folder.path().with_extension("log")
}

/// How a start ended.
#[derive(Debug)]
pub struct Refused {
    pub code: Option<i32>,
    pub stderr: String,
    pub stdout: String,
}

impl Refused {
    /// Checks that it is a clear refusal whose text contains all of these.
    ///
    /// # Panics
    /// When it is another one.
    #[track_caller]
    pub fn says(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?}: {self:?}");
        }
        assert!(!self.stdout.contains("panicked"), "{self:?}");
    }
}

/// A running server. It is killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub http: u16,
    pub grpc: u16,
    pub metrics: u16,
    log: PathBuf,
}

impl Server {
    /// `resonate serve` in a folder, on its file `resonate.db`.
    pub fn start(folder: &Folder) -> Self {
        Start::new("serve", folder).serve()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.http).expect("a connection")
    }

    /// The answer to one request on a connection of its own.
    pub fn ask(&self, request: &Request) -> Answer {
        self.connect().send(request).expect("an answer")
    }

    /// The data of a call of today's protocol that must succeed.
    #[track_caller]
    pub fn call(&self, kind: &str, data: &Json) -> Json {
        let answer = self.ask(&Request::call(kind, data));
        assert_eq!(answer.status, 200, "{kind} {data}: {}", answer.text());
        answer.json()["data"].clone()
    }

    /// Creates a promise that never times out, with a task for whoever is at `target`.
    #[track_caller]
    pub fn create_task(&self, id: &str, target: &str) {
        let tags = json!({"resonate:target": target});
        self.call("promise.create", &json!({"id": id, "timeoutAt": FAR, "tags": tags}));
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a child that takes signals");
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the server ends", || self.child.try_wait().expect("a child"))
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Asks it to stop, which it does.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{status}:\n{}", self.log());
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("the server's log:\n{}", self.log());
        }
        let _ = std::fs::remove_file(&self.log);
    }
}
