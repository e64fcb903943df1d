//! Addresses of workers and listeners. Owns which addresses are routable and what their parts are; sends nothing.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::limits::ADDRESS_BYTES_MAX;

/// A routable address (spec §2): `http(s)://host…`, `poll://any@group[/id]` or `poll://uni@group/id`. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(Arc<str>);

/// Why a text is not an [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidAddress {
    /// A NUL character inside.
    Nul,
    /// More than [`ADDRESS_BYTES_MAX`] bytes.
    TooLong,
    /// `http(s)` with a port that is none.
    Port,
    /// `http(s)` without a host.
    NoHost,
    /// `poll` without `any@` or `uni@`.
    NoCast,
    /// `poll` without a group.
    NoGroup,
    /// `poll://uni` without the id of a worker.
    NoWorker,
    /// A `%` that does not start an escape of UTF-8 text.
    Escape,
    /// No scheme, or one that has no transport.
    Scheme,
}

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => return write!(f, "must be at most {ADDRESS_BYTES_MAX} bytes long"),
            Self::Nul => "must not contain NUL characters",
            Self::Port => "must have a port up to 65535 behind the colon, or none",
            Self::NoHost => "must name a host after http:// or https://",
            Self::NoCast => "must start with poll://any@ or poll://uni@",
            Self::NoGroup => "must name a group after the @",
            Self::NoWorker => "must name a worker: poll://uni@group/id",
            Self::Escape => "has a broken percent escape",
            Self::Scheme => "must be http://, https://, poll://any@group[/id] or poll://uni@group/id",
        })
    }
}

impl std::error::Error for InvalidAddress {}

/// Where an address leads, its parts decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A POST to this URL.
    Push,
    /// Any connection of the group, the named worker's preferred.
    Any {
        /// The group.
        group: String,
        /// The preferred worker.
        worker: Option<String>,
    },
    /// The connection of this worker only.
    Uni {
        /// The group.
        group: String,
        /// The worker.
        worker: String,
    },
}

/// Where messages wait for a connection: the same for every spelling of an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mailbox(String);

impl Mailbox {
    /// Of messages that any worker of the group may take.
    #[must_use]
    pub fn any(group: &str) -> Self {
        Self(format!("any@{}", utf8_percent_encode(group, NON_ALPHANUMERIC)))
    }

    /// Of messages for this worker only.
    #[must_use]
    pub fn uni(group: &str, worker: &str) -> Self {
        let (group, worker) =
            (utf8_percent_encode(group, NON_ALPHANUMERIC), utf8_percent_encode(worker, NON_ALPHANUMERIC));
        Self(format!("uni@{group}/{worker}"))
    }

    /// Of messages that are pushed.
    #[must_use]
    pub fn push() -> Self {
        Self("push".to_owned())
    }

    /// The mailbox as text, for stores.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Route {
    /// The worker that it names: the only one, or the one that is preferred.
    #[must_use]
    pub fn into_worker(self) -> Option<String> {
        match self {
            Self::Push => None,
            Self::Any { group: _, worker } => worker,
            Self::Uni { group: _, worker } => Some(worker),
        }
    }

    /// Where messages on this route wait.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        match self {
            Self::Push => Mailbox::push(),
            Self::Any { group, worker: _ } => Mailbox::any(group),
            Self::Uni { group, worker } => Mailbox::uni(group, worker),
        }
    }
}

impl Address {
    /// Checks and takes an address.
    ///
    /// # Errors
    /// [`InvalidAddress`] when no transport could ever reach it.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        parse_route(text).map(|_| Self(text.into()))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it leads.
    ///
    /// # Panics
    /// Never: the text was checked by [`Address::parse`].
    #[must_use]
    pub fn route(&self) -> Route {
        parse_route(&self.0).expect("an Address is routable")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0.as_ref().to_owned()
    }
}

fn parse_route(text: &str) -> Result<Route, InvalidAddress> {
    if text.contains('\0') {
        return Err(InvalidAddress::Nul);
    }
    if text.len() > ADDRESS_BYTES_MAX {
        return Err(InvalidAddress::TooLong);
    }
    let (scheme, rest) = text.split_once("://").ok_or(InvalidAddress::Scheme)?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            let named = !host.is_empty() && !host.starts_with(':') && !text.contains(char::is_whitespace);
            match (named, is_port(port_of(host))) {
                (true, true) => Ok(Route::Push),
                (true, false) => Err(InvalidAddress::Port),
                (false, _) => Err(InvalidAddress::NoHost),
            }
        }
        "poll" => parse_poll(rest),
        _ => Err(InvalidAddress::Scheme),
    }
}

