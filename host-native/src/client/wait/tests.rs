//! A wait against a server that does as it is told: what is asked in which order, and what happens when connections end.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;

/// A server with one promise, `foo`.
#[derive(Clone, Default)]
struct Fake {
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    state: Option<&'static str>,
    /// What was asked, in order.
    asked: Vec<String>,
    /// The token that must come with everything.
    token: Option<&'static str>,
    /// The open stream.
    stream: Option<mpsc::UnboundedSender<String>>,
    /// What opening a stream is answered instead.
    refusal: Option<(StatusCode, &'static str)>,
}

fn promise(state: &str) -> Json {
    let settled = if state == "pending" { json!({}) } else { json!({"settledAt": 2}) };
    let mut promise =
        json!({"id": "foo", "state": state, "param": {}, "value": {}, "tags": {}, "timeoutAt": 9, "createdAt": 1});
    promise.as_object_mut().unwrap().extend(settled.as_object().unwrap().clone());
    promise
}

async fn answer(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> String {
    let request: Json = serde_json::from_slice(&body).unwrap();
    let kind = request["kind"].as_str().unwrap().to_owned();
    let mut world = fake.world.lock().unwrap();
    world.check(&headers);
    let head = |status| json!({"corrId": request["head"]["corrId"], "status": status, "version": "2026-04-01"});
    let told = match world.state {
        None => json!({"kind": kind, "head": head(404), "data": "promise not found"}),
        Some(state) => json!({"kind": kind, "head": head(200), "data": {"promise": promise(state)}}),
    };
    world.asked.push(kind);
    told.to_string()
}

async fn connect(State(fake): State<Fake>, headers: HeaderMap) -> Response {
    let mut world = fake.world.lock().unwrap();
    world.check(&headers);
    world.asked.push("poll".to_owned());
    if let Some((status, body)) = world.refusal {
        return (status, body).into_response();
    }
    let (sender, receiver) = mpsc::unbounded_channel();
    world.stream = Some(sender);
    let lines = UnboundedReceiverStream::new(receiver).map(Ok::<_, std::convert::Infallible>);
    Response::new(Body::from_stream(lines))
}

impl World {
    fn check(&self, headers: &HeaderMap) {
        let found = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(found, self.token.map(|token| format!("Bearer {token}")));
    }
}

impl Fake {
    async fn start(state: Option<&'static str>) -> (Self, Client) {
        Self::start_for(state, None).await
    }

    async fn start_for(state: Option<&'static str>, token: Option<&'static str>) -> (Self, Client) {
        let fake = Self::default();
        fake.world.lock().unwrap().token = token;
        fake.world.lock().unwrap().state = state;
        let app =
            Router::new().route("/", post(answer)).route("/poll/{group}/{id}", get(connect)).with_state(fake.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client =
            Client::new(&format!("http://{}", listener.local_addr().unwrap()), token.map(str::to_owned)).unwrap();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = TowerToHyperService::new(app.clone());
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
            }
        });
        (fake, client)
    }

    /// Sends a line to whoever listens.
    fn send(&self, line: &str) {
        self.world.lock().unwrap().stream.as_ref().unwrap().send(line.to_owned()).unwrap();
    }

    fn asked(&self) -> Vec<String> {
        self.world.lock().unwrap().asked.clone()
    }
}

fn state(answer: &Answer) -> &str {
    answer.data["promise"]["state"].as_str().unwrap()
}

#[tokio::test]
async fn what_is_settled_already_is_answered_without_a_stream() {
    let (fake, client) = Fake::start(Some("rejected")).await;
    assert_eq!(state(&client.settled("foo", |_| ()).await.unwrap()), "rejected");
    assert_eq!(fake.asked(), ["promise.get"]);
}

#[tokio::test]
async fn the_message_ends_the_wait_and_nothing_is_asked_meanwhile() {
    let (fake, client) = Fake::start(Some("pending")).await;
    let told = fake.clone();
    let watch = move |progress| {
        assert!(matches!(progress, Progress::Listening(_)));
        told.send(": keep-alive\n\n");
        told.send("data: {\"kind\":\"execute\",\"head\":{},\"data\":{\"task\":{\"id\":\"foo\",\"version\":0}}}\n\n");
        told.send(&format!(
            "data: {}\n\n",
            json!({"kind": "unblock", "head": {}, "data": {"promise": {"id": "other"}}})
        ));
        let unblock = json!({"kind": "unblock", "head": {}, "data": {"promise": promise("resolved")}});
        told.send(&format!("data: {unblock}\n\n"));
    };
    assert_eq!(state(&client.settled("foo", watch).await.unwrap()), "resolved");
    assert_eq!(fake.asked(), ["promise.get", "poll", REGISTER]);
}

#[tokio::test]
async fn a_connection_that_ends_is_opened_again_and_what_was_missed_is_found() {
    let (fake, client) = Fake::start(Some("pending")).await;
    let told = fake.clone();
    let watch = move |_| {
        let mut world = told.world.lock().unwrap();
        // Settled while nobody is connected: there will be no message.
        world.stream = None;
        if world.asked.len() > 3 {
            world.state = Some("resolved");
        }
    };
    assert_eq!(state(&client.settled("foo", watch).await.unwrap()), "resolved");
    assert_eq!(fake.asked(), ["promise.get", "poll", REGISTER, "promise.get", "poll", REGISTER, "promise.get"]);
}

#[tokio::test]
async fn what_no_other_attempt_would_cure_ends_the_wait() {
    let (_, client) = Fake::start(None).await;
    assert!(matches!(client.settled("foo", |_| ()).await, Err(Error::Refused { status: 404, .. })));
    let (fake, client) = Fake::start(Some("pending")).await;
    fake.world.lock().unwrap().refusal = Some((StatusCode::NOT_FOUND, "{\"error\": \"switched off\"}"));
    let refused = client.settled("foo", |_| ()).await.unwrap_err();
    assert_eq!(refused, Error::NoStream { status: 404, why: "switched off".to_owned() });
    fake.world.lock().unwrap().refusal = Some((StatusCode::NOT_FOUND, "<html>"));
    assert!(matches!(client.settled("foo", |_| ()).await, Err(Error::Foreign { status: 404, .. })));
}

#[tokio::test]
async fn the_token_comes_with_everything() {
    let (fake, client) = Fake::start_for(Some("pending"), Some("jwt")).await;
    let told = fake.clone();
    let unblock = json!({"kind": "unblock", "head": {}, "data": {"promise": promise("resolved")}});
    let answer = client.settled("foo", move |_| told.send(&format!("data: {unblock}\n\n"))).await.unwrap();
    assert_eq!(state(&answer), "resolved");
    assert_eq!(fake.asked(), ["promise.get", "poll", REGISTER]);
}

#[tokio::test]
async fn a_wait_may_be_bounded() {
    let (_, client) = Fake::start(Some("pending")).await;
    let waited = settled_within(&client, "foo", Some(Duration::ZERO), |_| ()).await;
    assert_eq!(waited, Ok(None));
}
