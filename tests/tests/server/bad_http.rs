//! Heads of requests that are wrong, hostile or in a hurry. Each is answered or cut off, and nobody else notices.

use resonate_tests::folder::Folder;
use serde_json::json;

use super::child::Server;
use super::wire::{Answer, Connection, Request};

/// Somebody else, who is served all the time.
fn others_are_served(server: &Server, neighbour: &mut Connection) {
    for connection in [neighbour, &mut server.connect()] {
        let answer = connection.send(&Request::get("/promises/neighbour")).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

fn with_neighbour(server: &Server) -> Connection {
    let mut neighbour = server.connect();
    let asked = json!({"timeout": 2_524_608_000_000_u64});
    assert_eq!(neighbour.send(&Request::write("neighbour", "create", "k", &asked)).expect("an answer").status, 201);
    neighbour
}

/// What comes back for bytes that are no request: an answer, or nothing where the server hangs up.
fn answer_to(server: &Server, bytes: &[u8]) -> Option<Answer> {
    let mut connection = server.connect();
    // The server may hang up before it has read everything.
    let _ = connection.write(bytes);
    let answer = connection.answer().ok();
    assert!(connection.ends(), "the connection stays open behind bytes that are no request");
    answer
}

#[test]
fn heads_beyond_the_bounds_are_refused_and_harm_nobody() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut neighbour = with_neighbour(&server);
    let many: String = (0..1000).map(|number| format!("X-{number}: a\r\n")).collect();
    // The bound holds for what is read before the head is complete: one read may go beyond it, but not this far.
    let long = format!("X-Long: {}\r\n", "a".repeat(512 << 10));
    let endless = format!("X-Endless: {}", "a".repeat(4 << 20));
    for lines in [many, long, endless] {
        let bytes = format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n");
        if let Some(answer) = answer_to(&server, bytes.as_bytes()) {
            assert_eq!(answer.status, 431, "{}", answer.text());
        }
        others_are_served(&server, &mut neighbour);
    }
    let path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(512 << 10));
    if let Some(answer) = answer_to(&server, path.as_bytes()) {
        assert!([414, 431].contains(&answer.status), "{}", answer.status);
    }
    others_are_served(&server, &mut neighbour);
    server.stop();
}

#[test]
fn garbage_is_refused_and_harms_nobody() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut neighbour = with_neighbour(&server);
    let garbage: [&[u8]; 7] = [
        b"what is this\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a greeting in TLS\r\n\r\n",
        b"GET /health HTTP/1.1\r\nno colon here\r\n\r\n",
        b"POST /promises/a/create HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /promises/a/create HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n",
    ];
    for bytes in garbage {
        if let Some(answer) = answer_to(&server, bytes) {
            assert!([400, 505].contains(&answer.status), "{}: {}", bytes.escape_ascii(), answer.status);
        }
        others_are_served(&server, &mut neighbour);
    }
    assert_eq!(server.ask(&Request::get("/promises/a")).status, 404);
    server.stop();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let asked = json!({"timeout": 2_524_608_000_000_u64});
    let of_each = |number: usize| {
        let id = format!("p{number}");
        let (create, read) = (Request::write(&id, "create", "k", &asked), Request::get(&format!("/promises/{id}")));
        [create, read, Request::get(&format!("/nowhere/{number}"))]
    };
    let requests: Vec<Request> = (0..100).flat_map(of_each).collect();
    let answers = server.connect().pipeline(&requests).expect("answers");
    for (number, answers) in answers.chunks(3).enumerate() {
        let [created, read, nowhere] = answers else { panic!("three answers each") };
        assert_eq!((created.status, read.status, nowhere.status), (201, 200, 404));
        assert_eq!(created.json()["id"], format!("p{number}"));
        assert_eq!(created.body, read.body);
        assert!(nowhere.text().contains(&format!("/nowhere/{number}")), "{}", nowhere.text());
    }
    server.stop();
}

#[test]
fn other_methods_are_told_which_one_is_right() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut connection = with_neighbour(&server);
    let paths = [
        ("/promises", "GET"),
        ("/promises/neighbour", "GET"),
        ("/promises/neighbour/create", "POST"),
        ("/promises/neighbour/cancel", "POST"),
        ("/health", "GET"),
        ("/ready", "GET"),
    ];
    for (path, right) in paths {
        for method in ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "GET", "POST"] {
            // Whoever answers GET at the paths of the server itself answers HEAD too.
            if method == right || (method == "HEAD" && ["/health", "/ready"].contains(&path)) {
                continue;
            }
            let answer = connection.send(&Request::new(method, path)).expect("an answer");
            assert_eq!(answer.status, 405, "{method} {path}");
            let allowed = answer.header("allow").unwrap_or_else(|| panic!("{method} {path} without Allow"));
            assert!(allowed.split(',').any(|allowed| allowed.trim() == right), "{method} {path}: {allowed}");
            if method != "HEAD" {
                assert!(answer.json()["error"].is_string(), "{method} {path}: {}", answer.text());
            }
        }
    }
    assert_eq!(connection.send(&Request::get("/promises/neighbour")).expect("an answer").json()["state"], "PENDING");
    server.stop();
}

#[test]
fn every_answer_with_a_body_is_json_and_says_so() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut connection = with_neighbour(&server);
    let asked = json!({"timeout": 2_524_608_000_000_u64});
    let requests = [
        (Request::get("/"), 405),
        (Request::get("/nowhere"), 404),
        (Request::get("/promises/neighbour/nowhere"), 404),
        (Request::get("/promises/nobody"), 404),
        (Request::get("/promises/%ff"), 400),
        (Request::get("/promises/"), 400),
        (Request::get("/promises"), 400),
        (Request::get("/promises?q=*"), 200),
        (Request::get("/promises/neighbour"), 200),
        (Request::write("neighbour", "create", "k", &asked), 200),
        (Request::write("neighbour", "create", "l", &asked), 403),
        (Request::write("new", "create", "k", &json!([])), 400),
        (Request::write("new", "create", "k", &asked).header("Strict", "perhaps"), 400),
        (Request::write("nobody", "resolve", "k", &json!({})), 404),
    ];
    for (request, status) in requests {
        let answer = connection.send(&request).expect("an answer");
        // The content type and the JSON are looked at there.
        let body = answer.json();
        assert_eq!(answer.status, status, "{body}");
        assert!(status < 400 || body["error"].is_string() || body.is_null() || body["id"].is_string(), "{body}");
    }
    assert_eq!(connection.send(&Request::get("/promises/new")).expect("an answer").status, 404);
    server.stop();
}
