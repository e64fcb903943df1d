//! Servers over one database, each with a port that stays its own when it is replaced.

use resonate_tests::folder::Folder;

use crate::server::child::{Refused, Server, Start};
use crate::server::eventually;
use crate::server::wire::Request;

/// How one server is started, each time.
pub(super) struct Place {
    folder: Folder,
    flags: Vec<(String, String)>,
    variables: Vec<(String, String)>,
}

impl Place {
    /// A server over a database, with more flags.
    pub(super) fn of(url: &str, flags: &[(&str, &str)]) -> Self {
        let own = [("--storage-type", "postgres"), ("--storage-postgres-url", url)];
        let all = own.iter().chain(flags).map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Self { folder: Folder::new(), flags: all.collect(), variables: Vec::new() }
    }

    /// Sets a variable of its environment.
    pub(super) fn variable(mut self, name: &str, text: &str) -> Self {
        self.variables.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Starts one that must end on its own.
    pub(super) fn refused(&self) -> Refused {
        self.start().refused()
    }

    fn start(&self) -> Start<'_> {
        let start =
            self.flags.iter().fold(Start::new("serve", &self.folder), |start, (name, text)| start.flag(name, text));
        self.variables.iter().fold(start, |start, (name, text)| start.variable(name, text))
    }
}

/// Servers that run side by side.
pub(super) struct Fleet {
    /// None where one was killed.
    servers: Vec<Option<Server>>,
    places: Vec<Place>,
}

impl Fleet {
    /// So many servers over a database that differ in nothing but their ports, with more flags.
    pub(super) fn start(count: usize, url: &str, flags: &[(&str, &str)]) -> Self {
        Self::at((0..count).map(|_| Place::of(url, flags)).collect())
    }

    /// A server at each place.
    pub(super) fn at(mut places: Vec<Place>) -> Self {
        let mut servers = Vec::with_capacity(places.len());
        for place in &mut places {
            let server = place.start().serve();
            place.flags.push(("--server-port".to_owned(), server.http.to_string()));
            servers.push(Some(server));
        }
        Self { servers, places }
    }

    /// Where their clients connect.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.servers().map(|server| server.http).collect()
    }

    /// Those that run.
    pub(super) fn servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().flatten()
    }

    /// Ends one at once.
    pub(super) fn kill(&mut self, at: usize) {
        self.servers[at].take().expect("a server that runs").kill();
    }

    /// Starts one in the place of one that was killed.
    pub(super) fn replace(&mut self, at: usize) {
        self.servers[at] = Some(self.places[at].start().serve());
    }

    /// Waits until every server says of itself that it is ready, or that it is not.
    pub(super) fn wait_until_ready(&self, is_ready: bool) {
        let status = if is_ready { 200 } else { 503 };
        for server in self.servers() {
            eventually(&format!("/ready is {status}"), || {
                (server.ask(&Request::get("/ready")).status == status).then_some(())
            });
        }
    }
}
