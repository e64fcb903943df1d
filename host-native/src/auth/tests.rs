//! Tokens good and bad, at an instant that stands still. Keys are those of `tests/keys`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use resonate_core::time::Timestamp;
use serde_json::{Value as Json, json};

use super::token::Verifier;
use super::{Admission, Denied, Gate, Scope, key, limits};
use crate::clock::Clock;
use crate::config::AuthConfig;

macro_rules! pem {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/keys/", $name, ".pem"))
    };
}

/// Now, in seconds.
const NOW: u64 = 1_000;

fn gate_of(pem: &[u8], config: &AuthConfig) -> Gate {
    let key = key::parse(pem).expect("a key");
    Gate(Some(Arc::new(Verifier::new(key, config, Clock::manual(Timestamp::saturating(NOW * 1000))))))
}

fn gate() -> Gate {
    gate_of(pem!("p256.pub"), &AuthConfig::default())
}

/// A token with this header and these claims, signed whatever the header says.
fn token(header: &Json, claims: &Json, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).expect("a key that signs");
    format!("{message}.{signature}")
}

fn signed(claims: &Json) -> String {
    let key = EncodingKey::from_ec_pem(pem!("p256")).expect("a key");
    token(&json!({"alg": "ES256", "typ": "JWT"}), claims, &key, Algorithm::ES256)
}

fn ask(gate: &Gate, token: &str) -> Result<Scope, Denied> {
    gate.admit(Some(token), []).map(|admission| admission.scope)
}

/// Checks that a token is refused as none, with a text that has these words and nothing of the token.
#[track_caller]
fn refused(gate: &Gate, token: &str, words: &str) {
    match ask(gate, token) {
        Err(Denied::Unauthenticated(why)) => {
            assert!(why.contains(words), "{why}");
            assert!(token.split('.').all(|part| part.len() < 5 || !why.contains(part)), "{why}");
        }
        other => panic!("{words}: {other:?}"),
    }
}

fn prefix(text: &str) -> Result<Scope, Denied> {
    Ok(Scope::Prefix(text.into()))
}

#[test]
fn a_token_says_what_it_is_for() {
    let gate = gate();
    let scope = |claims| ask(&gate, &signed(&claims));
    assert_eq!(scope(json!({"exp": 2000, "role": "admin"})), Ok(Scope::Admin));
    assert_eq!(scope(json!({"exp": 2000, "role": "admin", "prefix": "a"})), Ok(Scope::Admin));
    assert_eq!(scope(json!({"exp": 2000, "prefix": "a."})), prefix("a."));
    assert_eq!(scope(json!({"exp": 2000, "role": "worker", "prefix": "a."})), prefix("a."));
    assert_eq!(scope(json!({"exp": 2000, "prefix": ""})), prefix(""));
    for nothing in [
        json!({"exp": 2000}),
        json!({"exp": 2000, "role": "Admin"}),
        json!({"exp": 2000, "role": ["admin"]}),
        json!({"exp": 2000, "role": "worker"}),
        json!({"exp": 2000, "prefix": null}),
        json!({"exp": 2000, "prefix": ["a"]}),
        json!({"exp": 2000, "prefix": 1}),
        json!({"exp": 2000, "roles": "admin", "Prefix": ""}),
    ] {
        assert!(matches!(scope(nothing.clone()), Err(Denied::Forbidden(_))), "{nothing}");
    }
}

#[test]
fn a_token_counts_from_its_nbf_to_before_its_exp() {
    let gate = gate();
    for (exp, millis) in [(json!(1001), 1_000), (json!(1000.5), 500), (json!(1e300), u64::MAX)] {
        let admission = gate.admit(Some(&signed(&json!({"exp": exp, "nbf": 1000, "prefix": ""}))), []);
        let Ok(Admission { scope: _, lasts: Some(lasts) }) = admission else { panic!("{admission:?}") };
        let millis = millis.min(Timestamp::MAX.as_millis() - NOW * 1000);
        assert_eq!(lasts, Duration::from_millis(millis));
    }
    for exp in [json!(1000), json!(999.999), json!(0), json!(-1), json!(-1e300)] {
        refused(&gate, &signed(&json!({"exp": exp, "role": "admin"})), "has expired");
    }
    refused(&gate, &signed(&json!({"role": "admin"})), "no claim 'exp'");
    refused(&gate, &signed(&json!({"exp": null, "role": "admin"})), "no claim 'exp'");
    refused(&gate, &signed(&json!({"exp": "2000", "role": "admin"})), "'exp' that is not a number");
    refused(&gate, &signed(&json!({"exp": 2000, "nbf": 1001, "role": "admin"})), "not valid yet");
    refused(&gate, &signed(&json!({"exp": 2000, "nbf": "1", "role": "admin"})), "'nbf' that is not a number");
}

