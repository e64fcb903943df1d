//! Who is let in, over every edge: what a token must be, where it comes, and what stays open to all.

use jsonwebtoken::{Algorithm, EncodingKey};
use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::FAR;
use super::child::Server;
use super::tokens::{
    admin, call, envelope, guarded, in_seconds, key_file, pem, post, prefixed, signed, token, told, with,
};
use super::wire::Request;

/// Checks that a token opens neither `POST /` nor the API of 2023, and that both say why.
#[track_caller]
fn refused(server: &Server, status: u16, token: &str, words: &str) {
    let get = with(token, Request::get("/promises/foo"));
    let post = with(token, post(&envelope("promise.get", &json!({"id": "foo"}))));
    for request in [get, post] {
        let answer = server.ask(&request);
        assert_eq!(answer.status, status, "{words}: {}", answer.text());
        assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Bearer"));
        let body = answer.json();
        let why = body["error"].as_str().or(body["data"].as_str()).expect("a reason");
        assert!(why.contains(words), "{why}");
        assert!(token.split('.').all(|part| part.is_empty() || !why.contains(part)), "{why}");
    }
}

#[test]
fn only_tokens_that_the_issuer_signed_for_here_and_now_are_taken() {
    let folder = Folder::new();
    let server = guarded(&folder).flag("--auth-iss", "us").flag("--auth-aud", "here").serve();
    let claims = |changes: Json| {
        let mut claims = json!({"iss": "us", "aud": "here", "exp": in_seconds(600), "role": "admin"});
        claims.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        claims
    };
    let found = json!({"id": "foo"});
    for good in [json!({}), json!({"aud": ["there", "here"]}), json!({"nbf": in_seconds(-5)})] {
        let (status, why) = call(&server, &signed(&claims(good)), "promise.get", &found);
        assert_eq!((status, why), (404, json!("promise not found")));
    }
    for (wrong, words) in [
        (json!({"exp": in_seconds(-1)}), "has expired"),
        (json!({"exp": null}), "no claim 'exp'"),
        (json!({"exp": "tomorrow"}), "'exp' that is not a number"),
        (json!({"nbf": in_seconds(300)}), "not valid yet"),
        (json!({"iss": "them"}), "another issuer"),
        (json!({"iss": null}), "no claim 'iss'"),
        (json!({"aud": "there"}), "another audience"),
        (json!({"aud": ["there", "elsewhere"]}), "another audience"),
        (json!({"aud": null}), "no claim 'aud'"),
    ] {
        refused(&server, 401, &signed(&claims(wrong)), words);
    }
    refused(&server, 403, &signed(&claims(json!({"role": "worker"}))), "the token permits nothing");

    let good = claims(json!({}));
    let stranger = EncodingKey::from_ec_pem(&pem("stranger")).expect("a key");
    refused(&server, 401, &token("ES256", &good, &stranger, Algorithm::ES256), "signature does not fit");
    let secret = EncodingKey::from_secret(&pem("p256.pub"));
    refused(&server, 401, &token("HS256", &good, &secret, Algorithm::HS256), "algorithm does not fit");
    refused(&server, 401, &token("ES256", &good, &secret, Algorithm::HS256), "signature does not fit");
    let unsigned = token("none", &good, &secret, Algorithm::HS256);
    let unsigned = &unsigned[..=unsigned.rfind('.').expect("a signature")];
    refused(&server, 401, unsigned, "is no JWT signed with ES256");
    refused(&server, 401, "x", "is no JWT");
    server.stop();
}

#[test]
fn every_kind_of_public_key_opens_the_server_to_its_tokens() {
    type Read = fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>;
    let kinds: [(&str, Read, Algorithm); 3] = [
        ("rsa", EncodingKey::from_rsa_pem, Algorithm::RS256),
        ("p384", EncodingKey::from_ec_pem, Algorithm::ES384),
        ("ed25519", EncodingKey::from_ed_pem, Algorithm::EdDSA),
    ];
    for (name, read, algorithm) in kinds {
        let folder = Folder::new();
        let file = key_file(&format!("{name}.pub"));
        let server = super::child::Start::new("serve", &folder).flag("--auth-publickey", &file.to_string_lossy());
        let server = server.serve();
        let claims = json!({"exp": in_seconds(600), "prefix": ""});
        let good = token(&format!("{algorithm:?}"), &claims, &read(&pem(name)).expect("a key"), algorithm);
        assert_eq!(call(&server, &good, "promise.search", &json!({})), (200, json!({"promises": []})), "{name}");
        refused(&server, 401, &admin(), "algorithm does not fit");
        server.stop();
    }
}

