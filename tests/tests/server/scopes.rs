//! How far the token of a prefix reaches: over every edge, through every field that names an id, it sees and changes nothing beyond.

use resonate_proto::promise as proto;
use resonate_proto::promise::promise_service_client::PromiseServiceClient;
use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};
use tonic::Code;
use tonic::metadata::MetadataValue;

use super::child::Server;
use super::grpc::{channel, on_runtime};
use super::tokens::{admin, call, guarded, prefixed, with};
use super::wire::Request;

/// A deadline far away.
const FAR: u64 = 2_524_608_000_000;

/// Promises, tasks and schedules under two prefixes.
fn populate(server: &Server, admin: &str) {
    let must = |kind: &str, data: Json| {
        let (status, data) = call(server, admin, kind, &data);
        assert_eq!(status, 200, "{kind}: {data}");
    };
    let target = json!({"resonate:target": "http://localhost:1", "resonate:branch": "shared"});
    for prefix in ["a", "b"] {
        let id = |name: &str| format!("{prefix}.{name}");
        let create = |name: &str, tags: &Json| json!({"id": id(name), "timeoutAt": FAR, "tags": tags});
        must("promise.create", create("open", &json!({"resonate:branch": "shared"})));
        must("promise.create", create("due", &target));
        for held in ["held", "other"] {
            must("task.create", json!({"pid": "w", "ttl": 600_000, "action": {"data": create(held, &target)}}));
        }
        let promise = "{{.id}}.{{.timestamp}}";
        let schedule = json!({"id": id("yearly"), "cron": "0 0 1 1 *", "promiseId": promise, "promiseTimeout": 1});
        must("schedule.create", schedule);
    }
}

/// Everything that an admin sees.
fn state(server: &Server, admin: &str) -> [Json; 3] {
    ["promise.search", "task.search", "schedule.search"].map(|kind| {
        let (status, page) = call(server, admin, kind, &json!({"limit": 100}));
        assert_eq!((status, &page["cursor"]), (200, &Json::Null), "{kind}: {page}");
        page
    })
}

/// Every request that names ids, with all of them under the prefix `a.`, as text. The last ones change what the others need.
fn requests() -> Vec<(&'static str, String)> {
    let settle = |id: &str| json!({"kind": "promise.settle", "data": {"id": id, "state": "resolved"}});
    let create = |id: &str| json!({"kind": "promise.create", "data": {"id": id, "timeoutAt": FAR}});
    let await_ = |id: &str| json!({"kind": "promise.register_callback", "data": {"awaited": id, "awaiter": "a.other"}});
    let targeted = json!({"id": "a.new", "timeoutAt": FAR, "tags": {"resonate:target": "http://localhost:1"}});
    let held = |action: Json| json!({"id": "a.held", "version": 1, "action": action});
    let requests = [
        ("promise.get", json!({"id": "a.open"})),
        ("promise.create", json!({"id": "a.made", "timeoutAt": FAR})),
        ("promise.register_callback", json!({"awaited": "a.open", "awaiter": "a.due"})),
        ("promise.register_listener", json!({"awaited": "a.open", "address": "http://localhost:1"})),
        ("task.get", json!({"id": "a.held"})),
        ("task.create", json!({"pid": "w", "ttl": 600_000, "action": {"data": targeted}})),
        ("task.acquire", json!({"id": "a.due", "version": 0, "pid": "w", "ttl": 600_000})),
        ("task.fence", held(create("a.fenced"))),
        ("task.fence", held(settle("a.made"))),
        (
            "task.heartbeat",
            json!({"pid": "w", "tasks": [{"id": "a.held", "version": 1}, {"id": "a.due", "version": 1}]}),
        ),
        ("task.suspend", json!({"id": "a.other", "version": 1, "actions": [await_("a.open"), await_("a.fenced")]})),
        ("task.halt", json!({"id": "a.due"})),
        ("task.continue", json!({"id": "a.due"})),
        ("promise.settle", json!({"id": "a.open", "state": "resolved"})),
        ("task.fulfill", held(settle("a.held"))),
        ("task.release", json!({"id": "a.new", "version": 1})),
        ("schedule.get", json!({"id": "a.yearly"})),
        (
            "schedule.create",
            json!({"id": "a.daily", "cron": "0 0 * * *", "promiseId": "a.{{.timestamp}}", "promiseTimeout": 1}),
        ),
        ("schedule.delete", json!({"id": "a.daily"})),
    ];
    requests.into_iter().map(|(kind, data)| (kind, data.to_string())).collect()
}

