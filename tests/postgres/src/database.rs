//! One database of a cluster, as long as a test needs it, and what can be done to its connections.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::Place;
use crate::programs::run;
use crate::settings::quoted;

/// Creates a database whose texts are in the order of a language, where the server can, as they often are in production and never in a test by
/// chance: what needs the order of bytes has to say so.
const CREATE: &str = r"
SELECT current_setting('server_version_num')::int >= 150000 AND EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AS has_languages \gset
\if :has_languages
CREATE DATABASE :name TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US';
\else
CREATE DATABASE :name;
\endif
";

/// A fresh database. It is dropped with everything in it and every connection to it.
#[derive(Debug)]
pub struct Database {
    name: String,
    place: Place,
}

impl Database {
    pub(crate) fn create(place: &Place) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBERS.fetch_add(1, Ordering::Relaxed));
        let mut psql = place.psql("postgres");
        let mut psql = psql.args(["-v", &format!("name={name}")]).stdin(Stdio::piped()).spawn().expect("psql starts");
        psql.stdin.take().expect("a pipe").write_all(CREATE.as_bytes()).expect("psql reads");
        let status = psql.wait().expect("a child");
        assert!(status.success(), "no database was made: {status}");
        Self { name, place: place.clone() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its superuser connects over TCP.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_by(&[self.place.port])
    }

    /// The same over other ports of the loopback: those of wires and standbys, in the order in which they are tried.
    #[must_use]
    pub fn url_by(&self, ports: &[u16]) -> String {
        let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("postgres://postgres@{}/{}", hosts.join(","), self.name)
    }

    /// What a statement returns: a line a row, columns separated by `|`.
    ///
    /// # Errors
    /// What Postgres says.
    pub fn query(&self, sql: &str) -> Result<String, String> {
        self.place.query(&self.name, sql)
    }

    /// Begins a transaction that stays open, with the locks that it takes.
    ///
    /// # Panics
    /// When the statement fails.
    #[must_use]
    pub fn begin(&self, sql: &str) -> Session {
        let mut psql = self.place.psql(&self.name);
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql starts");
        let script = format!("BEGIN;\n{sql};\n\\echo begun\n");
        psql.stdin.as_mut().expect("a pipe").write_all(script.as_bytes()).expect("psql reads");
        let lines = BufReader::new(psql.stdout.take().expect("a pipe")).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "begun"), "{sql} has failed");
        Session(psql)
    }

    /// Cuts one connection to it, whichever, and says whether there was one.
    #[must_use]
    pub fn terminate_one(&self) -> bool {
        self.terminate("ORDER BY random() LIMIT 1") > 0
    }

    /// Cuts every connection to it and says how many there were.
    #[must_use]
    pub fn terminate_all(&self) -> usize {
        self.terminate("")
    }

    fn terminate(&self, which: &str) -> usize {
        let theirs = format!("SELECT pid FROM pg_stat_activity WHERE datname = {} {which}", quoted(&self.name));
        let cut = format!("SELECT count(pg_terminate_backend(pid)) FROM ({theirs}) AS theirs");
        // Over another database, so that this connection is none of them.
        self.place.query("postgres", &cut).expect("a superuser").parse().expect("a number")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The cluster may be gone, or stopped, and a standby that it would wait for too.
        let mut psql = self.place.psql("postgres");
        psql.env("PGOPTIONS", "-c synchronous_commit=local");
        psql.args(["-c", &format!("DROP DATABASE {} WITH (FORCE)", self.name)]);
        let _ = run(psql);
    }
}

/// A transaction that stays open until it is dropped; then it is undone.
#[derive(Debug)]
pub struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
