//! Verifying one token. The signature comes first: nothing is said about the claims of a token that nobody has signed.

use std::collections::HashSet;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, Validation, decode};
use resonate_core::time::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;

use super::key::Key;
use super::limits::TOKEN_BYTES_MAX;
use super::{Admission, Denied, Scope};
use crate::clock::Clock;
use crate::config::AuthConfig;

/// The role that may do everything.
const ADMIN: &str = "admin";

/// What tokens are verified with.
pub(super) struct Verifier {
    key: DecodingKey,
    validation: Validation,
    clock: Clock,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("validation", &self.validation).finish_non_exhaustive()
    }
}

/// The claims that the server looks at itself. Of any type, so that a wrong one can be told from none.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    exp: Json,
    #[serde(default)]
    nbf: Json,
    #[serde(default)]
    role: Json,
    #[serde(default)]
    prefix: Json,
}

impl Verifier {
    pub(super) fn new(key: Key, config: &AuthConfig, clock: Clock) -> Self {
        let Key { decoding, algorithms } = key;
        let mut validation = Validation {
            algorithms,
            // Instants are compared here, by the server's clock and without the library's minute of leeway.
            validate_exp: false,
            validate_nbf: false,
            required_spec_claims: HashSet::new(),
            // A token for somebody else is no harm where no audience is configured: the key alone decides.
            validate_aud: config.aud.is_some(),
            ..Validation::default()
        };
        if let Some(iss) = &config.iss {
            validation.set_issuer(&[iss]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        if let Some(aud) = &config.aud {
            validation.set_audience(&[aud]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        Self { key: decoding, validation, clock }
    }

    /// The names of the algorithms.
    pub(super) fn algorithms(&self) -> String {
        let names: Vec<String> = self.validation.algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect();
        names.join(", ")
    }

    pub(super) fn verify(&self, token: &str) -> Result<Admission, Denied> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Denied::Unauthenticated(format!("the token is longer than {TOKEN_BYTES_MAX} bytes")));
        }
        let decoded = decode::<Claims>(token, &self.key, &self.validation);
        let decoded = decoded.map_err(|error| Denied::Unauthenticated(self.explain(error.kind())))?;
        if decoded.header.crit.is_some() {
            // It names extensions that must be understood, and here none is.
            return Err(Denied::Unauthenticated("the token's header has 'crit', which is not supported".to_owned()));
        }
        let expires_at = self.check_instants(&decoded.claims)?;
        let lasts = std::time::Duration::from_millis(expires_at.since(self.clock.now()).as_millis());
        Ok(Admission { scope: scope(&decoded.claims)?, lasts: Some(lasts) })
    }

    /// The instant from which the token no longer counts. There is no leeway.
    fn check_instants(&self, claims: &Claims) -> Result<Timestamp, Denied> {
        let refuse = |why: &str| Denied::Unauthenticated(format!("the token {why}"));
        let now = self.clock.now();
        let exp = match &claims.exp {
            Json::Null => return Err(refuse("has no claim 'exp': it must say when it expires")),
            exp => instant(exp).ok_or_else(|| refuse("has a claim 'exp' that is not a number of seconds"))?,
        };
        if exp <= now {
            return Err(refuse("has expired: get a new one"));
        }
        match &claims.nbf {
            Json::Null => {}
            nbf => {
                let nbf = instant(nbf).ok_or_else(|| refuse("has a claim 'nbf' that is not a number of seconds"))?;
                if nbf > now {
                    return Err(refuse("is not valid yet: see its claim 'nbf', and the clocks"));
                }
            }
        }
        Ok(exp)
    }

    /// What the library found wrong, in words that a client can act on. Never the library's own, which may show parts of the token.
    fn explain(&self, kind: &ErrorKind) -> String {
        match kind {
            ErrorKind::InvalidSignature => {
                "the token's signature does not fit: it is altered, or signed with another key than the server's"
                    .to_owned()
            }
            ErrorKind::InvalidAlgorithm => {
                format!("the token's algorithm does not fit the server's key, which takes {}", self.algorithms())
            }
            ErrorKind::InvalidIssuer => "the token is of another issuer than the server's auth.iss".to_owned(),
            ErrorKind::InvalidAudience => "the token is for another audience than the server's auth.aud".to_owned(),
            ErrorKind::MissingRequiredClaim(claim) => {
                format!("the token has no claim '{claim}' of the right type, which this server asks for")
            }
            // The library's list grows; whatever else it finds is about the form.
            _ => format!("the token is no JWT signed with {}", self.algorithms()),
        }
    }
}

/// Seconds since the epoch, with or without a fraction.
fn instant(seconds: &Json) -> Option<Timestamp> {
    // A cast takes what is too large for the largest, and what is negative for 0.
    seconds.as_f64().map(|seconds| Timestamp::saturating((seconds * 1000.0) as u64))
}

fn scope(claims: &Claims) -> Result<Scope, Denied> {
    if claims.role.as_str() == Some(ADMIN) {
        return Ok(Scope::Admin);
    }
    match &claims.prefix {
        Json::String(prefix) => Ok(Scope::Prefix(prefix.as_str().into())),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => Err(Denied::Forbidden(
            "the token permits nothing: it needs the claim 'role' = \"admin\", or a text as its claim 'prefix'"
                .to_owned(),
        )),
    }
}
