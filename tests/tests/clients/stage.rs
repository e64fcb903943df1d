//! A server and the workers of one test: what they say, in the order in which they say it, and what they are told.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::sdk::Sdk;
use crate::server::child::{Server, Start};
use crate::server::wire::{Answer, Request};

/// Longest that a test may take: far above what is normal, so that a busy machine fails none.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a worker has said in one line.
struct Line {
    worker: usize,
    text: String,
    /// Whether the test has waited for it.
    heard: bool,
}

/// How a worker works.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) group: &'static str,
    /// Its lease on a task.
    pub(super) lease: Duration,
    /// Whether it is held in steps that can be held.
    pub(super) held: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self { group: "default", lease: Duration::from_secs(60), held: false }
    }
}

/// A server and workers, all of which end with the test.
pub(super) struct Stage {
    workers: Vec<Child>,
    server: Option<Server>,
    port: u16,
    lines: Vec<Line>,
    spoken: Receiver<(usize, String)>,
    speak: Sender<(usize, String)>,
    started: Instant,
    folder: Folder,
}

impl Stage {
    /// A server without workers.
    pub(super) fn new() -> Self {
        let folder = Folder::new();
        let server = Server::start(&folder);
        let (speak, spoken) = channel();
        let (port, started) = (server.http, Instant::now());
        Self { workers: Vec::new(), server: Some(server), port, lines: Vec::new(), spoken, speak, started, folder }
    }

    /// A server and one worker with a program of `tests/clients`.
    pub(super) fn with_worker(sdk: Sdk, program: &str) -> (Self, usize) {
        let mut stage = Self::new();
        let worker = stage.hire(sdk, program, Terms::default());
        (stage, worker)
    }

    /// Starts a worker with a program of `tests/clients` and waits until it is connected. Its number.
    pub(super) fn hire(&mut self, sdk: Sdk, program: &str, terms: Terms) -> usize {
        let folder = self.folder.file(&format!("worker-{}", self.workers.len()));
        fs::create_dir(&folder).expect("a folder");
        sdk.copy_programs(&folder);
        let number = self.start(sdk.command(&folder, &sdk.file(program)), terms);
        self.hear_from(number, "connected");
        number
    }