#[test]
fn issuer_and_audience_count_where_they_are_configured() {
    let config = AuthConfig { publickey: None, iss: Some("us".to_owned()), aud: Some("here".to_owned()) };
    let gate = gate_of(pem!("p256.pub"), &config);
    let claims = |iss: Json, aud: Json| signed(&json!({"exp": 2000, "prefix": "", "iss": iss, "aud": aud}));
    assert_eq!(ask(&gate, &claims(json!("us"), json!("here"))), prefix(""));
    assert_eq!(ask(&gate, &claims(json!("us"), json!(["there", "here"]))), prefix(""));
    refused(&gate, &claims(json!("them"), json!("here")), "another issuer");
    refused(&gate, &claims(json!("us"), json!("there")), "another audience");
    refused(&gate, &claims(json!("us"), json!(["there"])), "another audience");
    refused(&gate, &claims(json!("us"), json!([])), "another audience");
    for wrong in [json!(null), json!(7), json!({"here": 1})] {
        refused(&gate, &claims(json!("us"), wrong.clone()), "no claim 'aud'");
        refused(&gate, &claims(wrong, json!("here")), "no claim 'iss'");
    }
    // Elsewhere they say nothing.
    assert_eq!(ask(&self::gate(), &claims(json!("them"), json!("there"))), prefix(""));
}

#[test]
fn every_kind_of_key_takes_its_algorithms_and_no_others() {
    let rsa = EncodingKey::from_rsa_pem(pem!("rsa")).expect("a key");
    let p256 = EncodingKey::from_ec_pem(pem!("p256")).expect("a key");
    let p384 = EncodingKey::from_ec_pem(pem!("p384")).expect("a key");
    let ed25519 = EncodingKey::from_ed_pem(pem!("ed25519")).expect("a key");
    let publics: [&[u8]; 5] =
        [pem!("rsa.pub"), pem!("rsa-pkcs1.pub"), pem!("p256.pub"), pem!("p384.pub"), pem!("ed25519.pub")];
    let signers = [
        (Algorithm::RS256, &rsa, [0, 1].as_slice()),
        (Algorithm::RS384, &rsa, &[0, 1]),
        (Algorithm::RS512, &rsa, &[0, 1]),
        (Algorithm::PS256, &rsa, &[0, 1]),
        (Algorithm::PS384, &rsa, &[0, 1]),
        (Algorithm::PS512, &rsa, &[0, 1]),
        (Algorithm::ES256, &p256, &[2]),
        (Algorithm::ES384, &p384, &[3]),
        (Algorithm::EdDSA, &ed25519, &[4]),
    ];
    let claims = json!({"exp": 2000, "role": "admin"});
    for (algorithm, key, fitting) in signers {
        let token = token(&json!({"alg": format!("{algorithm:?}")}), &claims, key, algorithm);
        for (number, public) in publics.iter().enumerate() {
            let gate = gate_of(public, &AuthConfig::default());
            if fitting.contains(&number) {
                assert_eq!(ask(&gate, &token), Ok(Scope::Admin), "{algorithm:?} {number}");
            } else {
                refused(&gate, &token, "the token's algorithm does not fit");
            }
        }
    }
}

