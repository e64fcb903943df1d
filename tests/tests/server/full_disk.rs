//! A disk without room, which a limit on the size of the running server's files stands for: writes are refused, the rest goes on, and writes
//! come back with the room.

use resonate_tests::folder::Folder;
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::{Value as Json, json};

use super::child::Server;
use super::load::read;
use super::wire::{Answer, Request};
use super::{PATIENCE, eventually};

/// Writes until the room is used up at the latest.
const WRITES_MAX: usize = 2000;

fn set_file_limit(server: &Server, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(server.pid()), Resource::Fsize, limit).expect("a limit of an own child");
}

/// The largest file of a folder.
fn largest(folder: &Folder) -> u64 {
    let files = std::fs::read_dir(folder.path()).expect("a folder");
    files.map(|file| file.expect("a file").metadata().expect("a size").len()).max().expect("a file")
}

fn create(server: &Server, id: &str) -> Answer {
    let asked = json!({"timeout": 2_524_608_000_000_u64, "param": {"data": "AAAA".repeat(1000)}});
    server.ask(&Request::write(id, "create", "k", &asked))
}

/// Creates promises until one is refused. The acknowledged ones, and the refusal.
fn fill(server: &Server, name: &str) -> (Vec<(String, Json)>, Answer) {
    let mut written = Vec::new();
    for number in 0..WRITES_MAX {
        let id = format!("{name}-{number}");
        let answer = create(server, &id);
        if answer.status != 201 {
            return (written, answer);
        }
        written.push((id, answer.json()));
    }
    panic!("{WRITES_MAX} writes had room");
}

fn all_are_there(server: &Server, written: &[(String, Json)]) {
    let found = read(server, written.iter().map(|(id, _)| &**id));
    for ((id, promise), found) in written.iter().zip(found) {
        assert_eq!(found.as_ref(), Some(promise), "{id}");
    }
}

fn is_a_503(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.json()["error"].is_string(), "{}", answer.text());
    assert!(answer.header("retry-after").is_some(), "no Retry-After: {answer:?}");
}

#[test]
fn without_room_writes_are_refused_until_there_is_room_again() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    assert_eq!(create(&server, "before").status, 201);
    set_file_limit(&server, Some(largest(&folder) + (100 << 10)));
    let mut written = Vec::new();
    // Side by side, so that they share batches, and with them their failure.
    std::thread::scope(|scope| {
        let fill = |client: usize| {
            scope.spawn({
                let server = &server;
                move || fill(server, &format!("full-{client}"))
            })
        };
        for client in (0..4).map(fill).collect::<Vec<_>>() {
            let (theirs, refusal) = client.join().expect("a client that does not panic");
            is_a_503(&refusal);
            written.extend(theirs);
        }
    });
    assert!(!written.is_empty());
    for number in 0..20 {
        is_a_503(&create(&server, &format!("refused-{number}")));
    }
    assert_eq!(server.ask(&Request::get("/health")).status, 200);
    is_a_503(&server.ask(&Request::get("/ready")));
    all_are_there(&server, &written);
    let page = server.ask(&Request::get("/promises?q=full-*&limit=2"));
    assert_eq!((page.status, page.json()["promises"].as_array().map(Vec::len)), (200, Some(2)));

    set_file_limit(&server, None);
    // Nobody writes: a proxy that goes by this answer sends nothing before it is 200 again.
    eventually("the server is ready", || (server.ask(&Request::get("/ready")).status == 200).then_some(()));
    let after = create(&server, "after");
    assert_eq!(after.status, 201, "{}", after.text());
    all_are_there(&server, &written);
    server.kill();

    let server = Server::start(&folder);
    all_are_there(&server, &written);
    all_are_there(&server, &[("after".to_owned(), after.json())]);
    let refused = (0..20).map(|number| format!("refused-{number}")).collect::<Vec<_>>();
    assert!(read(&server, refused.iter().map(|id| &**id)).iter().all(Option::is_none), "a refused write took effect");
    server.stop();
}

#[test]
fn writes_that_are_tried_again_succeed_as_soon_as_there_is_room() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    set_file_limit(&server, Some(largest(&folder) + (50 << 10)));
    let (written, refusal) = fill(&server, "full");
    is_a_503(&refusal);
    set_file_limit(&server, None);
    let again = format!("full-{}", written.len());
    let started = std::time::Instant::now();
    // The first one meets a connection that is not trusted any more, which is opened anew for it.
    assert_eq!(create(&server, &again).status, 201);
    assert!(started.elapsed() < PATIENCE);
    assert_eq!(server.ask(&Request::get("/ready")).status, 200);
    all_are_there(&server, &written);
    server.stop();
}

#[test]
fn deadlines_that_pass_without_room_are_kept_once_there_is_room() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let timeout = super::now_millis() + 600;
    let created = server.ask(&Request::write("foo", "create", "k", &json!({"timeout": timeout})));
    assert_eq!(created.json()["state"], "PENDING");
    set_file_limit(&server, Some(0));
    eventually("the deadline passes", || {
        (super::metrics::Exposition::of(&server).value("resonate_store_errors_total") > 0.0).then_some(())
    });
    assert_eq!(server.ask(&Request::get("/health")).status, 200);
    set_file_limit(&server, None);
    let promise = eventually("the deadline is kept", || {
        let answer = server.ask(&Request::get("/promises/foo"));
        (answer.status == 200).then(|| answer.json())
    });
    assert_eq!((&promise["state"], &promise["completedOn"]), (&json!("REJECTED_TIMEDOUT"), &json!(timeout)));
    server.stop();
}
