//! Servers over one database, each with a port that stays its own when it is replaced.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::child::{Refused, Server, Start};
use crate::folder::Folder;
use crate::wire::Request;
use crate::{binary, eventually};

/// How one server is started, each time.
#[derive(Debug)]
pub struct Place {
    folder: Folder,
    /// None is the one that was built beside the test.
    binary: Option<PathBuf>,
    flags: Vec<(String, String)>,
    variables: Vec<(String, String)>,
}

impl Place {
    /// A server over a file of its own, with more flags.
    #[must_use]
    pub fn new(flags: &[(&str, &str)]) -> Self {
        let flags = flags.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Self { folder: Folder::new(), binary: None, flags, variables: Vec::new() }
    }

    /// A server over a database, with more flags.
    #[must_use]
    pub fn of(url: &str, flags: &[(&str, &str)]) -> Self {
        let own = [("--storage-type", "postgres"), ("--storage-postgres-url", url)];
        Self::new(&[&own, flags].concat())
    }

    /// Starts this binary.
    #[must_use]
    pub fn binary(mut self, path: &Path) -> Self {
        self.binary = Some(path.to_owned());
        self
    }

    /// Where it works.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Sets a variable of its environment.
    pub fn variable(mut self, name: &str, text: &str) -> Self {
        self.variables.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Starts one that must end on its own.
    pub fn refused(&self) -> Refused {
        self.start().refused()
    }

    fn start(&self) -> Start<'_> {
        let binary = self.binary.as_deref().unwrap_or_else(|| binary::path());
        let start = Start::of(binary, "serve", &self.folder);
        let start = self.flags.iter().fold(start, |start, (name, text)| start.flag(name, text));
        self.variables.iter().fold(start, |start, (name, text)| start.variable(name, text))
    }
}

/// Servers that run side by side.
#[derive(Debug)]
pub struct Fleet {
    /// None where one was killed.
    servers: Vec<Option<Server>>,
    places: Vec<Place>,
}

impl Fleet {
    /// So many servers over a database that differ in nothing but their ports, with more flags.
    pub fn start(count: usize, url: &str, flags: &[(&str, &str)]) -> Self {
        Self::at((0..count).map(|_| Place::of(url, flags)).collect())
    }

    /// A server at each place.
    pub fn at(mut places: Vec<Place>) -> Self {
        let mut servers = Vec::with_capacity(places.len());
        for place in &mut places {
            let server = place.start().serve();
            place.flags.push(("--server-port".to_owned(), server.http.to_string()));
            servers.push(Some(server));
        }
        Self { servers, places }
    }

    /// Where their clients connect.
    pub fn ports(&self) -> Vec<u16> {
        self.servers().map(|server| server.http).collect()
    }

    /// Those that run.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().flatten()
    }

    /// Ends one at once.
    pub fn kill(&mut self, at: usize) {
        self.servers[at].take().expect("a server that runs").kill();
    }

    /// Whether one has ended by itself.
    pub fn has_ended(&mut self, at: usize) -> bool {
        self.servers[at].as_mut().is_some_and(Server::has_ended)
    }

    /// Asks one to stop, which it does.
    ///
    /// # Panics
    /// When it is not running.
    pub fn stop(&mut self, at: usize) {
        self.servers[at].take().expect("a server that runs").stop();
    }

    /// The place of one, whether it runs or not.
    #[must_use]
    pub fn place(&self, at: usize) -> &Place {
        &self.places[at]
    }

    /// Starts one in the place of one that was killed, and kills it so soon: most often before it answers.
    pub fn stillborn(&self, at: usize, after: Duration) {
        self.places[at].start().killed_after(after);
    }

    /// Starts one in the place of one that was killed.
    pub fn replace(&mut self, at: usize) {
        self.servers[at] = Some(self.places[at].start().serve());
    }

    /// Waits until every server says of itself that it is ready, or that it is not.
    pub fn wait_until_ready(&self, is_ready: bool) {
        let status = if is_ready { 200 } else { 503 };
        for server in self.servers() {
            eventually(&format!("/ready is {status}"), || {
                (server.ask(&Request::get("/ready")).status == status).then_some(())
            });
        }
    }
}