#[test]
fn a_token_that_nobody_signed_is_none() {
    let gate = gate();
    let claims = json!({"exp": 2000, "role": "admin"});
    let stranger = EncodingKey::from_ec_pem(pem!("stranger")).expect("a key");
    let es256 = json!({"alg": "ES256"});
    refused(&gate, &token(&es256, &claims, &stranger, Algorithm::ES256), "signature does not fit");

    // The public key is public: as a secret it is worth nothing.
    let secret = EncodingKey::from_secret(pem!("p256.pub"));
    refused(&gate, &token(&json!({"alg": "HS256"}), &claims, &secret, Algorithm::HS256), "algorithm does not fit");
    refused(&gate, &token(&es256, &claims, &secret, Algorithm::HS256), "signature does not fit");

    let own = EncodingKey::from_ec_pem(pem!("p256")).expect("a key");
    let good = signed(&claims);
    let parts: Vec<&str> = good.split('.').collect();
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let head = URL_SAFE_NO_PAD.encode(json!({"alg": none}).to_string());
        for signature in ["", parts[2]] {
            refused(&gate, &format!("{head}.{}.{signature}", parts[1]), "is no JWT signed with ES256");
        }
    }
    refused(&gate, &format!("{}.{}.", parts[0], parts[1]), "signature does not fit");
    let other = URL_SAFE_NO_PAD.encode(json!({"exp": 3000, "role": "admin"}).to_string());
    refused(&gate, &format!("{}.{other}.{}", parts[0], parts[2]), "signature does not fit");
    // A key that the token brings along is not asked.
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
    let with_key = json!({"alg": "ES256", "jwk": jwk, "jku": "http://localhost", "kid": "../../dev/null"});
    refused(&gate, &token(&with_key, &claims, &stranger, Algorithm::ES256), "signature does not fit");
    assert_eq!(ask(&gate, &token(&with_key, &claims, &own, Algorithm::ES256)), Ok(Scope::Admin));
    // Extensions that must be understood are not.
    let critical = json!({"alg": "ES256", "crit": ["b64"], "b64": false});
    refused(&gate, &token(&critical, &claims, &own, Algorithm::ES256), "'crit'");
}

#[test]
fn what_is_no_token_is_refused() {
    let gate = gate();
    for text in ["x", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "é.é.é", " "] {
        refused(&gate, text, "is no JWT");
    }
    refused(&gate, &signed(&json!(["exp"])), "is no JWT");
    refused(&gate, &signed(&json!("exp")), "is no JWT");
    refused(&gate, &"a".repeat(limits::TOKEN_BYTES_MAX + 1), "longer than 16384 bytes");
}

#[test]
fn the_token_of_the_head_wins_over_that_of_the_header() {
    let gate = gate();
    let admin = signed(&json!({"exp": 2000, "role": "admin"}));
    let bearer = format!("bEaReR  {admin}");
    let worker = signed(&json!({"exp": 2000, "prefix": "a"}));
    let admit = |head: Option<&str>, lines: &[&str]| {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        gate.admit(head, lines).map(|admission| admission.scope)
    };
    let unauthenticated = |answer| matches!(answer, Err(Denied::Unauthenticated(_)));
    assert_eq!(admit(None, &[&bearer]), Ok(Scope::Admin));
    assert_eq!(admit(Some(""), &[&bearer]), Ok(Scope::Admin));
    assert_eq!(admit(Some(&worker), &[&bearer]), prefix("a"));
    assert_eq!(admit(Some(&worker), &["Basic eDp5"]), prefix("a"));
    assert!(unauthenticated(admit(Some("x"), &[&bearer])));
    for lines in [&[][..], &["Basic eDp5"], &["Bearer"], &["Bearer "], &[""], &[&admin], &[&bearer, &bearer]] {
        assert!(unauthenticated(admit(None, lines)), "{lines:?}");
    }
    // An open gate does not even look.
    for lines in [&[][..], &[b"Basic eDp5".as_slice()]] {
        let admission = Gate::open().admit(Some("x"), lines.iter().copied());
        assert_eq!(admission, Ok(Admission { scope: Scope::Admin, lasts: None }));
    }
}

#[test]
fn a_key_that_could_verify_nothing_is_refused() {
    let refusals: [(&[u8], &str); 10] = [
        (b"", "holds no PEM"),
        (b"secret", "holds no PEM"),
        (pem!("p256"), "holds a private key"),
        (b"-----BEGIN RSA PRIVATE KEY-----", "holds a private key"),
        (pem!("certificate"), "openssl x509"),
        (pem!("rsa-1024.pub"), "2048 to 8192 bits"),
        (pem!("p521.pub"), "another curve"),
        (pem!("secp256k1.pub"), "another curve"),
        (pem!("ed448.pub"), "no public key that is known"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key that is known"),
    ];
    for (pem, words) in refusals {
        let Err(why) = key::parse(pem) else { panic!("{words}: a key") };
        assert!(why.contains(words), "{why}");
    }
    let two = [pem!("p256.pub").as_slice(), pem!("p384.pub")].concat();
    assert!(key::parse(&two).is_err_and(|why| why.contains("more than one key")));
    let missing = AuthConfig { publickey: Some("nowhere.pem".to_owned()), ..AuthConfig::default() };
    let why = Gate::from_config(&missing).map_or_else(|why| why.to_string(), |gate| format!("{gate:?}"));
    assert!(why.starts_with("auth.publickey = nowhere.pem: cannot be read"), "{why}");
}
