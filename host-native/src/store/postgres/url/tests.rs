use std::path::Path;

use super::*;

fn parsed(url: &str) -> Target {
    Target::parse(url).unwrap_or_else(|why| panic!("{url}: {why}"))
}

fn refused(url: &str) -> String {
    let why = Target::parse(url).expect_err(url);
    why.strip_prefix("storage.postgres.url: ").unwrap_or_else(|| panic!("{why} names its key")).to_owned()
}

fn host(name: &str, port: u16) -> Server {
    Server { place: Place::Host(name.to_owned(), None), port }
}

fn folder(path: &str, port: u16) -> Server {
    Server { place: Place::Folder(path.into()), port }
}

#[test]
fn a_url_names_user_password_servers_and_database() {
    let target = parsed("postgres://ann:s3%2Fcr%40t@db1:6000,db2/orders?application_name=shop&options=-c%20geqo%3Doff");
    assert_eq!(target.servers, [host("db1", 6000), host("db2", 5432)]);
    assert_eq!(target.config.get_user(), Some("ann"));
    assert_eq!(target.config.get_password(), Some(&b"s3/cr@t"[..]));
    assert_eq!(target.config.get_dbname(), Some("orders"));
    assert_eq!(target.config.get_application_name(), Some("shop"));
    assert_eq!(target.config.get_options(), Some("-c geqo=off"));
}

#[test]
fn pairs_say_the_same_as_a_url() {
    let target = parsed(r"host=db1,db2 port=6000, user = ann password='it\'s a secret' dbname=orders");
    assert_eq!(target.servers, [host("db1", 6000), host("db2", 5432)]);
    assert_eq!(target.config.get_user(), Some("ann"));
    assert_eq!(target.config.get_password(), Some(&b"it's a secret"[..]));
    assert_eq!(target.config.get_dbname(), Some("orders"));
}

#[test]
fn servers_are_names_addresses_or_folders_of_sockets() {
    assert_eq!(parsed("postgres://%2Frun%2Fpg:6000/x").servers, [folder("/run/pg", 6000)]);
    assert_eq!(parsed("postgresql:///x?host=/run/pg&port=6000").servers, [folder("/run/pg", 6000)]);
    assert_eq!(parsed("postgres:///x?host=/run/a,db2").servers, [folder("/run/a", 5432), host("db2", 5432)]);
    assert_eq!(parsed("host=/run/pg").servers, [folder("/run/pg", 5432)]);
    assert_eq!(parsed("postgres://[::1]:6000/x").servers, [host("::1", 6000)]);
    let address = "10.0.0.1".parse().expect("an address");
    let known = Server { place: Place::Host("db".to_owned(), Some(address)), port: 5432 };
    assert_eq!(parsed("host=db hostaddr=10.0.0.1").servers, [known]);
    let nameless = Server { place: Place::Host("10.0.0.1".to_owned(), Some(address)), port: 5432 };
    assert_eq!(parsed("hostaddr=10.0.0.1").servers, [nameless]);
}

#[test]
fn one_port_is_for_all_servers() {
    assert_eq!(parsed("host=db1,db2 port=6000").servers, [host("db1", 6000), host("db2", 6000)]);
}

#[test]
fn silence_means_that_a_lost_server_is_noticed_in_seconds() {
    let target = parsed("postgres://db");
    assert_eq!(target.connect_timeout, Some(limits::CONNECT_TIMEOUT));
    assert!(target.config.get_keepalives());
    assert_eq!(target.config.get_keepalives_idle(), limits::KEEPALIVE_IDLE);
    assert_eq!(target.config.get_keepalives_interval(), Some(limits::KEEPALIVE_INTERVAL));
    assert_eq!(target.config.get_keepalives_retries(), Some(limits::KEEPALIVE_RETRIES));
    assert_eq!(target.config.get_tcp_user_timeout(), Some(&limits::TCP_USER_TIMEOUT));
}

#[test]
fn times_are_those_of_the_url_in_the_units_of_libpq() {
    let target = parsed(
        "postgres://db?connect_timeout=9&keepalives_idle=8&keepalives_interval=7&keepalives_count=6&tcp_user_timeout=5000",
    );
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(9)));
    assert_eq!(target.config.get_keepalives_idle(), Duration::from_secs(8));
    assert_eq!(target.config.get_keepalives_interval(), Some(Duration::from_secs(7)));
    assert_eq!(target.config.get_keepalives_retries(), Some(6));
    assert_eq!(target.config.get_tcp_user_timeout(), Some(&Duration::from_secs(5)));
    let endless = parsed("postgres://db?connect_timeout=0&tcp_user_timeout=0&keepalives=0");
    assert_eq!(endless.connect_timeout, None);
    assert_eq!(endless.config.get_tcp_user_timeout(), None);
    assert!(!endless.config.get_keepalives());
}

