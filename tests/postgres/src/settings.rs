//! How a cluster is set up, before it starts.

use std::collections::BTreeMap;

use crate::Cluster;

/// What a cluster starts with. Unless it is [`durable`](Settings::durable), it keeps what was committed only as long as the machine runs, which is
/// what tests need and quick.
#[derive(Clone, Debug)]
pub struct Settings {
    values: BTreeMap<String, String>,
    files: Vec<(String, String)>,
    access: Option<String>,
}

impl Settings {
    /// For tests.
    #[must_use]
    pub fn new() -> Self {
        let settings = Self { values: BTreeMap::new(), files: Vec::new(), access: None };
        settings.set("fsync", "off").set("full_page_writes", "off")
    }

    /// Every commit is synced, as in production.
    #[must_use]
    pub fn durable(self) -> Self {
        self.set("fsync", "on").set("full_page_writes", "on")
    }

    /// Sets any parameter of `postgresql.conf`; the text is quoted here.
    #[must_use]
    pub fn set(mut self, name: &str, text: &str) -> Self {
        self.values.insert(name.to_owned(), text.to_owned());
        self
    }

    /// Lays a file into the data folder, which only the cluster can read. Parameters name it without a path.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// TLS for who asks for it, by a certificate and its key in PEM.
    #[must_use]
    pub fn tls(self, certificate: &str, key: &str) -> Self {
        let files = self.file("server.crt", certificate).file("server.key", key);
        files.set("ssl", "on").set("ssl_cert_file", "server.crt").set("ssl_key_file", "server.key")
    }

    /// Who may come in over TCP, as lines of `pg_hba.conf`; everybody on the loopback, unless they say otherwise. The Unix socket stays open to who
    /// runs the tests.
    #[must_use]
    pub fn access(mut self, lines: &str) -> Self {
        self.access = Some(lines.to_owned());
        self
    }

    /// Creates a cluster and starts it.
    ///
    /// # Panics
    /// When there is no Postgres, or it does not start: with its log.
    #[must_use]
    pub fn start(&self) -> Cluster {
        Cluster::create(self)
    }

    /// `postgresql.conf`, with what the cluster needs itself.
    pub(crate) fn text(&self, own: &[(&str, &str)]) -> String {
        let given = self.values.iter().map(|(name, text)| (&**name, &**text));
        given.chain(own.iter().copied()).map(|(name, text)| format!("{name} = {}\n", quoted(text))).collect()
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(name, text)| (&**name, &**text))
    }

    /// `pg_hba.conf`.
    pub(crate) fn access_text(&self) -> String {
        const LOOPBACK: &str = "host all all 127.0.0.1/32 trust\nhost all all ::1/128 trust\n";
        let local = "local all all trust\nlocal replication all trust\n";
        format!("{local}{}\n", self.access.as_deref().unwrap_or(LOOPBACK))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

/// A text as a literal of SQL and of `postgresql.conf`.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