    /// Starts a worker with a program of one file. Its number.
    pub(super) fn hire_program(&mut self, sdk: Sdk, file: &str, program: &str) -> usize {
        let folder = self.folder.file(&format!("worker-{}", self.workers.len()));
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join(file), program).expect("a file");
        self.start(sdk.command(&folder, file), Terms::default())
    }

    fn start(&mut self, mut command: Command, terms: Terms) -> usize {
        let number = self.workers.len();
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RESONATE_") {
                command.env_remove(name);
            }
        }
        command
            .env("RESONATE_URL", self.url())
            .env("WORKER_GROUP", terms.group)
            .env("WORKER_PID", format!("worker-{number}"))
            .env("WORKER_TTL", terms.lease.as_millis().to_string());
        if terms.held {
            command.env("WORKER_HOLDS", "1");
        }
        let errors = File::create(self.folder.file(&format!("worker-{number}.log"))).expect("a log");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("a worker starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let speak = self.speak.clone();
        std::thread::spawn(move || {
            for text in stdout.lines().map_while(Result::ok) {
                // The test may be over.
                let _ = speak.send((number, text));
            }
        });
        self.workers.push(child);
        number
    }

    /// Where the server is.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until a worker says a line that begins so, and takes it. Who, and what follows.
    pub(super) fn hear(&mut self, begin: &str) -> (usize, String) {
        self.hear_where(begin, |_| true)
    }

    /// The same of one worker.
    pub(super) fn hear_from(&mut self, worker: usize, begin: &str) -> String {
        self.hear_where(begin, |speaker| speaker == worker).1
    }

    fn hear_where(&mut self, begin: &str, who: impl Fn(usize) -> bool) -> (usize, String) {
        let mut next = 0;
        loop {
            while let Some(line) = self.lines.get_mut(next) {
                if let Some(rest) = line.text.strip_prefix(begin).filter(|_| !line.heard && who(line.worker)) {
                    let heard = (line.worker, rest.trim_start().to_owned());
                    line.heard = true;
                    return heard;
                }
                next += 1;
            }
            let left = PATIENCE.saturating_sub(self.started.elapsed());
            let Ok((worker, text)) = self.spoken.recv_timeout(left) else {
                panic!("nobody says {begin:?} within {PATIENCE:?}");
            };
            self.lines.push(Line { worker, text, heard: false });
        }
    }

    /// Everything that was said and begins so, up to now.
    pub(super) fn said(&mut self, begin: &str) -> Vec<&str> {
        let spoken = self.spoken.try_iter().map(|(worker, text)| Line { worker, text, heard: false });
        self.lines.extend(spoken);
        self.lines.iter().map(|line| &*line.text).filter(|text| text.starts_with(begin)).collect()
    }

    /// Tells a worker to do something.
    pub(super) fn tell(&mut self, worker: usize, order: &Json) {
        let stdin = self.workers[worker].stdin.as_mut().expect("a pipe");
        writeln!(stdin, "{order}").expect("a worker that listens");
    }

    /// Has a worker call a function as its SDK does, here (`run`) or wherever there is a worker (`rpc`).
    pub(super) fn call(&mut self, worker: usize, how: &str, id: &str, func: &str, args: &Json) {
        self.tell(worker, &json!({"do": how, "id": id, "func": func, "args": args}));
    }

    /// What the call has returned, once it has.
    pub(super) fn result(&mut self, id: &str) -> Json {
        let (_, result) = self.hear(&format!("settled {id} "));
        serde_json::from_str(&result).unwrap_or_else(|why| panic!("no JSON ({why}): {result}"))
    }

    /// Lets a worker go on that said `held DOOR`.
    pub(super) fn open(&mut self, worker: usize, door: &str) {
        self.tell(worker, &json!({"do": "open", "id": door}));
    }

    /// Ends a worker at once.
    pub(super) fn kill(&mut self, worker: usize) {
        self.workers[worker].kill().expect("a worker that lives");
        self.workers[worker].wait().expect("a worker that ends");
    }

    /// Ends the server at once, as a power cut would.
    pub(super) fn kill_server(&mut self) {
        self.server.take().expect("a server").kill();
    }

    /// Starts it again on the same port and the same database.
    pub(super) fn restart_server(&mut self) {
        self.server = Some(Start::new("serve", &self.folder).flag("--server-port", &self.port.to_string()).serve());
    }

    /// The server's answer to a request on a connection of its own.
    pub(super) fn ask(&self, request: &Request) -> Answer {
        self.server.as_ref().expect("a server").ask(request)
    }

    /// The answer to a request of today's protocol: its status and its data.
    pub(super) fn request(&self, kind: &str, data: &Json) -> (u16, Json) {
        let request = json!({"kind": kind, "head": {"corrId": "test", "version": "2026-04-01"}, "data": data});
        let answer = self.ask(&Request::new("POST", "/").body(request.to_string().into_bytes()));
        (answer.status, answer.json()["data"].take())
    }

    /// The tasks in a state.
    fn tasks(&self, state: &str) -> Json {
        let (status, mut found) = self.request("task.search", &json!({"state": state, "limit": 1000}));
        assert_eq!(status, 200, "{found}");
        found["tasks"].take()
    }

    /// Looks at what is left when all calls have returned: no task that anybody would still be asked to run.
    pub(super) fn ends(self) {
        for state in ["pending", "acquired", "suspended", "halted"] {
            assert_eq!(self.tasks(state), json!([]), "{state}");
        }
    }

    fn told(&self) -> String {
        let mut told = String::new();
        for Line { worker, text, .. } in &self.lines {
            let _ = writeln!(told, "worker {worker} says: {text}");
        }
        for number in 0..self.workers.len() {
            let log = fs::read_to_string(self.folder.file(&format!("worker-{number}.log"))).unwrap_or_default();
            let _ = writeln!(told, "the log of worker {number}:\n{log}");
        }
        told
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // It may have ended already.
            let _ = worker.kill();
            let _ = worker.wait();
        }
        if std::thread::panicking() {
            println!("{}", self.told());
        }
    }
}
