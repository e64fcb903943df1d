//! `storage.postgres.url`: which servers a database is found on and how they are spoken to. Parameters are those of libpq, with its meanings; what
//! the URL leaves open is filled so that a server that is gone is noticed in seconds. It knows nothing of what connections are for.

mod connect;
mod parameters;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, LoadBalanceHosts, SslMode, SslNegotiation, TargetSessionAttrs};

use super::tls::{Roots, Tls, Verify};
pub use connect::{ConnectError, Connection};
use parameters::Parameters;

/// What holds where the URL is silent.
pub mod limits {
    use std::time::Duration;

    /// Longest wait for a server's name, for its connection, and for it to let us in, each for one address.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
    /// Silence after which a connection is probed.
    pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(2);
    /// Time between two probes.
    pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
    /// Probes without an answer after which a connection is lost.
    pub const KEEPALIVE_RETRIES: u32 = 3;
    /// How long what was sent may stay without confirmation.
    pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(3);
}

const PORT: u16 = 5432;

/// A database, and how it is reached.
#[derive(Clone)]
pub struct Target {
    servers: Vec<Server>,
    /// Everything but the servers.
    config: Config,
    connect_timeout: Option<Duration>,
    tls: Tls,
}

/// One of the servers that a database may be found on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    place: Place,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The folder of its socket.
    Folder(PathBuf),
    /// Its name, and its address unless it has to be looked up.
    Host(String, Option<IpAddr>),
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Folder(path) => write!(f, "{}:{}", path.display(), self.port),
            Place::Host(name, _) if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Place::Host(name, _) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// The servers and the database; neither user nor password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, server) in self.servers.iter().enumerate() {
            write!(f, "{}{server}", if number > 0 { "," } else { "" })?;
        }
        // As the server does: a database of the user's name.
        write!(f, "/{}", self.config.get_dbname().or(self.config.get_user()).unwrap_or_default())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

impl Target {
    /// Reads a connection string: a URL (`postgres://user@host/database`) or pairs (`host=… dbname=…`). Files that it names are opened once, to
    /// find out here what is wrong with them.
    ///
    /// # Errors
    /// What is wrong and the cure, without the password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let parsed = Parameters::parse(url).and_then(Self::read);
        parsed.map_err(|why| format!("storage.postgres.url: {why}"))
    }

    fn read(mut given: Parameters) -> Result<Self, String> {
        let servers = read_servers(&mut given)?;
        let mut config = Config::new();
        read_session(&mut config, &mut given, servers.len())?;
        read_keepalives(&mut config, &mut given)?;
        let connect_timeout = match given.number("connect_timeout")? {
            None => Some(limits::CONNECT_TIMEOUT),
            Some(0) => None,
            Some(seconds) => Some(Duration::from_secs(seconds.into())),
        };
        let tls = read_tls(&mut config, &mut given)?;
        given.finish()?;
        tls.connector()?;
        Ok(Self { servers, config, connect_timeout, tls })
    }
}

fn read_servers(given: &mut Parameters) -> Result<Vec<Server>, String> {
    let (hosts, addresses, ports) = (given.list("host"), given.list("hostaddr"), given.list("port"));
    let count = hosts.len().max(addresses.len());
    if count == 0 {
        return Err("it names no host: postgres://user@host/database".to_owned());
    }
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err("there must be as many addresses (hostaddr) as hosts".to_owned());
    }
    if ports.len() > 1 && ports.len() != count {
        return Err("there must be one port, or as many as hosts".to_owned());
    }
    let server = |number: usize| {
        let port = match ports.get(number).or(ports.first()).map_or("", String::as_str) {
            "" => PORT,
            port => match port.parse() {
                Ok(port) if port > 0 => port,
                Ok(_) | Err(_) => return Err("a port must be a number from 1 to 65535".to_owned()),
            },
        };
        let address = match addresses.get(number).map(|address| address.parse::<IpAddr>()) {
            None => None,
            Some(Ok(address)) => Some(address),
            Some(Err(_)) => return Err("hostaddr must be an IP address".to_owned()),
        };
        let place = match (hosts.get(number).map_or("", String::as_str), address) {
            ("", None) => return Err("one of the hosts is empty: remove a comma".to_owned()),
            ("", Some(address)) => Place::Host(address.to_string(), Some(address)),
            (folder, None) if folder.starts_with('/') => Place::Folder(folder.into()),
            (host, address) => Place::Host(host.to_owned(), address),
        };
        Ok(Server { place, port })
    };
    (0..count).map(server).collect()
}