/// What stands behind the host; the colons of an IPv6 address are within its brackets.
fn port_of(host: &str) -> Option<&str> {
    let behind = host.rfind(']').map_or(host, |end| &host[end..]);
    behind.rsplit_once(':').map(|(_, port)| port)
}

fn is_port(port: Option<&str>) -> bool {
    port.is_none_or(|port| {
        port.is_empty() || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
    })
}

fn parse_poll(rest: &str) -> Result<Route, InvalidAddress> {
    let (cast, place) = rest.split_once('@').ok_or(InvalidAddress::NoCast)?;
    let (group, worker) = match place.split_once('/') {
        Some((group, worker)) => (group, Some(worker)),
        None => (place, None),
    };
    if group.is_empty() {
        return Err(InvalidAddress::NoGroup);
    }
    let group = decode(group)?;
    let worker = worker.filter(|worker| !worker.is_empty()).map(decode).transpose()?;
    match (cast, worker) {
        ("any", worker) => Ok(Route::Any { group, worker }),
        ("uni", Some(worker)) => Ok(Route::Uni { group, worker }),
        ("uni", None) => Err(InvalidAddress::NoWorker),
        _ => Err(InvalidAddress::NoCast),
    }
}

fn decode(text: &str) -> Result<String, InvalidAddress> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| InvalidAddress::Escape)?;
    if decoded.contains('\0') { Err(InvalidAddress::Nul) } else { Ok(decoded.into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routable_addresses_lead_somewhere() {
        let any =
            |group: &str, worker: Option<&str>| Route::Any { group: group.into(), worker: worker.map(Into::into) };
        for (text, route) in [
            ("http://host", Route::Push),
            ("https://user@host:8080/hook?x=1", Route::Push),
            ("http://[::1]", Route::Push),
            ("http://[::1]:80/", Route::Push),
            ("poll://any@default", any("default", None)),
            ("poll://any@default/", any("default", None)),
            ("poll://any@My%20Group/w%2F1", any("My Group", Some("w/1"))),
            ("poll://uni@g/w", Route::Uni { group: "g".into(), worker: "w".into() }),
        ] {
            assert_eq!(Address::parse(text).map(|address| address.route()), Ok(route), "{text}");
        }
    }

    #[test]
    fn every_spelling_of_an_address_has_the_same_mailbox() {
        let mailbox = |text| Address::parse(text).unwrap().route().mailbox();
        assert_eq!(mailbox("poll://any@My%20Group"), mailbox("poll://any@%4dy Group/w"));
        assert_eq!(mailbox("poll://any@My%20Group"), Mailbox::any("My Group"));
        assert_eq!(mailbox("poll://uni@g/a%2Fb"), Mailbox::uni("g", "a/b"));
        assert_ne!(mailbox("poll://uni@g/w"), mailbox("poll://any@g/w"));
        assert_ne!(Mailbox::uni("a/b", "c"), Mailbox::uni("a", "b/c"));
        assert_eq!(mailbox("http://host"), mailbox("https://other/path"));
    }

    #[test]
    fn unroutable_addresses_say_why() {
        for (text, why) in [
            ("", InvalidAddress::Scheme),
            ("default", InvalidAddress::Scheme),
            ("gcps://project/topic", InvalidAddress::Scheme),
            ("http://", InvalidAddress::NoHost),
            ("http:///path", InvalidAddress::NoHost),
            ("http://:80/", InvalidAddress::NoHost),
            ("http://host:99999/", InvalidAddress::Port),
            ("http://host:port", InvalidAddress::Port),
            ("https://u:p@[::1]:x", InvalidAddress::Port),
            ("poll://default", InvalidAddress::NoCast),
            ("poll://all@g", InvalidAddress::NoCast),
            ("poll://any@", InvalidAddress::NoGroup),
            ("poll://any@/w", InvalidAddress::NoGroup),
            ("poll://uni@g", InvalidAddress::NoWorker),
            ("poll://any@%ff", InvalidAddress::Escape),
            ("poll://any@a\0b", InvalidAddress::Nul),
            (&format!("http://h/{}", "x".repeat(ADDRESS_BYTES_MAX)), InvalidAddress::TooLong),
        ] {
            assert_eq!(Address::parse(text), Err(why), "{text}");
        }
    }
}