#[test]
fn a_token_comes_in_the_head_or_in_the_header_and_that_of_the_head_wins() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let mut body = envelope("promise.get", &json!({"id": "b"}));
    assert_eq!(told(&server.ask(&post(&body))).0, 401);
    assert_eq!(told(&server.ask(&with(&admin(), post(&body)))).0, 404);
    body["head"]["auth"] = json!(prefixed("a"));
    assert_eq!(told(&server.ask(&with(&admin(), post(&body)))).0, 403);
    body["head"]["auth"] = json!("x");
    assert_eq!(told(&server.ask(&with(&admin(), post(&body)))).0, 401);
    body["head"]["auth"] = json!(admin());
    assert_eq!(told(&server.ask(&post(&body))).0, 404);
    assert_eq!(told(&server.ask(&post(&body).header("Authorization", "Basic eDp5"))).0, 404);
    server.stop();
}

#[test]
fn the_envelope_comes_before_the_token_and_the_token_before_the_request() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    let mut other_version = envelope("promise.get", &json!({"id": "a"}));
    other_version["head"]["version"] = json!("2020-01-01");
    for unreadable in [json!({}), json!([]), envelope("promise.get", &json!(7)), other_version] {
        assert_eq!(server.ask(&post(&unreadable)).status, 400, "{unreadable}");
    }
    let (nothing, worker) = (signed(&json!({"exp": in_seconds(600)})), prefixed("a"));
    for (kind, data, statuses) in [
        ("promise.cancel", json!({}), [401, 401, 403, 400, 400]),
        ("promise.get", json!({}), [401, 401, 403, 400, 400]),
        ("promise.get", json!({"id": "b"}), [401, 401, 403, 403, 404]),
        ("promise.create", json!({"id": "b"}), [401, 401, 403, 403, 400]),
        ("promise.register_callback", json!({"awaited": "b", "awaiter": "b"}), [401, 401, 403, 403, 400]),
        ("debug.reset", json!({}), [401, 401, 403, 403, 403]),
        ("debug.tick", json!({}), [401, 401, 403, 403, 403]),
    ] {
        let tokens = ["", "x", &nothing, &worker, &admin()];
        let found = tokens.map(|token| match token {
            "" => server.ask(&post(&envelope(kind, &data))).status,
            token => call(&server, token, kind, &data).0,
        });
        assert_eq!(found, statuses, "{kind} {data}");
    }
    server.stop();
}

#[test]
fn debugging_and_the_time_of_everybody_are_for_admins() {
    let folder = Folder::new();
    let server = guarded(&folder).flag("--debug", "true").serve();
    for worker in [prefixed(""), prefixed("a")] {
        for kind in ["debug.start", "debug.stop", "debug.reset", "debug.tick", "debug.snap"] {
            assert_eq!(call(&server, &worker, kind, &json!({"time": 1})).0, 403, "{kind}");
        }
        for time in [json!(FAR), json!("x")] {
            let mut body = envelope("promise.create", &json!({"id": "a", "timeoutAt": 1}));
            body["head"]["resonate:debug_time"] = time;
            assert_eq!(told(&server.ask(&with(&worker, post(&body)))).0, 403);
        }
    }
    let (status, snapshot) = call(&server, &admin(), "debug.snap", &json!({}));
    assert_eq!((status, &snapshot["promises"]), (200, &json!([])));
    let mut body = envelope("promise.create", &json!({"id": "a", "timeoutAt": FAR + 1}));
    body["head"]["resonate:debug_time"] = json!(FAR);
    let (status, created) = told(&server.ask(&with(&admin(), post(&body))));
    assert_eq!((status, &created["promise"]["createdAt"]), (200, &json!(FAR)));
    server.stop();
}

#[test]
fn health_readiness_and_metrics_stay_open() {
    let folder = Folder::new();
    let server = guarded(&folder).serve();
    for path in ["/health", "/ready"] {
        assert_eq!(server.ask(&Request::get(path)).status, 200, "{path}");
    }
    let mut metrics = super::wire::Connection::open(server.metrics).expect("a connection");
    assert_eq!(server.ask(&post(&envelope("promise.get", &json!({"id": "a"})))).status, 401);
    let text = metrics.send(&Request::get("/metrics")).expect("an answer").text();
    assert!(text.contains(r#"resonate_request_total{kind="promise.get",status="401"} 1"#), "{text}");
    assert!(server.log().contains("ES256"), "{}", server.log());
    server.stop();
}

#[test]
fn without_a_key_everybody_is_an_admin_and_no_token_is_looked_at() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    for header in ["Bearer x", "Basic eDp5", "x"] {
        assert_eq!(server.ask(&Request::get("/promises/foo").header("Authorization", header)).status, 404);
        let request = post(&envelope("promise.get", &json!({"id": "foo"}))).header("Authorization", header);
        assert_eq!(server.ask(&request).status, 404);
    }
    server.stop();
}
