//! Asked to stop, the server finishes what it has begun, waits for nobody longer than it was told, and says that all went well.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use fastrand::Rng;
use resonate_tests::folder::Folder;
use rustix::process::Signal;
use serde_json::json;

use super::child::{Server, Start};
use super::load::{self, Ended, Load, SELDOM};
use super::wire::{Connection, Request};
use super::{eventually, seed};

const CLIENTS: usize = 8;

fn stops_under_load(signal: Signal) {
    let mut rng = Rng::with_seed(seed());
    let folder = Folder::new();
    let mut server = Server::start(&folder);
    let load = Load::start(&server, "load", CLIENTS, SELDOM, &mut rng);
    let busy = |metrics: &str| metrics.lines().any(|line| line.starts_with("resonate_batch_requests_count "));
    eventually("the load runs", || {
        let answer = Connection::open(server.metrics).and_then(|mut open| open.send(&Request::get("/metrics")));
        busy(&answer.ok()?.text()).then_some(())
    });
    std::thread::sleep(Duration::from_millis(rng.u64(100..300)));
    server.signal(signal);
    let status = server.wait();
    assert_eq!(status.code(), Some(0), "{status}:\n{}", server.log());
    assert!(!server.log().contains("cut off"), "{}", server.log());

    let (written, errors) = load.join();
    for error in errors {
        assert_ne!(error.kind(), ErrorKind::InvalidData, "an answer broke off: {error}");
    }
    let acknowledged: usize = written.iter().map(load::Written::acknowledged).sum();
    assert!(acknowledged > CLIENTS, "only {acknowledged} writes: this has tested nothing");
    let server = Server::start(&folder);
    load::check(&server, &written, Ended::InOrder);
    server.stop();
}

#[test]
fn sigterm_under_load_loses_no_answer() {
    stops_under_load(Signal::TERM);
}

#[test]
fn sigint_under_load_loses_no_answer() {
    stops_under_load(Signal::INT);
}

/// Waits until nobody can connect any more, which is when the server has understood.
fn stops_listening(server: &Server) {
    eventually("the port closes", || Connection::open(server.http).is_err().then_some(()));
}

#[test]
fn a_request_under_way_is_finished_and_kept() {
    let folder = Folder::new();
    let mut server = Server::start(&folder);
    let request = Request::write("foo", "create", "k", &json!({"timeout": 2_524_608_000_000_u64}));
    let (bytes, mut connection) = (request.bytes(), server.connect());
    let (begun, rest) = bytes[request.head().len()..].split_at(5);
    // The go-ahead shows that the server has begun to read the body.
    connection.write(&request.header("Expect", "100-continue").head()).expect("a head");
    assert_eq!(connection.answer().expect("a go-ahead").status, 100);
    connection.write(begun).expect("the begin of a body");
    server.signal(Signal::TERM);
    stops_listening(&server);
    connection.write(rest).expect("the rest of it");
    let answer = connection.answer().expect("an answer");
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(connection.ends());
    assert_eq!(server.wait().code(), Some(0));

    let server = Server::start(&folder);
    assert_eq!(server.ask(&Request::get("/promises/foo")).json(), answer.json());
    server.stop();
}

#[test]
fn idle_connections_do_not_hold_the_stop() {
    let folder = Folder::new();
    // So long that a server that waits for them fails this test by its patience.
    let mut server = Start::new("serve", &folder).flag("--server-shutdown-timeout", "600000").serve();
    let _silent: Vec<Connection> =
        [server.http, server.grpc, server.metrics].map(|port| Connection::open(port).expect("a connection")).into();
    let mut used = server.connect();
    used.send(&Request::get("/health")).expect("an answer");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(used.ends());
}

#[test]
fn half_sent_requests_hold_the_stop_no_longer_than_they_may() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    let folder = Folder::new();
    let mut server =
        Start::new("serve", &folder).flag("--server-shutdown-timeout", &TIMEOUT.as_millis().to_string()).serve();
    let request = Request::write("half", "create", "k", &json!({"timeout": 2_524_608_000_000_u64}));
    let bytes = request.bytes();
    let mut halves = Vec::new();
    // Within the request line, within the head, within the body.
    for length in [7, request.head().len() - 1, bytes.len() - 1] {
        let mut connection = server.connect();
        connection.write(&bytes[..length]).expect("half a request");
        halves.push(connection);
    }
    let mut grpc = Connection::open(server.grpc).expect("a connection");
    grpc.write(b"PRI * HTTP/2.0").expect("half a preface");
    server.signal(Signal::TERM);
    let started = Instant::now();
    assert_eq!(server.wait().code(), Some(0));
    assert!(started.elapsed() < TIMEOUT + Duration::from_secs(5), "{:?}", started.elapsed());

    let server = Server::start(&folder);
    assert_eq!(server.ask(&Request::get("/promises/half")).status, 404);
    server.stop();
}
