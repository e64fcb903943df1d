//! Clusters begin, end, lose connections and are followed by others.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use resonate_postgres_cluster::{Cluster, Settings, Stop};

use super::eventually;

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[test]
fn a_cluster_has_its_settings_and_goes_with_its_value() {
    let cluster = Settings::new().set("max_connections", "7").start();
    assert_eq!(cluster.query("SHOW max_connections").as_deref(), Ok("7"));
    assert_eq!(cluster.query("SHOW fsync").as_deref(), Ok("off"));
    cluster.reconfigure("statement_timeout", "5s");
    eventually("the new setting", || cluster.query("SHOW statement_timeout").as_deref() == Ok("5s"));
    let (port, folder) = (cluster.port(), cluster.sockets().to_owned());
    assert!(listens(port) && folder.exists());
    drop(cluster);
    assert!(!listens(port) && !folder.exists());
}

/// Names the process that is to be killed.
const VICTIM: &str = "RESONATE_POSTGRES_CLUSTER_VICTIM";

#[test]
fn a_cluster_does_not_outlive_its_process() {
    if std::env::var_os(VICTIM).is_some() {
        let shared = Cluster::shared();
        println!("\nvictim {} {}", shared.port(), shared.sockets().display());
        loop {
            std::thread::park();
        }
    }
    let own = std::env::current_exe().expect("a path of this test");
    let mut victim = Command::new(own)
        .args(["--exact", "clusters::a_cluster_does_not_outlive_its_process", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second run of this test");
    let lines = BufReader::new(victim.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.starts_with("victim ")).expect("a cluster");
    let mut words = line.split(' ').skip(1);
    let port: u16 = words.next().and_then(|word| word.parse().ok()).expect("a port");
    let folder = PathBuf::from(words.next().expect("a folder"));
    assert!(listens(port) && folder.exists());
    victim.kill().and_then(|()| victim.wait()).expect("a child");
    eventually("the cluster is gone", || !listens(port) && !folder.exists());
}

#[test]
fn databases_are_apart_and_go_with_their_values() {
    let (one, other) = (Cluster::shared().database(), Cluster::shared().database());
    assert_ne!(one.url(), other.url());
    one.query("CREATE TABLE t (n int)").expect("a table");
    assert!(other.query("SELECT * FROM t").unwrap_err().contains("does not exist"));
    let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", one.name());
    assert_eq!(Cluster::shared().query(&count).as_deref(), Ok("1"));
    drop(one);
    assert_eq!(Cluster::shared().query(&count).as_deref(), Ok("0"));
}

#[test]
fn a_cluster_keeps_what_was_committed_when_it_stops() {
    let cluster = Settings::new().start();
    let (database, port) = (cluster.database(), cluster.port());
    database.query("CREATE TABLE t (n int)").expect("a table");
    for (how, rows) in [(Stop::Fast, "1"), (Stop::Immediate, "2")] {
        database.query("INSERT INTO t VALUES (1)").expect("a row");
        cluster.restart(how);
        assert_eq!(database.query("SELECT count(*) FROM t").as_deref(), Ok(rows));
    }
    assert_eq!(cluster.port(), port);
}

#[test]
fn transactions_lie_open_and_connections_are_terminated() {
    let database = Cluster::shared().database();
    assert!(!database.terminate_one());
    database.query("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").expect("a table");
    let nowait = "SELECT * FROM t FOR UPDATE NOWAIT";
    let session = database.begin("SELECT * FROM t FOR UPDATE");
    assert!(database.query(nowait).unwrap_err().contains("could not obtain lock"));
    drop(session);
    assert_eq!(database.query(nowait).as_deref(), Ok("1"));
    let _sessions = [(); 3].map(|()| database.begin("SELECT 1"));
    assert!(database.terminate_one());
    eventually("one is gone", || {
        database.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()").as_deref() == Ok("3")
    });
    assert_eq!(database.terminate_all(), 2);
}

#[test]
fn a_synchronous_standby_has_what_was_acknowledged() {
    let primary = Settings::new().start();
    let database = primary.database();
    let standby = primary.standby("second");
    primary.require("second");
    database.query("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").expect("a table");
    primary.stop(Stop::Immediate);
    standby.promote();
    let url = database.url_by(&[primary.port(), standby.port()]) + "?target_session_attrs=read-write";
    let mut psql = standby.command("psql");
    let output = psql
        .args(["-X", "-A", "-t", "-d", &url, "-c", "INSERT INTO t VALUES (2) RETURNING (SELECT count(*) FROM t)"])
        .output();
    let output = output.expect("psql runs");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("1\n"), "{output:?}");
}
