//! Both edges of the binary show the same promises, and gRPC tells who asks what it is.

use resonate_proto::promise::promise_service_client::PromiseServiceClient;
use resonate_proto::promise::{
    CreatePromiseRequest, ReadPromiseRequest, ResolvePromiseRequest, SearchPromisesRequest, State, Status, Value,
};
use resonate_tests::folder::Folder;
use serde_json::json;
use tokio::runtime;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::child::{Server, Start};
use super::wire::Request;

const TIMEOUT: i64 = 2_524_608_000_000;

pub(super) fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

pub(super) async fn channel(server: &Server) -> Channel {
    let endpoint = Endpoint::try_from(format!("http://127.0.0.1:{}", server.grpc)).expect("an address");
    endpoint.connect().await.expect("a connection")
}

#[test]
fn a_promise_of_grpc_is_a_promise_of_http() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    on_runtime(async {
        let mut client = PromiseServiceClient::new(channel(&server).await);
        let param = Value { headers: [("a".to_owned(), "b".to_owned())].into(), data: b"foo".to_vec() };
        let request = CreatePromiseRequest {
            id: "of/grpc".to_owned(),
            idempotency_key: "k".to_owned(),
            param: Some(param),
            timeout: TIMEOUT,
            ..CreatePromiseRequest::default()
        };
        let created = client.create_promise(request.clone()).await.expect("an answer").into_inner();
        assert_eq!(created.status(), Status::Created);
        let again = client.create_promise(request).await.expect("an answer").into_inner();
        assert_eq!((again.status(), again.promise), (Status::Ok, created.promise));
    });
    let found = server.ask(&Request::get("/promises/of%2Fgrpc")).json();
    assert_eq!(found["param"], json!({"headers": {"a": "b"}, "data": "Zm9v"}));
    assert_eq!((&found["timeout"], &found["idempotencyKeyForCreate"]), (&json!(TIMEOUT), &json!("k")));
    let resolve = Request::write("of%2Fgrpc", "resolve", "l", &json!({"value": {"data": "YmFy"}}));
    assert_eq!(server.ask(&resolve).status, 201);
    on_runtime(async {
        let mut client = PromiseServiceClient::new(channel(&server).await);
        let read = client.read_promise(ReadPromiseRequest { id: "of/grpc".to_owned() }).await.expect("an answer");
        let promise = read.into_inner().promise.expect("a promise");
        assert_eq!((promise.state(), promise.value.expect("a value").data), (State::Resolved, b"bar".to_vec()));
    });
    server.stop();
}

#[test]
fn a_promise_of_http_is_a_promise_of_grpc() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let created = server.ask(&Request::write("of-http", "create", "k", &json!({"timeout": TIMEOUT})));
    assert_eq!(created.status, 201);
    on_runtime(async {
        let mut client = PromiseServiceClient::new(channel(&server).await);
        let request = ResolvePromiseRequest {
            id: "of-http".to_owned(),
            value: Some(Value { data: vec![0, 255], ..Value::default() }),
            ..ResolvePromiseRequest::default()
        };
        let resolved = client.resolve_promise(request).await.expect("an answer").into_inner();
        assert_eq!(resolved.status(), Status::Created);
        let search = SearchPromisesRequest { q: "of-*".to_owned(), ..SearchPromisesRequest::default() };
        let page = client.search_promises(search).await.expect("an answer").into_inner();
        assert_eq!(page.promises, [resolved.promise.expect("a promise")]);
        let missing = client.read_promise(ReadPromiseRequest { id: "nobody".to_owned() }).await.expect("an answer");
        assert_eq!(missing.into_inner().status(), Status::Notfound);
    });
    let found = server.ask(&Request::get("/promises/of-http")).json();
    assert_eq!((&found["state"], &found["value"]["data"]), (&json!("RESOLVED"), &json!("AP8=")));
    server.stop();
}

/// Asks the reflection service one thing.
async fn reflect(channel: Channel, question: MessageRequest) -> ServerReflectionResponse {
    let mut client = ServerReflectionClient::new(channel);
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.expect("a stream").into_inner();
    answers.message().await.expect("an answer").expect("an answer before the end")
}

#[test]
fn reflection_and_health_answer() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    on_runtime(async {
        let channel = channel(&server).await;
        let listed = reflect(channel.clone(), MessageRequest::ListServices(String::new())).await;
        let Some(MessageResponse::ListServicesResponse(listed)) = listed.message_response else {
            panic!("{listed:?}");
        };
        let names: Vec<&str> = listed.service.iter().map(|service| &*service.name).collect();
        assert!(names.contains(&"promise.PromiseService") && names.contains(&"grpc.health.v1.Health"), "{names:?}");
        let question = MessageRequest::FileContainingSymbol("promise.PromiseService".to_owned());
        let described = reflect(channel.clone(), question).await;
        let Some(MessageResponse::FileDescriptorResponse(described)) = described.message_response else {
            panic!("{described:?}");
        };
        assert!(!described.file_descriptor_proto.is_empty());
        let mut health = HealthClient::new(channel);
        for service in ["", "promise.PromiseService"] {
            let check = HealthCheckRequest { service: service.to_owned() };
            let answer = health.check(check).await.expect("an answer").into_inner();
            assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
        }
    });
    server.stop();
}

#[test]
fn port_zero_turns_grpc_and_metrics_off() {
    let folder = Folder::new();
    let start = Start::new("serve", &folder).flag("--server-grpc-port", "0").flag("--observability-metrics-port", "0");
    let server = start.serve();
    assert_eq!(server.ask(&Request::get("/ready")).status, 200);
    let log = server.log();
    assert!(log.contains("starting http server"), "{log}");
    assert!(!log.contains("grpc server") && !log.contains("metrics server"), "{log}");
    server.stop();
}
