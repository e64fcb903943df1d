//! Connections to a cluster that takes none without TLS, by each mode that a URL may name, with the right certificates and with others.

use std::path::PathBuf;
use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use resonate::store::postgres::url::Target;
use resonate_postgres_cluster::{Cluster, Settings};

/// The name that the cluster's certificate is for.
const NAME: &str = "localhost";

/// Everybody needs TLS; some need more.
const ACCESS: &str = "\
hostssl all ann 127.0.0.1/32 cert
hostssl all ben 127.0.0.1/32 scram-sha-256
hostssl all postgres 127.0.0.1/32 trust";

/// Signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate and its key, in PEM.
    fn sign(&self, names: &[&str], common_name: &str) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// A cluster with a certificate, and files that clients name.
struct Setup(Cluster);

impl Setup {
    fn new() -> Self {
        let (ours, other) = (Authority::new("ours"), Authority::new("another"));
        let (certificate, key) = ours.sign(&[NAME], NAME);
        let settings = Settings::new().tls(&certificate, &key).file("clients.crt", &ours.pem);
        let setup = Self(settings.set("ssl_ca_file", "clients.crt").access(ACCESS).start());
        for statement in ["CREATE USER ann", "CREATE USER ben PASSWORD 's3cret'"] {
            setup.0.query(statement).expect("a user");
        }
        let (certificate, key) = ours.sign(&[], "ann");
        let files = [("ours", &ours.pem), ("other", &other.pem), ("ann.crt", &certificate), ("ann.key", &key)];
        for (name, pem) in files {
            std::fs::write(setup.file(name), pem).expect("a file");
        }
        setup
    }

    /// A file in the folder of the cluster, which goes with it.
    fn file(&self, name: &str) -> PathBuf {
        self.0.sockets().join(name)
    }

    /// Connects to the cluster under a name. Whether that is encrypted, or why it is refused.
    fn connect_to(&self, host: &str, parameters: &str) -> Result<bool, String> {
        let port = self.0.port();
        connect(&format!("host={host} hostaddr=127.0.0.1 port={port} dbname=postgres user=postgres {parameters}"))
    }

    fn connect(&self, parameters: &str) -> Result<bool, String> {
        self.connect_to(NAME, parameters)
    }

    fn roots(&self, name: &str) -> String {
        format!("sslrootcert='{}'", self.file(name).display())
    }
}

static SETUP: LazyLock<Setup> = LazyLock::new(Setup::new);

/// Whether a connection is encrypted, as the server sees it, or why there is none.
fn connect(url: &str) -> Result<bool, String> {
    let target = Target::parse(url)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = target.connect("resonate test").await.map_err(|error| error.to_string())?;
        let carrying = tokio::spawn(connection);
        let seen = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let row = client.query_one(seen, &[]).await.expect("an answer");
        drop(client);
        carrying.await.expect("no panic").expect("an orderly end");
        Ok(row.get(0))
    })
}

fn assert_refused(connected: Result<bool, String>, why: &str) {
    let said = connected.expect_err("a connection that is refused");
    assert!(said.contains(why), "{said:?} does not say {why:?}");
}

#[test]
fn who_does_not_encrypt_is_refused_by_a_server_that_wants_it() {
    assert_refused(SETUP.connect("sslmode=disable"), "no encryption (28000)");
}

#[test]
fn who_says_nothing_encrypts_where_the_server_can() {
    assert_eq!(SETUP.connect(""), Ok(true));
    assert_eq!(connect(&Cluster::shared().database().url()), Ok(false));
}

#[test]
fn who_requires_encryption_gets_it_or_no_connection() {
    assert_eq!(SETUP.connect("sslmode=require"), Ok(true));
    let plain = format!("{}?sslmode=require", Cluster::shared().database().url());
    assert_refused(connect(&plain), "server does not support TLS");
}

#[test]
fn encryption_is_only_verified_where_there_is_something_to_verify_it_by() {
    assert_eq!(SETUP.connect(&format!("sslmode=prefer {}", SETUP.roots("other"))), Ok(true));
    assert_eq!(SETUP.connect(&format!("sslmode=require {}", SETUP.roots("ours"))), Ok(true));
    assert_refused(SETUP.connect(&format!("sslmode=require {}", SETUP.roots("other"))), "UnknownIssuer");
}

#[test]
fn the_authority_is_verified_without_the_name() {
    let mode = |roots| format!("sslmode=verify-ca {}", SETUP.roots(roots));
    assert_eq!(SETUP.connect_to("db.example", &mode("ours")), Ok(true));
    assert_refused(SETUP.connect(&mode("other")), "UnknownIssuer");
    assert_refused(SETUP.connect("sslmode=verify-ca"), "UnknownIssuer");
}

#[test]
fn the_authority_is_verified_and_the_name() {
    let mode = |roots| format!("sslmode=verify-full {}", SETUP.roots(roots));
    assert_eq!(SETUP.connect(&mode("ours")), Ok(true));
    assert_refused(SETUP.connect_to("db.example", &mode("ours")), "not valid for name \"db.example\"");
    assert_refused(SETUP.connect_to("127.0.0.1", &mode("ours")), "not valid for name");
    assert_refused(SETUP.connect(&mode("other")), "UnknownIssuer");
    assert_refused(SETUP.connect("sslmode=verify-full sslrootcert=system"), "UnknownIssuer");
}

#[test]
fn a_client_shows_its_certificate() {
    let mode = format!("user=ann sslmode=verify-full {}", SETUP.roots("ours"));
    let (certificate, key) = (SETUP.file("ann.crt"), SETUP.file("ann.key"));
    let identity = format!("sslcert='{}' sslkey='{}'", certificate.display(), key.display());
    assert_eq!(SETUP.connect(&format!("{mode} {identity}")), Ok(true));
    assert_refused(SETUP.connect(&mode), "certificate");
    let mixed = format!("sslcert='{}' sslkey='{}'", SETUP.file("ours").display(), key.display());
    assert_refused(SETUP.connect(&mixed), "sslcert and sslkey do not go together");
}

#[test]
fn a_password_is_bound_to_the_encryption_that_it_is_sent_over() {
    assert_eq!(SETUP.connect("user=ben password=s3cret sslmode=require channel_binding=require"), Ok(true));
    assert_refused(SETUP.connect("user=ben password=wrong sslmode=require"), "(28P01)");
}

#[test]
fn a_certificate_that_has_signed_itself_is_trusted_where_it_is_named() {
    let own = Authority::new("itself");
    let mut params = CertificateParams::new([NAME.to_owned()]).expect("a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    let cluster = Settings::new().tls(&certificate, &key.serialize_pem()).start();
    let setup = Setup(cluster);
    for (name, pem) in [("itself", &certificate), ("another", &own.pem)] {
        std::fs::write(setup.file(name), pem).expect("a file");
    }
    assert_eq!(setup.connect(&format!("sslmode=verify-full {}", setup.roots("itself"))), Ok(true));
    let elsewhere = setup.connect_to("db.example", &format!("sslmode=verify-full {}", setup.roots("itself")));
    assert_refused(elsewhere, "not valid for name");
    assert_refused(setup.connect(&format!("sslmode=verify-ca {}", setup.roots("another"))), "CaUsedAsEndEntity");
}

#[test]
fn on_the_socket_of_a_machine_nothing_is_encrypted() {
    let folder = SETUP.0.sockets().display();
    let port = SETUP.0.port();
    let url = format!("host={folder} port={port} user=postgres dbname=postgres sslmode=require");
    assert_eq!(connect(&url), Ok(false));
}