#[test]
fn no_field_of_any_request_reaches_beyond_the_prefix() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let (admin, worker) = (admin(), prefixed("a."));
    populate(&server, &admin);
    let before = state(&server, &admin);
    let parse = |text: &str| serde_json::from_str::<Json>(text).expect("JSON");
    for (kind, data) in requests() {
        let places: Vec<usize> = data.match_indices("\"a.").map(|(at, _)| at).collect();
        assert!(!places.is_empty(), "{kind} names no ids");
        for at in places {
            let foreign = format!("{}\"b.{}", &data[..at], &data[at + 3..]);
            let (status, why) = call(&server, &worker, kind, &parse(&foreign));
            assert_eq!(status, 403, "{kind} {foreign}: {why}");
            assert!(why.as_str().is_some_and(|why| why.contains("\"b.")), "{why}");
        }
    }
    assert_eq!(state(&server, &admin), before, "a request that was not permitted has changed something");
    for (kind, data) in requests() {
        let (status, answer) = call(&server, &worker, kind, &parse(&data));
        assert_eq!(status, 200, "{kind} {data}: {answer}");
        assert!(!answer.to_string().contains("\"b."), "{kind} {data}: {answer}");
    }
    let foreign = |page: &Json| page.to_string().matches("\"b.").count();
    assert_eq!(state(&server, &admin).map(|page| foreign(&page)), before.map(|page| foreign(&page)));
    server.stop();
}

#[test]
fn searches_find_only_ids_with_the_prefix_whatever_the_cursor() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let (admin, worker, other) = (admin(), prefixed("a."), prefixed("b."));
    populate(&server, &admin);
    for (kind, list, count) in
        [("promise.search", "promises", 4), ("task.search", "tasks", 3), ("schedule.search", "schedules", 1)]
    {
        let ids = |page: &Json| -> Vec<String> {
            let records = page[list].as_array().unwrap_or_else(|| panic!("{kind}: {page}"));
            records.iter().map(|record| record["id"].as_str().expect("an id").to_owned()).collect()
        };
        let (mut found, mut cursor) = (Vec::new(), Json::Null);
        loop {
            let (status, page) = call(&server, &worker, kind, &json!({"limit": 1, "cursor": cursor}));
            assert_eq!(status, 200, "{page}");
            found.extend(ids(&page));
            cursor = page["cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert!(found.len() == count && found.iter().all(|id| id.starts_with("a.")), "{kind}: {found:?}");
        // A place that others were given is a place, and nothing more.
        for token in [&admin, &other] {
            let (_, page) = call(&server, token, kind, &json!({"limit": 1}));
            let (status, page) = call(&server, &worker, kind, &json!({"cursor": page["cursor"]}));
            assert!(status == 200 && ids(&page).iter().all(|id| id.starts_with("a.")), "{kind}: {page}");
        }
        assert_eq!(ids(&call(&server, &prefixed(""), kind, &json!({})).1).len(), 2 * count, "{kind}");
    }
    let (status, page) = call(&server, &worker, "promise.search", &json!({"tags": {"resonate:branch": "shared"}}));
    assert!(status == 200 && !page.to_string().contains("\"b."), "{page}");
    assert_eq!(call(&server, &worker, "task.heartbeat", &json!({"pid": "w", "tasks": []})), (200, json!({})));
    server.stop();
}

#[test]
fn what_comes_along_with_a_task_stays_inside_the_prefix() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let (admin, worker) = (admin(), prefixed("a."));
    let tags = json!({"resonate:target": "http://localhost:1", "resonate:branch": "b.root"});
    for id in ["b.root", "b.secret", "a.own"] {
        let data = json!({"id": id, "timeoutAt": FAR, "tags": {"resonate:branch": "b.root"}});
        assert_eq!(call(&server, &admin, "promise.create", &data).0, 200);
    }
    let create = json!({"data": {"id": "a.spy", "timeoutAt": FAR, "tags": tags}});
    let (status, born) = call(&server, &worker, "task.create", &json!({"pid": "w", "ttl": 600_000, "action": create}));
    assert_eq!((status, &born["preload"]), (200, &json!([])));
    let settle = json!({"id": "a.own", "state": "resolved"});
    assert_eq!(call(&server, &worker, "promise.settle", &settle).0, 200);
    let awaited = json!({"data": {"awaited": "a.own", "awaiter": "a.spy"}});
    let suspend = json!({"id": "a.spy", "version": 1, "actions": [awaited]});
    assert_eq!(call(&server, &worker, "task.suspend", &suspend), (300, json!({"preload": []})));
    assert_eq!(call(&server, &worker, "task.release", &json!({"id": "a.spy", "version": 1})).0, 200);
    let acquire = |token: &str, version: u64| {
        let data = json!({"id": "a.spy", "version": version, "pid": "w", "ttl": 600_000});
        let (status, taken) = call(&server, token, "task.acquire", &data);
        assert_eq!(status, 200, "{taken}");
        assert_eq!(call(&server, token, "task.release", &json!({"id": "a.spy", "version": version + 1})).0, 200);
        taken["preload"].as_array().expect("a list").len()
    };
    assert_eq!((acquire(&worker, 1), acquire(&admin, 2)), (0, 3));
    server.stop();
}