fn read_session(config: &mut Config, given: &mut Parameters, servers: usize) -> Result<(), String> {
    if let Some(user) = given.text("user") {
        config.user(user);
    }
    if let Some(password) = given.text("password") {
        config.password(password);
    }
    if let Some(name) = given.text("dbname") {
        config.dbname(name);
    }
    if let Some(name) = given.text("application_name") {
        config.application_name(name);
    }
    if let Some(options) = given.text("options") {
        config.options(options);
    }
    let attributes = [("any", TargetSessionAttrs::Any), ("read-write", TargetSessionAttrs::ReadWrite)];
    // Of several servers all but one may be standbys, which take no writes.
    let silent = if servers > 1 { TargetSessionAttrs::ReadWrite } else { TargetSessionAttrs::Any };
    config.target_session_attrs(given.choice("target_session_attrs", &attributes)?.unwrap_or(silent));
    let orders = [("disable", LoadBalanceHosts::Disable), ("random", LoadBalanceHosts::Random)];
    config.load_balance_hosts(given.choice("load_balance_hosts", &orders)?.unwrap_or(LoadBalanceHosts::Disable));
    Ok(())
}

fn read_keepalives(config: &mut Config, given: &mut Parameters) -> Result<(), String> {
    let seconds = |number: Option<u32>| number.map(|number| Duration::from_secs(number.into()));
    config.keepalives(given.number("keepalives")? != Some(0));
    config.keepalives_idle(seconds(given.number("keepalives_idle")?).unwrap_or(limits::KEEPALIVE_IDLE));
    config.keepalives_interval(seconds(given.number("keepalives_interval")?).unwrap_or(limits::KEEPALIVE_INTERVAL));
    // The name of libpq, and the one that the client library has for it.
    let retries = given.number("keepalives_count")?.or(given.number("keepalives_retries")?);
    config.keepalives_retries(retries.unwrap_or(limits::KEEPALIVE_RETRIES));
    // Milliseconds, unlike its neighbours.
    match given.number("tcp_user_timeout")? {
        Some(0) => {}
        Some(millis) => drop(config.tcp_user_timeout(Duration::from_millis(millis.into()))),
        None => drop(config.tcp_user_timeout(limits::TCP_USER_TIMEOUT)),
    }
    Ok(())
}

/// What the modes of libpq come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

fn read_tls(config: &mut Config, given: &mut Parameters) -> Result<Tls, String> {
    const MODES: [(&str, Mode); 5] = [
        ("disable", Mode::Disable),
        ("prefer", Mode::Prefer),
        ("require", Mode::Require),
        ("verify-ca", Mode::VerifyCa),
        ("verify-full", Mode::VerifyFull),
    ];
    let roots = match given.text("sslrootcert").as_deref() {
        None => None,
        Some("system") => Some(Roots::System),
        Some(path) => Some(Roots::File(path.into())),
    };
    let mode = match (given.choice("sslmode", &MODES)?, &roots) {
        (None, Some(Roots::System)) => Mode::VerifyFull,
        (Some(mode), Some(Roots::System)) if mode != Mode::VerifyFull => {
            return Err(
                "sslrootcert=system trusts everybody who has a public certificate: it needs sslmode=verify-full"
                    .to_owned(),
            );
        }
        (mode, _) => mode.unwrap_or(Mode::Prefer),
    };
    let verify = match (mode, roots) {
        (Mode::Disable | Mode::Prefer, _) | (Mode::Require, None) => Verify::Nothing,
        (Mode::Require, Some(roots)) => Verify::Chain(roots),
        (Mode::VerifyCa, roots) => Verify::Chain(roots.unwrap_or(Roots::System)),
        (Mode::VerifyFull, roots) => Verify::ChainAndName(roots.unwrap_or(Roots::System)),
    };
    let identity = match (given.text("sslcert"), given.text("sslkey")) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
        (Some(_), None) => return Err("sslcert needs its key: add sslkey".to_owned()),
        (None, Some(_)) => return Err("sslkey needs its certificate: add sslcert".to_owned()),
    };
    config.ssl_mode(match mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
    });
    let starts = [("postgres", SslNegotiation::Postgres), ("direct", SslNegotiation::Direct)];
    let start = given.choice("sslnegotiation", &starts)?.unwrap_or_default();
    if start == SslNegotiation::Direct && matches!(mode, Mode::Disable | Mode::Prefer) {
        return Err("sslnegotiation=direct needs sslmode=require, verify-ca or verify-full".to_owned());
    }
    config.ssl_negotiation(start);
    let bindings = [
        ("disable", ChannelBinding::Disable),
        ("prefer", ChannelBinding::Prefer),
        ("require", ChannelBinding::Require),
    ];
    config.channel_binding(given.choice("channel_binding", &bindings)?.unwrap_or(ChannelBinding::Prefer));
    // Without encryption no file is needed.
    let identity = identity.filter(|_| mode != Mode::Disable);
    Ok(Tls { verify, identity })
}