#[test]
fn of_several_servers_one_that_takes_writes_is_looked_for() {
    assert_eq!(parsed("postgres://a,b/x").config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    assert_eq!(parsed("postgres://a/x").config.get_target_session_attrs(), TargetSessionAttrs::Any);
    let any = parsed("postgres://a,b/x?target_session_attrs=any");
    assert_eq!(any.config.get_target_session_attrs(), TargetSessionAttrs::Any);
}

#[test]
fn the_mode_says_whether_to_encrypt_and_what_to_verify() {
    let mode = |url| {
        let target = parsed(url);
        (target.config.get_ssl_mode(), target.tls.verify)
    };
    assert_eq!(mode("postgres://db"), (SslMode::Prefer, Verify::Nothing));
    assert_eq!(mode("postgres://db?sslmode=disable"), (SslMode::Disable, Verify::Nothing));
    assert_eq!(mode("postgres://db?sslmode=require"), (SslMode::Require, Verify::Nothing));
    assert_eq!(mode("postgres://db?sslmode=verify-ca"), (SslMode::Require, Verify::Chain(Roots::System)));
    assert_eq!(mode("postgres://db?sslmode=verify-full"), (SslMode::Require, Verify::ChainAndName(Roots::System)));
    assert_eq!(mode("postgres://db?sslrootcert=system"), (SslMode::Require, Verify::ChainAndName(Roots::System)));
}

#[test]
fn files_are_looked_at_when_the_url_is_read() {
    assert_eq!(
        refused("postgres://db?sslmode=verify-full&sslrootcert=/no/such/file"),
        "cannot read a certificate from sslrootcert, /no/such/file: I/O error: No such file or directory (os error 2)"
    );
    let folder = std::env::temp_dir().join(format!("resonate-url-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let empty = folder.join("empty.pem");
    std::fs::write(&empty, "").expect("a file");
    let why = refused(&format!("host=db sslmode=verify-ca sslrootcert='{}'", empty.display()));
    assert!(why.ends_with("empty.pem: there is none in PEM form"), "{why}");
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    assert!(!Path::new(&empty).exists());
}

#[test]
fn what_does_not_fit_is_refused_with_the_cure() {
    let table = [
        ("mysql://db/x", "it must begin with postgres://"),
        ("postgres:///x", "it names no host"),
        ("orders", "it must be a URL"),
        ("host=db password='x", "a quote is not closed"),
        ("postgres://db?sslmode", "needs a value"),
        ("postgres://db?sslmode=verify", "sslmode must be one of: disable, prefer, require, verify-ca, verify-full"),
        ("postgres://db?sslcert=/a", "add sslkey"),
        ("postgres://db?sslkey=/a", "add sslcert"),
        ("postgres://db?sslrootcert=system&sslmode=require", "it needs sslmode=verify-full"),
        ("postgres://db?sslnegotiation=direct", "needs sslmode=require"),
        ("postgres://db?target_session_attrs=read-only", "must be one of: any, read-write"),
        ("postgres://db?connect_timeout=2s", "connect_timeout must be a whole number"),
        ("postgres://db?pool=3", "does not know the parameter pool"),
        ("postgres://db:0", "a port must be a number from 1 to 65535"),
        ("postgres://db:x", "a port must be a number from 1 to 65535"),
        ("postgres://::1:5432/x", "in brackets"),
        ("postgres://a,,b/x", "one of the hosts is empty"),
        ("host=a,b port=1,2,3", "as many as hosts"),
        ("host=a,b hostaddr=10.0.0.1", "as many addresses"),
        ("hostaddr=db", "hostaddr must be an IP address"),
        ("postgres://d%00b/x", "NUL"),
        ("postgres://d%ffb/x", "not UTF-8"),
    ];
    for (url, why) in table {
        let said = refused(url);
        assert!(said.contains(why), "{url}: {said}");
    }
}

#[test]
fn no_error_and_no_text_of_a_target_shows_the_password() {
    let urls = [
        "postgres://ann:s3cret@x@db/x",
        "postgres://ann:s3cret/x@db/x",
        "postgres://ann:s3cret?x=1@db:y/x",
        "postgres://ann:s3cret",
        "postgres://db?password=x&s3cret=1",
        "postgres://ann:s3cret@db?sslmode=x",
        "host=db password=x s3cret",
        "host=db password=x s3cret=1",
        "host=db password='s3cret",
        "s3cret",
    ];
    for url in urls {
        assert!(!refused(url).contains("s3cret"), "{url}");
    }
    let target = parsed("postgres://ann:s3cret@db1,[::1]:6000/orders");
    assert_eq!(target.to_string(), "db1:5432,[::1]:6000/orders");
    assert_eq!(format!("{target:?}"), "Target(db1:5432,[::1]:6000/orders)");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let target = parsed(&format!("postgres://ann:s3cret@{closed}/x"));
    let error = target.connect("resonate test").await.err().expect("nobody is there");
    assert_eq!(error.code(), None);
    let said = error.to_string();
    assert!(said.starts_with(&format!("cannot connect to Postgres {closed}: error connecting to server: ")), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_a_connection_and_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = silent.local_addr().expect("an address");
    let target = parsed(&format!("postgres://ann@{addr}/x"));
    let error = target.connect("resonate test").await.err().expect("nobody answers");
    assert_eq!(error.to_string(), format!("cannot connect to Postgres {addr}: no answer within 2 s"));
}
