//! What a configuration key is, and every name that follows from its path.
//!
//! It must not know the list of keys (that is [`super::keys`]) nor the layers that set them.

use std::borrow::Cow;

/// One configuration key: its flag, its environment name and its place in `resonate.toml` all
/// follow from `path`.
#[derive(Debug)]
pub struct Key {
    /// The dotted path, as in `resonate.toml`; an ignored family ends in `.*`.
    pub path: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The default, spelled as on the command line; `None` means unset.
    pub default: Option<&'static str>,
    /// What `resonate dev` uses instead of `default`.
    pub dev_default: Option<&'static str>,
    /// One sentence for people; for an ignored key, why it has no meaning here.
    pub help: &'static str,
    /// Flags that do not follow from the path, without the dashes.
    pub irregular_flags: &'static [&'static str],
    /// Whether this server acts on it.
    pub meaning: Meaning,
    /// What must not be printed.
    pub secrecy: Secrecy,
}

/// The values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A TCP port; 0 is accepted.
    Port,
    /// A whole number of things, at least 1, at most `u32::MAX`.
    Count,
    /// A whole number of bytes, at least 1, at most `u32::MAX`.
    Bytes,
    /// A whole number of milliseconds, at least `min`.
    Millis {
        /// The smallest accepted value.
        min: i64,
    },
    /// Text; `hint` is the value name that help shows.
    Text {
        /// Such as `URL` or `FILE`.
        hint: &'static str,
    },
    /// Any number of texts; `hint` is the value name of one.
    List {
        /// Such as `ORIGIN`.
        hint: &'static str,
    },
    /// One of the names.
    Choice(&'static [&'static str]),
    /// Not looked at: the value of an ignored key.
    Anything,
}

/// Whether a key changes what this server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It does.
    Live,
    /// It belongs to the public server; accepted with one warning so that its files and scripts
    /// carry over.
    Ignored,
}

/// Which part of a value must not be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Nothing is secret.
    Open,
    /// The whole value.
    Whole,
    /// The password inside a URL.
    UrlPassword,
}

impl Key {
    /// A key that this server acts on, unset by default.
    pub(super) const fn live(path: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            path,
            kind,
            default: None,
            dev_default: None,
            help,
            irregular_flags: &[],
            meaning: Meaning::Live,
            secrecy: Secrecy::Open,
        }
    }

    /// A key of the public server without meaning here; `reason` goes into the warning.
    pub(super) const fn ignored(path: &'static str, reason: &'static str) -> Self {
        let mut key = Self::live(path, Kind::Anything, reason);
        key.meaning = Meaning::Ignored;
        key
    }

    pub(super) const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    pub(super) const fn dev_default(mut self, text: &'static str) -> Self {
        self.dev_default = Some(text);
        self
    }

    pub(super) const fn irregular_flags(mut self, names: &'static [&'static str]) -> Self {
        self.irregular_flags = names;
        self
    }

    pub(super) const fn secrecy(mut self, secrecy: Secrecy) -> Self {
        self.secrecy = secrecy;
        self
    }

    /// The section that a family `section.*` stands for, or `None` for an ordinary key.
    pub fn family(&self) -> Option<&'static str> {
        self.path.strip_suffix(".*")
    }

    /// The flag that follows from the path, without the dashes; a family has none of its own.
    pub fn flag(&self) -> Option<String> {
        match self.family() {
            Some(_) => None,
            None => Some(self.path.replace(['.', '_'], "-")),
        }
    }

    /// The environment variable that sets it.
    pub fn environment(&self) -> String {
        environment_name(self.path)
    }

    /// The value to print in place of `text`.
    pub fn masked<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.secrecy {
            Secrecy::Open => Cow::Borrowed(text),
            Secrecy::Whole => Cow::Borrowed(MASK),
            Secrecy::UrlPassword => mask_url_password(text),
        }
    }
}

/// What stands for a secret wherever one would be printed.
pub const MASK: &str = "***";

/// The prefix of every environment variable that may be configuration.
pub(super) const ENVIRONMENT_PREFIX: &str = "RESONATE_";

/// The environment variable for a dotted path.
pub(super) fn environment_name(path: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// Unsure shapes are masked whole: a password that is not escaped, or one given as a parameter,
/// must not slip through.
fn mask_url_password(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Cow::Borrowed(MASK);
    };
    if url.to_ascii_lowercase().contains("password") {
        return Cow::Borrowed(MASK);
    }
    match rest.rsplit_once('@') {
        None => Cow::Borrowed(url),
        Some((user, host)) => match user.split_once(':') {
            None => Cow::Borrowed(url),
            Some((name, _)) => Cow::Owned(format!("{scheme}://{name}:{MASK}@{host}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: Key = Key::live("server.grpc_port", Kind::Port, "");

    #[test]
    fn names_follow_from_the_path() {
        assert_eq!(PORT.flag().as_deref(), Some("server-grpc-port"));
        assert_eq!(PORT.environment(), "RESONATE_SERVER__GRPC_PORT");
        assert_eq!(Key::ignored("storage.mysql.*", "").flag(), None);
    }

    #[test]
    fn only_the_password_of_a_url_is_masked_when_its_place_is_certain() {
        let mask = |url| mask_url_password(url).into_owned();
        assert_eq!(mask("postgres://ann:s3cret@db/x"), "postgres://ann:***@db/x");
        assert_eq!(mask("postgres://ann:a/b@c:d@db/x"), "postgres://ann:***@db/x");
        assert_eq!(mask("postgres://ann@db/x"), "postgres://ann@db/x");
        assert_eq!(mask("postgres://db/x"), "postgres://db/x");
        assert_eq!(mask("postgres://db/x?password=s3cret"), "***");
        assert_eq!(mask("host=db password=s3cret"), "***");
    }
}
