//! Bodies that are too large, too slow or never end. What is not complete changes nothing.

use resonate_tests::folder::Folder;
use serde_json::json;

use super::child::{Server, Start};
use super::wire::Request;

const TIMEOUT: u64 = 2_524_608_000_000;

fn create(id: &str, payload_bytes: usize) -> Request {
    let asked = json!({"timeout": TIMEOUT, "param": {"data": "AAAA".repeat(payload_bytes / 4)}});
    Request::write(id, "create", "k", &asked)
}

/// The same request with its body in pieces, without saying its length before.
fn chunked(id: &str, request: &Request) -> Vec<u8> {
    let head = format!("POST /promises/{id}/create HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    let (bytes, length) = (request.bytes(), request.head().len());
    let mut chunked = head.into_bytes();
    for piece in bytes[length..].chunks(1000) {
        chunked.extend(format!("{:x}\r\n", piece.len()).bytes());
        chunked.extend(piece);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    chunked
}

#[test]
fn a_body_over_the_limit_is_refused_and_one_below_is_taken() {
    let folder = Folder::new();
    let server = Start::new("serve", &folder).flag("--server-body-limit", "10000").serve();
    for (id, payload_bytes, status) in [("below", 9_000, 201), ("above", 12_000, 413), ("far-above", 60_000, 413)] {
        let request = create(id, payload_bytes);
        for bytes in [request.bytes(), chunked(id, &request)] {
            let mut connection = server.connect();
            connection.write(&bytes).expect("a request");
            let answer = connection.answer().expect("an answer");
            let expected = if status == 201 && id == "below" { [201, 403] } else { [status, status] };
            assert!(expected.contains(&answer.status), "{id}: {}", answer.text());
            if status == 413 {
                assert!(answer.json()["error"].as_str().expect("why").contains("10000 bytes"), "{}", answer.text());
                assert_eq!(server.ask(&Request::get(&format!("/promises/{id}"))).status, 404);
            }
        }
    }
    server.stop();
}

#[test]
fn a_client_that_sends_far_too_much_still_reads_why() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let request = create("large", 16 << 20);
    for bytes in [request.bytes(), chunked("large", &request)] {
        let mut connection = server.connect();
        connection.write(&bytes).expect("the server reads what it does not keep, so that its answer is not lost");
        let answer = connection.answer().expect("an answer");
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert!(answer.json()["error"].is_string());
    }
    // Who asks before sending is told at once.
    let mut connection = server.connect();
    connection.write(&request.header("Expect", "100-continue").head()).expect("a head");
    assert_eq!(connection.answer().expect("an answer").status, 413);
    server.stop();
}

#[test]
fn slow_bodies_delay_nobody() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut slow = Vec::new();
    for number in 0..200 {
        let (request, mut connection) = (create(&format!("slow-{number}"), 100), server.connect());
        let bytes = request.bytes();
        connection.write(&bytes[..bytes.len() - 1]).expect("most of a request");
        slow.push(connection);
    }
    for number in 0..20 {
        assert_eq!(server.ask(&create(&format!("quick-{number}"), 100)).status, 201);
    }
    // The slow ones are served too, as soon as they are through.
    for mut connection in slow {
        connection.write(b"}").expect("the rest");
        assert_eq!(connection.answer().expect("an answer").status, 201);
    }
    server.stop();
}

#[test]
fn a_body_that_is_broken_off_changes_nothing() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    // Complete JSON, but shorter than announced: it must not be taken for the whole.
    let complete = json!({"timeout": TIMEOUT}).to_string();
    let announced = |id: &str, more: usize| {
        let (length, path) = (complete.len() + more, format!("/promises/{id}/create"));
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{complete}")
    };
    let mut finished = server.connect();
    finished.write(announced("finished", 1).as_bytes()).expect("a request");
    finished.finish();
    if let Ok(answer) = finished.answer() {
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    let mut gone = server.connect();
    gone.write(announced("gone", 1).as_bytes()).expect("a request");
    drop(gone);
    let mut chunks = server.connect();
    let head = "POST /promises/chunks/create HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    chunks.write(format!("{head}{:x}\r\n{complete}\r\n", complete.len()).as_bytes()).expect("a piece");
    chunks.finish();
    if let Ok(answer) = chunks.answer() {
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    // Once the server has finished everything, what it has not done it will not do.
    server.stop();
    let server = Server::start(&folder);
    for id in ["finished", "gone", "chunks"] {
        assert_eq!(server.ask(&Request::get(&format!("/promises/{id}"))).status, 404, "{id}");
    }
    server.stop();
}
