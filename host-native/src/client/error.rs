//! What goes wrong between a client and its server, in words that name the cure.

use std::fmt;

/// Why there is no answer, or which refusal the answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The URL of the server is none.
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client could not be set up.
    Setup(String),
    /// Nobody answered.
    Unreachable {
        /// The server's URL.
        url: String,
        /// The innermost cause.
        why: String,
    },
    /// The server's port speaks something else.
    OtherLanguage {
        /// The server's URL.
        url: String,
        /// What to do.
        cure: &'static str,
    },
    /// Something answered that does not speak the protocol.
    Foreign {
        /// The server's URL.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        excerpt: String,
    },
    /// The answer has not what its kind promises.
    Unreadable {
        /// What was asked for.
        kind: String,
        /// What is wrong.
        why: String,
    },
    /// The server sends no messages, so that nothing can be waited for.
    NoStream {
        /// The status, 400 or above.
        status: u16,
        /// Its reason.
        why: String,
    },
    /// The server said no.
    Refused {
        /// What was asked for.
        kind: String,
        /// The status, 400 or above.
        status: u16,
        /// Its reason.
        why: String,
    },
}

impl Error {
    /// Whether the URL may be a wrong one.
    #[must_use]
    pub fn is_about_the_url(&self) -> bool {
        match self {
            Self::Url { .. } | Self::Unreachable { .. } | Self::OtherLanguage { .. } | Self::Foreign { .. } => true,
            Self::Setup(_) | Self::Unreadable { .. } | Self::NoStream { .. } | Self::Refused { .. } => false,
        }
    }

    /// Whether another attempt may go better, with nothing changed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } | Self::NoStream { status, .. } | Self::Foreign { status, .. } => {
                *status == 429 || *status >= 500
            }
            Self::Url { .. } | Self::Setup(_) | Self::OtherLanguage { .. } | Self::Unreadable { .. } => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url, why } => write!(f, "the server's URL {url:?} is not usable: {why}"),
            Self::Setup(why) => write!(f, "cannot set up the HTTP client: {why}"),
            Self::Unreachable { url, why } => write!(
                f,
                "cannot reach the server at {url}: {why}. Start one with `resonate serve`, or name another with --server \
                 or RESONATE_URL"
            ),
            Self::OtherLanguage { url, cure } => write!(f, "what listens at {url} speaks something else: {cure}"),
            Self::Foreign { url, status, excerpt } => {
                write!(f, "{url} answers {status}, and not as a Resonate server does; check --server")?;
                if excerpt.is_empty() { Ok(()) } else { write!(f, ". It says: {excerpt}") }
            }
            Self::Unreadable { kind, why } => write!(f, "the answer to {kind} cannot be read: {why}"),
            Self::NoStream { status, why } => {
                write!(f, "cannot wait: the server sends no messages; {why} ({status}). Without --wait it can be asked")
            }
            Self::Refused { status: 401, why, .. } => {
                write!(f, "{why} (401): the server wants a valid token; pass it with --token or RESONATE_TOKEN")
            }
            Self::Refused { status: 403, why, .. } => write!(f, "{why} (403): the token does not allow this"),
            Self::Refused { status, why, .. } => write!(f, "{why} ({status})"),
        }
    }
}

impl std::error::Error for Error {}
