//! The requests themselves, against listeners that behave in all the ways.

use std::sync::Arc;
use std::time::{Duration, Instant};

use resonate_core::wire::envelope::print_message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::client::Client;
use super::super::{Carrier, Failure};
use super::execute;
use crate::config::HttpPushConfig;

const SERVER: &str = "http://server:8001";
const REQUEST_TIMEOUT: Duration = Duration::from_millis(500);

fn config(auth: &serde_json::Value) -> HttpPushConfig {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap();
    serde_json::from_value(serde_json::json!({
        "enabled": true, "concurrency": 4, "connect_timeout": 400, "request_timeout": millis(REQUEST_TIMEOUT), "auth": auth,
    }))
    .expect("a configuration")
}

fn no_auth() -> serde_json::Value {
    serde_json::json!({"mode": "none", "token": null, "header": "Authorization"})
}

fn client(auth: &serde_json::Value) -> Arc<Client> {
    Arc::new(Client::new(&config(auth), SERVER.into()).expect("a client"))
}

/// What a listener does with a request.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers this.
    Answers(&'static str),
    /// Answers this, and never ends the body.
    Drips(&'static str),
    /// Takes the request and says nothing.
    Hangs,
    /// Takes the request and resets the connection.
    Resets,
}

/// A listener; its requests come as text, with the number of the connection that they came on.
async fn listen(manner: Manner) -> (String, UnboundedReceiver<(usize, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let place = listener.local_addr().expect("an address").to_string();
    let (sender, requests) = unbounded_channel();
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let sender = sender.clone();
            tokio::spawn(async move {
                while let Some(request) = read_request(&mut stream).await {
                    let _ = sender.send((connection, request));
                    match manner {
                        Manner::Answers(answer) => stream.write_all(answer.as_bytes()).await.expect("written"),
                        Manner::Drips(head) => {
                            stream.write_all(head.as_bytes()).await.expect("written");
                            while stream.write_all(b".").await.is_ok() {
                                tokio::time::sleep(Duration::from_millis(20)).await;
                            }
                        }
                        Manner::Hangs => std::future::pending().await,
                        Manner::Resets => {
                            stream.set_zero_linger().expect("a socket");
                            return;
                        }
                    }
                }
            });
        }
    });
    (place, requests)
}

/// One request, head and body.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        // The greeting of TLS is no text: whoever sends it is hung up on.
        text.push_str(std::str::from_utf8(&buffer[..read]).ok()?);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if body.len() >= length.map_or(0, |length| length.parse().expect("a length")) {
            return Some(text);
        }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_message_is_posted_as_it_is_printed() {
    let (place, mut requests) = listen(Manner::Answers(OK)).await;
    let delivery = execute("a", 3, &format!("{place}/run/it?x=1#y"));
    client(&no_auth()).carry(delivery.clone(), false).await.expect("delivered");
    let (_, request) = requests.recv().await.expect("a request");
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /run/it?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(!head.to_lowercase().contains("authorization"), "{head}");
    assert_eq!(body.as_bytes(), print_message(&delivery.message, Some(SERVER)));
    assert_eq!(
        body,
        r#"{"kind":"execute","head":{"serverUrl":"http://server:8001"},"data":{"task":{"id":"a","version":3}}}"#
    );
}

#[tokio::test]
async fn the_token_goes_into_the_header_of_the_settings() {
    for header in ["Authorization", "X-Worker-Token"] {
        let (place, mut requests) = listen(Manner::Answers(OK)).await;
        let client = client(&serde_json::json!({"mode": "bearer", "token": "s3cret", "header": header}));
        // What the URL says about credentials does not stand beside the token.
        client.carry(execute("a", 0, &format!("u:p@{place}")), false).await.expect("delivered");
        let head = requests.recv().await.expect("a request").1.to_lowercase();
        assert_eq!(head.matches(&format!("\r\n{}: bearer s3cret\r\n", header.to_lowercase())).count(), 1, "{head}");
        assert_eq!(head.matches("\r\nauthorization:").count(), 1, "{head}");
    }
    for (header, token) in [("not a header", "x"), ("Authorization", "a\nb")] {
        let auth = serde_json::json!({"mode": "bearer", "token": token, "header": header});
        let why = Client::new(&config(&auth), SERVER.into()).map(|_| ()).unwrap_err();
        assert!(why.starts_with("transports.http_push.auth."), "{why}");
    }
}

#[tokio::test]
async fn any_2xx_means_delivered() {
    for answer in [OK, "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"] {
        let (place, _requests) = listen(Manner::Answers(answer)).await;
        assert!(client(&no_auth()).carry(execute("a", 0, &place), true).await.is_ok(), "{answer}");
    }
}

#[tokio::test]
async fn any_other_answer_means_failed_and_redirects_are_not_followed() {
    let (elsewhere, mut strays) = listen(Manner::Answers(OK)).await;
    for status in [301, 302, 303, 307, 308, 400, 404, 429, 500, 503] {
        let answer = format!("HTTP/1.1 {status} X\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
        let (place, _requests) = listen(Manner::Answers(answer.leak())).await;
        let went = client(&no_auth()).carry(execute("a", 0, &place), false).await;
        assert!(matches!(&went, Err(Failure::Status(found)) if found.as_u16() == status), "{went:?}");
    }
    assert!(strays.try_recv().is_err(), "a redirect was followed");
}

#[tokio::test]
async fn no_answer_means_failed_and_says_why_without_the_address() {
    let (hanging, _requests) = listen(Manner::Hangs).await;
    let (resetting, _requests) = listen(Manner::Resets).await;
    let (garbled, _requests) = listen(Manner::Answers("no http at all\r\n\r\n")).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let cases = [
        ("http", hanging, "no answer in time"),
        ("http", resetting, "no answer: "),
        ("http", garbled.clone(), "no answer: "),
        ("http", closed, "refused"),
        // Not the client of a TLS server.
        ("https", garbled, "no answer: "),
    ];
    for (scheme, place, expected) in cases {
        let mut delivery = execute("a", 0, "x");
        delivery.address = format!("{scheme}://user:word@{place}/path?key=word").try_into().unwrap();
        let started = Instant::now();
        let why = client(&no_auth()).carry(delivery, false).await.expect_err("a failure").to_string();
        assert!(why.contains(expected) && !why.contains("word") && !why.contains("path"), "{why}");
        assert!(started.elapsed() < 20 * REQUEST_TIMEOUT);
    }
}

#[tokio::test]
async fn an_address_that_is_no_url_means_failed() {
    for place in ["[::1", "a%zz"] {
        let went = client(&no_auth()).carry(execute("a", 0, place), false).await;
        assert!(matches!(went, Err(Failure::Address)), "{place}: {went:?}");
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_delivered_all_the_same() {
    for head in ["HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        for keep in [false, true] {
            let (place, _requests) = listen(Manner::Drips(head)).await;
            client(&no_auth()).carry(execute("a", 0, &place), keep).await.expect("delivered");
        }
    }
}

#[tokio::test]
async fn a_connection_serves_the_next_message_when_it_may_be_kept() {
    let (place, mut requests) = listen(Manner::Answers(OK)).await;
    let client = client(&no_auth());
    for keep in [false, true, true, true] {
        Arc::clone(&client).carry(execute("a", 0, &place), keep).await.expect("delivered");
        // The connection goes back to the pool in a task of its own.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let connections: Vec<usize> = std::iter::from_fn(|| requests.try_recv().ok()).map(|(number, _)| number).collect();
    assert_eq!(connections, [0, 1, 1, 1]);
}
