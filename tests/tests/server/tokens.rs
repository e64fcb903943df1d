//! Tokens for servers with authentication, and calls that bring them along. The keys are those of `tests/keys`.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::child::{Server, Start};
use super::now_millis;
use super::wire::{Answer, Request};

/// The file of a key.
pub(super) fn key_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("keys").join(format!("{name}.pem"))
}

/// The bytes of a key.
pub(super) fn pem(name: &str) -> Vec<u8> {
    std::fs::read(key_file(name)).expect("a key")
}

/// A server that takes tokens signed with `p256.pem`.
pub(super) fn guarded<'a>(folder: &'a Folder) -> Start<'a> {
    Start::new("serve", folder).flag("--auth-publickey", &key_file("p256.pub").to_string_lossy())
}

/// A token with this algorithm in its header, signed with this key.
pub(super) fn token(shown: &str, claims: &Json, key: &EncodingKey, algorithm: Algorithm) -> String {
    let header = json!({"alg": shown, "typ": "JWT"});
    let message = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).expect("a key that signs");
    format!("{message}.{signature}")
}

/// A token that the server takes.
pub(super) fn signed(claims: &Json) -> String {
    token("ES256", claims, &EncodingKey::from_ec_pem(&pem("p256")).expect("a key"), Algorithm::ES256)
}

/// An instant from now, in seconds.
pub(super) fn in_seconds(seconds: i64) -> i64 {
    i64::try_from(now_millis()).expect("a time") / 1000 + seconds
}

/// The token of an admin.
pub(super) fn admin() -> String {
    signed(&json!({"exp": in_seconds(600), "role": "admin"}))
}

/// The token for ids with a prefix.
pub(super) fn prefixed(prefix: &str) -> String {
    signed(&json!({"exp": in_seconds(600), "prefix": prefix}))
}

/// An envelope.
pub(super) fn envelope(kind: &str, data: &Json) -> Json {
    json!({"kind": kind, "head": {"corrId": "c", "version": "2026-04-01"}, "data": data})
}

/// `POST /` with a body.
pub(super) fn post(body: &Json) -> Request {
    Request::new("POST", "/").body(body.to_string().into_bytes())
}

/// The same request with a token in its header.
pub(super) fn with(token: &str, request: Request) -> Request {
    request.header("Authorization", &format!("Bearer {token}"))
}

/// Status and data of the answer to an envelope.
pub(super) fn call(server: &Server, token: &str, kind: &str, data: &Json) -> (u16, Json) {
    told(&server.ask(&with(token, post(&envelope(kind, data)))))
}

/// Status and data of an answer, which is an envelope.
pub(super) fn told(answer: &Answer) -> (u16, Json) {
    let mut body = answer.json();
    assert_eq!((&body["head"]["corrId"], &body["head"]["status"]), (&json!("c"), &json!(answer.status)), "{body}");
    (answer.status, body["data"].take())
}
