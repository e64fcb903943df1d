//! From a target to a connection: one address after the other, each with its share of time. It knows nothing of what is said over the connection.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_postgres::config::{LoadBalanceHosts, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Place, Server, Target};

/// What carries a client's statements, whether encrypted or not: somebody has to poll it.
pub type Connection = tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Why there is no connection.
#[derive(Debug)]
pub struct ConnectError(Vec<(Server, Refusal)>);

/// Why a server, or one of its addresses, gave none.
#[derive(Debug)]
enum Refusal {
    /// The name leads nowhere.
    Name(std::io::Error),
    /// A certificate or a key cannot be used.
    Files(String),
    /// It took too long.
    Late(Duration),
    /// The server, or the way there, said no.
    Said(tokio_postgres::Error),
}

impl ConnectError {
    /// What a server said, if one said anything.
    #[must_use]
    pub fn code(&self) -> Option<&SqlState> {
        self.0.iter().find_map(|(_, refusal)| match refusal {
            Refusal::Said(error) => error.code(),
            Refusal::Name(_) | Refusal::Files(_) | Refusal::Late(_) => None,
        })
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot connect to Postgres")?;
        for (number, (server, refusal)) in self.0.iter().enumerate() {
            write!(f, "{} {server}: {refusal}", if number > 0 { ";" } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => write!(f, "{error}"),
            Self::Files(why) => f.write_str(why),
            Self::Late(limit) => write!(f, "no answer within {} s", limit.as_secs()),
            Self::Said(error) => match error.as_db_error() {
                Some(said) => write!(f, "{} ({})", said.message(), said.code().code()),
                None => write_with_causes(f, error),
            },
        }
    }
}

/// What an error of the client library says, and why: the reason is never in the first of its lines.
fn write_with_causes(f: &mut fmt::Formatter<'_>, error: &dyn std::error::Error) -> fmt::Result {
    write!(f, "{error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(f, ": {error}")?;
        cause = error.source();
    }
    Ok(())
}

impl std::error::Error for ConnectError {}

impl Target {
    /// Connects to the first server that lets us in, under `application_name` unless the URL has one. Certificates and keys are read anew, so
    /// that they can be replaced while the server runs.
    ///
    /// # Errors
    /// [`ConnectError`]: why each of the servers did not.
    pub async fn connect(&self, application_name: &str) -> Result<(Client, Connection), ConnectError> {
        let mut refused = Vec::new();
        let servers = self.in_order();
        let tls = match (self.tls.connector(), servers.first()) {
            (Ok(tls), _) => tls,
            (Err(why), first) => {
                let refused = first.map(|server| ((*server).clone(), Refusal::Files(why)));
                return Err(ConnectError(refused.into_iter().collect()));
            }
        };
        for server in servers {
            match self.connect_to(server, &tls, application_name).await {
                Ok(connected) => return Ok(connected),
                Err(refusals) => refused.extend(refusals.into_iter().map(|refusal| (server.clone(), refusal))),
            }
        }
        Err(ConnectError(refused))
    }

    fn in_order(&self) -> Vec<&Server> {
        let mut servers: Vec<&Server> = self.servers.iter().collect();
        if self.config.get_load_balance_hosts() == LoadBalanceHosts::Random {
            fastrand::shuffle(&mut servers);
        }
        servers
    }

    async fn connect_to(
        &self,
        server: &Server,
        tls: &MakeRustlsConnect,
        application_name: &str,
    ) -> Result<(Client, Connection), Vec<Refusal>> {
        let mut refused = Vec::new();
        for config in self.ways_to(server, application_name).await.map_err(|refusal| vec![refusal])? {
            match self.in_time(config.connect(tls.clone())).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => refused.push(Refusal::Said(error)),
                Err(late) => refused.push(late),
            }
        }
        Err(refused)
    }

    /// One configuration for each address of a server.
    async fn ways_to(&self, server: &Server, application_name: &str) -> Result<Vec<Config>, Refusal> {
        let mut way = self.config.clone();
        way.port(server.port);
        if way.get_application_name().is_none() {
            way.application_name(application_name);
        }
        let (name, addresses) = match &server.place {
            Place::Folder(path) => {
                // No encryption on a way that never leaves the machine, as in libpq.
                way.ssl_mode(SslMode::Disable).host_path(path);
                return Ok(vec![way]);
            }
            Place::Host(name, Some(address)) => (name, vec![*address]),
            Place::Host(name, None) => {
                let found = self.in_time(lookup_host((name.as_str(), server.port))).await?.map_err(Refusal::Name)?;
                (name, found.map(|address: SocketAddr| address.ip()).collect())
            }
        };
        way.host(name);
        let ways = addresses.into_iter().map(|address| {
            let mut way = way.clone();
            way.hostaddr(address);
            way
        });
        Ok(ways.collect())
    }

    /// Waits as long as the URL allows: a server that takes a connection and then says nothing is as good as none.
    async fn in_time<T>(&self, connecting: impl Future<Output = T>) -> Result<T, Refusal> {
        match self.connect_timeout {
            None => Ok(connecting.await),
            Some(limit) => timeout(limit, connecting).await.map_err(|_| Refusal::Late(limit)),
        }
    }
}
