//! Who may do what: a token in, its scope out. Owns what a token must look like; which ids of a request count for a scope is the core's, and how
//! a refusal looks is the edges'.

mod key;
#[cfg(test)]
mod tests;
mod token;

use std::fmt;
use std::str;
use std::sync::Arc;
use std::time::Duration;

use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::wire::envelope::{confine, confine_reply, foreign_id, foreign_id_in};
use serde_json::value::RawValue;

use crate::clock::Clock;
use crate::config::AuthConfig;
use token::Verifier;

pub use key::KeyError;

/// Bounds of authentication.
pub mod limits {
    /// Bytes of a token.
    pub const TOKEN_BYTES_MAX: usize = 16 << 10;
}

/// The way in. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Option<Arc<Verifier>>);

/// What a client has been let in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// What it may see and change.
    pub scope: Scope,
    /// How long it may stay, for connections that outlive a request; without a limit where nobody needs a token.
    pub lasts: Option<Duration>,
}

/// What a client may see and change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Admin,
    /// Whatever has an id with this prefix, which may be empty. Never debugging.
    Prefix(Arc<str>),
}

/// Why a client is not let in, or not to where it wants. The text says what is wrong and never repeats the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No token, or none that counts (401).
    Unauthenticated(String),
    /// The token counts and does not reach so far (403).
    Forbidden(String),
}

impl Denied {
    /// The status over HTTP.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unauthenticated(_) => 401,
            Self::Forbidden(_) => 403,
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthenticated(why) | Self::Forbidden(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Denied {}

impl Gate {
    /// A gate that lets everybody in, as an admin.
    #[must_use]
    pub const fn open() -> Self {
        Self(None)
    }

    /// The gate that the configuration asks for: open where there is no key.
    ///
    /// # Errors
    /// [`KeyError`] when the file of the key cannot be used.
    pub fn from_config(config: &AuthConfig) -> Result<Self, KeyError> {
        let Some(path) = &config.publickey else { return Ok(Self::open()) };
        let key = key::read(path)?;
        // No clock of a store: that one stands still while it waits for the clock of the machine.
        let clock = Clock::starting_at(resonate_core::time::Timestamp::ZERO);
        Ok(Self(Some(Arc::new(Verifier::new(key, config, clock)))))
    }

    /// Whether tokens are needed, and with which algorithms they are signed.
    #[must_use]
    pub fn algorithms(&self) -> Option<String> {
        self.0.as_ref().map(|verifier| verifier.algorithms())
    }

    /// Lets a client in by the token in the head of its envelope or, where there is none, by that of its `Authorization` header, whose lines are
    /// given as they came.
    ///
    /// # Errors
    /// [`Denied`] without a token that counts, or when the token says nothing about what it is for.
    pub fn admit<'a>(
        &self,
        in_head: Option<&str>,
        authorization: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Admission, Denied> {
        let Some(verifier) = &self.0 else { return Ok(Admission { scope: Scope::Admin, lasts: None }) };
        let token = match in_head.filter(|token| !token.is_empty()) {
            Some(token) => Some(token),
            None => bearer(authorization.into_iter())?,
        };
        let missing = || Denied::Unauthenticated("a token is required: send 'Authorization: Bearer <jwt>'".to_owned());
        verifier.verify(token.ok_or_else(missing)?)
    }
}

/// The token of an `Authorization` header.
fn bearer<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a str>, Denied> {
    let wrong = |why: &str| Denied::Unauthenticated(format!("'Authorization' {why}"));
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(wrong("is given twice"));
    }
    let text = str::from_utf8(line).ok().and_then(|text| text.trim().split_once(' '));
    match text {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        Some(_) | None => Err(wrong("must be 'Bearer <jwt>'")),
    }
}

impl Scope {
    /// The prefix that ids must have; none where everything may be seen.
    #[must_use]
    pub fn prefix(&self) -> Option<String> {
        match self {
            Self::Admin => None,
            Self::Prefix(prefix) => Some((**prefix).to_owned()),
        }
    }

    /// Keeps a request inside the scope: searches find nothing beyond it.
    ///
    /// # Errors
    /// [`Denied`] when the request names an id beyond it.
    pub fn confine(&self, request: &mut Request) -> Result<(), Denied> {
        let Self::Prefix(prefix) = self else { return Ok(()) };
        if let Some(id) = foreign_id(prefix, request) {
            return Err(out_of_reach(prefix, &id));
        }
        confine(prefix, request);
        Ok(())
    }

    /// Keeps the answer to such a request inside the scope.
    pub fn confine_reply(&self, reply: &mut Reply) {
        match self {
            Self::Admin => {}
            Self::Prefix(prefix) => confine_reply(prefix, reply),
        }
    }

    /// Checks the data of a request that cannot be read.
    ///
    /// # Errors
    /// [`Denied`] when it names an id beyond the scope.
    pub fn check_unread(&self, data: &RawValue) -> Result<(), Denied> {
        match self {
            Self::Admin => Ok(()),
            Self::Prefix(prefix) => match foreign_id_in(prefix, data) {
                Some(id) => Err(out_of_reach(prefix, &id)),
                None => Ok(()),
            },
        }
    }

    /// Checks that the client may ask for something about ids of every prefix.
    ///
    /// # Errors
    /// [`Denied`] to those with a prefix.
    pub fn check_all_ids(&self) -> Result<(), Denied> {
        match self {
            Self::Prefix(prefix) if !prefix.is_empty() => Err(Denied::Forbidden(format!(
                "this takes a token for all ids, not one for those that start with {prefix:?}"
            ))),
            Self::Admin | Self::Prefix(_) => Ok(()),
        }
    }

    /// Checks that the client may debug.
    ///
    /// # Errors
    /// [`Denied`] to all but admins.
    pub fn check_debugging(&self) -> Result<(), Denied> {
        match self {
            Self::Admin => Ok(()),
            Self::Prefix(_) => {
                Err(Denied::Forbidden("debugging takes a token with the claim 'role' = \"admin\"".to_owned()))
            }
        }
    }
}

fn out_of_reach(prefix: &str, id: &str) -> Denied {
    Denied::Forbidden(format!("the token is for ids that start with {prefix:?}, not for {id:?}"))
}