#[test]
fn the_api_of_2023_stays_inside_the_prefix() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let (admin, worker) = (admin(), prefixed("a."));
    populate(&server, &admin);
    let before = state(&server, &admin);
    let body = json!({"timeout": FAR});
    let writes = |id: &str| ["create", "resolve", "reject", "cancel"].map(|verb| Request::write(id, verb, "k", &body));
    for id in ["b.open", "b.new", "b%2Ex", "x", "A.open"] {
        for request in [vec![Request::get(&format!("/promises/{id}"))], writes(id).to_vec()].concat() {
            let answer = server.ask(&with(&worker, request.clone()));
            assert_eq!(answer.status, 403, "{id}");
            assert!(answer.json()["error"].as_str().is_some_and(|why| why.contains("\"a.\"")), "{}", answer.text());
            let answer = server.ask(&request);
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{id}");
            assert!(answer.json()["error"].is_string());
        }
    }
    assert_eq!(state(&server, &admin), before);
    assert_eq!(server.ask(&Request::get("/promises?q=*")).status, 401);
    let find = |token: &str, query: &str| {
        let answer = server.ask(&with(token, Request::get(&format!("/promises?{query}"))));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let ids = page["promises"].as_array().expect("a list").iter().map(|promise| promise["id"].to_string());
        (ids.collect::<Vec<_>>(), page["cursor"].as_str().map(str::to_owned))
    };
    let (all, _) = find(&worker, "q=*");
    assert!(all.len() == 4 && all.iter().all(|id| id.starts_with("\"a.")), "{all:?}");
    assert_eq!(find(&worker, "q=b.*"), (vec![], None));
    for token in [&admin, &prefixed("b.")] {
        let (_, cursor) = find(token, "q=*&limit=1");
        let (found, _) = find(&worker, &format!("cursor={}", cursor.expect("more")));
        assert!(found.iter().all(|id| id.starts_with("\"a.")), "{found:?}");
    }
    let (_, cursor) = find(&worker, "q=*&limit=1");
    let cursor = format!("cursor={}", cursor.expect("more"));
    assert_eq!(find(&worker, &cursor).0.len(), 1);
    // The scope is the token's and not the cursor's, in both directions.
    assert!(find(&prefixed("b."), &cursor).0.iter().all(|id| id.starts_with("\"b.")));
    let created = server.ask(&with(&worker, Request::write("a.2023", "create", "k", &body)));
    assert_eq!(created.status, 201);
    assert_eq!(server.ask(&with(&worker, Request::get("/promises/a.2023"))).status, 200);
    server.stop();
}

