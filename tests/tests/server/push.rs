//! Messages reach URLs: by POST, again after a failure, and whatever other targets do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::child::Start;
use super::metrics::Exposition;
use super::{FAR, PATIENCE, eventually};

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

/// One POST as it came.
pub(crate) struct Post {
    head: String,
    pub(crate) body: Json,
    at: Instant,
}

/// A listener of the test, which ends with the process.
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) posts: Receiver<Post>,
}

impl Target {
    /// Answers with these, one after the other, and with the last one from then on. Without any it never answers.
    pub(crate) fn answering(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let (sender, posts) = channel();
        thread::spawn(move || {
            let mut answers = answers.into_iter();
            let mut answer = answers.next();
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                if !take(&mut stream, &sender) {
                    return;
                }
                match &answer {
                    // Dropped, so that each request is a connection of its own.
                    Some(text) => drop(stream.write_all(text.as_bytes())),
                    None => silent.push(stream),
                }
                answer = answers.next().or(answer);
            }
        });
        Self { url, posts }
    }

    pub(crate) fn next(&self) -> Post {
        self.posts.recv_timeout(PATIENCE).expect("a message")
    }

    /// The task of the next message.
    fn next_task(&self) -> String {
        let body = self.next().body;
        body["data"]["task"]["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }
}

/// Takes one request; whether anybody listens for more.
fn take(stream: &mut TcpStream, sender: &Sender<Post>) -> bool {
    let (mut text, mut buffer) = (String::new(), [0; 16 << 10]);
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    loop {
        let length = stream.read(&mut buffer).unwrap_or(0);
        if length == 0 {
            // Connected, and changed its mind.
            return true;
        }
        text.push_str(std::str::from_utf8(&buffer[..length]).expect("UTF-8"));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        if let Ok(body) = serde_json::from_str(body) {
            return sender.send(Post { head: head.to_owned(), body, at: Instant::now() }).is_ok();
        }
    }
}

#[test]
fn an_execute_is_posted_to_the_target_and_an_unblock_to_the_listener() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder)
        .flag("--server-url", "https://resonate.example")
        .flag("--transports-http-push-auth-mode", "bearer")
        .flag("--transports-http-push-auth-token", "s3cret")
        .serve();
    let worker = Target::answering(vec![OK.into()]);
    server.create_task("foo", &worker.url);
    let Post { head, body, at: _ } = worker.next();
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    assert!(head.contains("\r\nauthorization: bearer s3cret\r\n"), "{head}");
    let message = json!({"kind": "execute", "head": {"serverUrl": "https://resonate.example"},
        "data": {"task": {"id": "foo", "version": 0}}});
    assert_eq!(body, message);

    let listener = Target::answering(vec![OK.into()]);
    server.call("promise.register_listener", &json!({"awaited": "foo", "address": listener.url}));
    let settled = server.call("promise.settle", &json!({"id": "foo", "state": "resolved", "value": {"data": "1"}}));
    assert_eq!(listener.next().body, json!({"kind": "unblock", "head": {}, "data": settled}));
    server.stop();
}

#[test]
fn what_failed_is_delivered_again_after_a_backoff_and_what_arrived_is_not() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).serve();
    let listener = Target::answering(vec![ERROR.into(), ERROR.into(), OK.into()]);
    server.call("promise.create", &json!({"id": "foo", "timeoutAt": FAR}));
    server.call("promise.register_listener", &json!({"awaited": "foo", "address": listener.url}));
    server.call("promise.settle", &json!({"id": "foo", "state": "resolved"}));
    let [first, second, third] = [listener.next(), listener.next(), listener.next()];
    assert!(first.body == second.body && second.body == third.body);
    // 1 s and 2 s, less a quarter for jitter.
    assert!(second.at - first.at >= Duration::from_millis(700), "{:?}", second.at - first.at);
    assert!(third.at - second.at >= Duration::from_millis(1400), "{:?}", third.at - second.at);
    let deliveries =
        |status| Exposition::of(&server).value(&format!("resonate_deliveries_total{{status=\"{status}\"}}"));
    eventually("the delivery is reported", || (deliveries("delivered") == 1.0).then_some(()));
    assert_eq!(deliveries("failed"), 2.0);
    assert!(listener.posts.try_recv().is_err(), "it had arrived");
    server.stop();
}

#[test]
fn a_redirect_is_not_followed() {
    let folder = Folder::new();
    let server = Start::new("dev", &folder).serve();
    let elsewhere = Target::answering(vec![OK.into()]);
    let redirect =
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url);
    let worker = Target::answering(vec![redirect]);
    server.create_task("foo", &worker.url);
    assert_eq!((worker.next_task(), worker.next_task()), ("foo".to_owned(), "foo".to_owned()));
    assert!(elsewhere.posts.try_recv().is_err(), "the redirect was followed");
    server.stop();
}

/// Hanging targets hold every slot that they may, and a live one is served beside them; none of them keeps the server from stopping.
#[test]
fn targets_that_hang_do_not_delay_another() {
    const HANGING: usize = 12;
    let folder = Folder::new();
    let server = Start::new("dev", &folder).flag("--transports-http-push-concurrency", "8").serve();
    let hanging: Vec<Target> = (0..HANGING).map(|_| Target::answering(Vec::new())).collect();
    let live = Target::answering(vec![OK.into()]);
    for (number, target) in hanging.iter().enumerate() {
        for message in 0..4 {
            server.create_task(&format!("hang {number} {message}"), &target.url);
        }
    }
    hanging[0].next();
    for number in 0..5 {
        let started = Instant::now();
        server.create_task(&format!("live {number}"), &live.url);
        while live.next_task() != format!("live {number}") {}
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
    let started = Instant::now();
    server.stop();
    assert!(started.elapsed() < Duration::from_secs(5), "requests under way delay the end");
}