#[test]
fn grpc_stays_inside_the_prefix() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let (admin, worker) = (admin(), prefixed("a."));
    populate(&server, &admin);
    let before = state(&server, &admin);
    on_runtime(async {
        let mut client = PromiseServiceClient::new(channel(&server).await);
        let tokens = [None, Some("x".to_owned()), Some(worker.clone()), Some(admin.clone())];
        for (token, code) in tokens.iter().zip([Code::Unauthenticated, Code::Unauthenticated, Code::PermissionDenied]) {
            let codes = foreign_calls(&mut client, token.as_deref()).await;
            assert_eq!(codes, [code; 5], "{token:?}");
        }
        let search = |token: &Option<String>, cursor: String| {
            let search = proto::SearchPromisesRequest { q: "*".to_owned(), limit: 1, cursor, ..Default::default() };
            brought(token.as_deref(), search)
        };
        let code = client.search_promises(search(&None, String::new())).await.expect_err("no token").code();
        assert_eq!(code, Code::Unauthenticated);
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = client.search_promises(search(&tokens[2], cursor)).await.expect("a page").into_inner();
            found.extend(page.promises.into_iter().map(|promise| promise.id));
            cursor = page.cursor;
            if cursor.is_empty() {
                break;
            }
        }
        assert!(found.len() == 4 && found.iter().all(|id| id.starts_with("a.")), "{found:?}");
        let page = client.search_promises(search(&tokens[3], String::new())).await.expect("a page").into_inner();
        let page = client.search_promises(search(&tokens[2], page.cursor)).await.expect("a page").into_inner();
        assert!(page.promises.iter().all(|promise| promise.id.starts_with("a.")), "{page:?}");
        let own = brought(Some(&worker), proto::ReadPromiseRequest { id: "a.open".to_owned() });
        assert!(client.read_promise(own).await.expect("an answer").into_inner().promise.is_some());
    });
    assert_eq!(state(&server, &admin), before);
    server.stop();
}

/// A message with a token.
fn brought<M>(token: Option<&str>, message: M) -> tonic::Request<M> {
    let mut request = tonic::Request::new(message);
    if let Some(token) = token {
        let bearer = MetadataValue::try_from(format!("Bearer {token}")).expect("ASCII");
        request.metadata_mut().insert("authorization", bearer);
    }
    request
}

/// How every call about a promise of others ends.
async fn foreign_calls(client: &mut PromiseServiceClient<tonic::transport::Channel>, token: Option<&str>) -> [Code; 5] {
    let id = || "b.open".to_owned();
    let timeout = i64::try_from(FAR).expect("an instant");
    let create = proto::CreatePromiseRequest { id: id(), timeout, ..Default::default() };
    let resolve = proto::ResolvePromiseRequest { id: id(), ..Default::default() };
    let reject = proto::RejectPromiseRequest { id: id(), ..Default::default() };
    let cancel = proto::CancelPromiseRequest { id: id(), ..Default::default() };
    [
        client
            .read_promise(brought(token, proto::ReadPromiseRequest { id: id() }))
            .await
            .expect_err("a refusal")
            .code(),
        client.create_promise(brought(token, create)).await.expect_err("a refusal").code(),
        client.resolve_promise(brought(token, resolve)).await.expect_err("a refusal").code(),
        client.reject_promise(brought(token, reject)).await.expect_err("a refusal").code(),
        client.cancel_promise(brought(token, cancel)).await.expect_err("a refusal").code(),
    ]
}
