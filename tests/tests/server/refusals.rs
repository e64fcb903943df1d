//! Starts that cannot work end at once: one line that says what is wrong, a code that is not 0, and files as they were.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use resonate_postgres_cluster::free_port;
use resonate_tests::folder::Folder;
use rusqlite::Connection;
use serde_json::json;

use super::binary;
use super::child::{NOBODY, Server, Start};
use super::tokens::key_file;
use super::wire::Request;

/// A database with a promise in it, closed in order.
fn database(folder: &Folder) {
    let server = Server::start(folder);
    let created = server.ask(&Request::write("foo", "create", "k", &json!({"timeout": 2_524_608_000_000_u64})));
    assert_eq!(created.status, 201);
    server.stop();
    // Whatever is still in the log moves into the file, so that its bytes can be compared.
    let database = Connection::open(folder.file("resonate.db")).expect("a database");
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
}

/// Checks that a start on the file `resonate.db` is refused and leaves it alone.
#[track_caller]
fn refused_and_unchanged(folder: &Folder, texts: &[&str]) {
    let file = folder.file("resonate.db");
    let before = std::fs::read(&file).expect("a file");
    Start::new("serve", folder).refused().says(1, &[texts, &["resonate.db"]].concat());
    assert!(before == std::fs::read(&file).expect("a file"), "the file has changed");
}

#[test]
fn a_port_in_use_is_named() {
    for flag in ["--server-port", "--server-grpc-port", "--observability-metrics-port"] {
        let folder = Folder::new();
        let port = free_port();
        let _taken = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let refused = Start::new("serve", &folder).flag(flag, &port.to_string()).refused();
        refused.says(1, &[&port.to_string(), "in use", flag]);
        assert!(!folder.file("resonate.db").exists(), "a database was made although nobody can be served");
    }
}

#[test]
fn what_the_configuration_does_not_know_is_named() {
    let folder = Folder::new();
    Start::new("serve", &folder).flag("--server-prot", "1").refused().says(2, &["--server-prot", "--server-port"]);
    Start::new("serve", &folder).flag("--level", "loud").refused().says(2, &["--level", "loud", "debug"]);
    Start::new("serve", &folder).flag("--server-port", "many").run().says(2, &["--server-port", "many", "65535"]);
    Start::new("serve", &folder).flag("--config", "nowhere.toml").refused().says(2, &["nowhere.toml"]);
    Start::new("sevre", &folder).run().says(2, &["sevre", "serve"]);
    for (text, named) in [
        ("[server]\nprot = 1\n", "server.prot"),
        ("[server]\nport = \"many\"\n", "server.port"),
        ("[server\n", "resonate.toml"),
        ("[storage]\ntype = \"paper\"\n", "storage.type"),
    ] {
        std::fs::write(folder.file("resonate.toml"), text).expect("a file");
        Start::new("serve", &folder).refused().says(2, &[named]);
    }
    assert!(!folder.file("resonate.db").exists());
}

#[test]
fn a_key_that_could_verify_nothing_is_named() {
    for (key, cure) in [
        ("p256", "openssl pkey"),
        ("certificate", "openssl x509"),
        ("p521.pub", "P-256 or P-384"),
        ("rsa-1024.pub", "2048"),
        ("nowhere", "No such file"),
    ] {
        let folder = Folder::new();
        let file = key_file(key).to_string_lossy().into_owned();
        let refused = Start::new("serve", &folder).flag("--auth-publickey", &file).refused();
        refused.says(1, &["auth.publickey", &file, cure]);
        assert!(!folder.file("resonate.db").exists(), "a database was made although nobody can be served");
    }
}

#[test]
fn a_second_server_on_the_same_file_is_refused() {
    let folder = Folder::new();
    let first = Server::start(&folder);
    Start::new("serve", &folder).refused().says(1, &["resonate.db", "in use by another server"]);
    assert_eq!(first.ask(&Request::get("/ready")).status, 200);
    // A killed server leaves no lock behind.
    first.kill();
    Server::start(&folder).stop();
}

#[test]
fn a_file_that_another_program_is_writing_is_refused() {
    let folder = Folder::new();
    database(&folder);
    let other = Connection::open(folder.file("resonate.db")).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    refused_and_unchanged(&folder, &["locked by another program"]);
    drop(other);
    Server::start(&folder).stop();
}

/// Whether the binary may be run by a user without rights.
fn nobody_may_run_it() -> bool {
    let mut run = Command::new(binary::path());
    std::os::unix::process::CommandExt::uid(&mut run, NOBODY);
    run.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a change of mode");
}

#[test]
fn a_file_that_may_not_be_written_is_refused() {
    // Nothing is read-only for root: there, the server runs as somebody else.
    let is_root = rustix::process::geteuid().is_root();
    if is_root && !nobody_may_run_it() {
        println!("skipped: the binary is out of reach for other users");
        return;
    }
    let folder = Folder::new();
    database(&folder);
    let file = folder.file("resonate.db");
    let start = || {
        let start = Start::new("serve", &folder);
        if is_root { start.without_rights() } else { start }
    };
    let before = std::fs::read(&file).expect("a file");
    for left in ["resonate.db-lock", "resonate.db-wal", "resonate.db-shm"] {
        let _ = std::fs::remove_file(folder.file(left));
    }
    set_mode(&file, 0o444);
    set_mode(folder.path(), 0o777);
    start().refused().says(1, &["resonate.db", "read-only"]);
    // Nothing can be made beside it either.
    let _ = std::fs::remove_file(folder.file("resonate.db-lock"));
    set_mode(folder.path(), 0o555);
    start().refused().says(1, &["resonate.db", "denied"]);
    set_mode(folder.path(), 0o755);
    assert!(before == std::fs::read(&file).expect("a file"), "the file has changed");
}

#[test]
fn a_damaged_database_is_refused() {
    let folder = Folder::new();
    database(&folder);
    let file = folder.file("resonate.db");
    let mut bytes = std::fs::read(&file).expect("a file");
    // The list of tables behind the head of the file.
    bytes[100..4096].fill(0xa5);
    std::fs::write(&file, bytes).expect("a file");
    refused_and_unchanged(&folder, &["damaged", "backup"]);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    for text in ["remember the milk\n", &"a long story. ".repeat(10_000)] {
        let folder = Folder::new();
        std::fs::write(folder.file("resonate.db"), text).expect("a file");
        refused_and_unchanged(&folder, &["not a database"]);
    }
}

#[test]
fn a_database_of_a_newer_server_is_refused() {
    let folder = Folder::new();
    database(&folder);
    let database = Connection::open(folder.file("resonate.db")).expect("a database");
    database.pragma_update(None, "user_version", 99).expect("a version");
    database.close().expect("a closed database");
    refused_and_unchanged(&folder, &["newer server", "99"]);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = Folder::new();
    let database = Connection::open(folder.file("resonate.db")).expect("a database");
    database.execute_batch("CREATE TABLE milk (litres INTEGER); INSERT INTO milk VALUES (2)").expect("a table");
    database.close().expect("a closed database");
    refused_and_unchanged(&folder, &["another program"]);
}

#[test]
fn a_missing_folder_and_a_folder_are_no_file() {
    let folder = Folder::new();
    let start = Start::new("serve", &folder).flag("--storage-sqlite-path", "missing/folder/promises.db");
    start.refused().says(1, &["missing/folder/promises.db", "No such file"]);
    std::fs::create_dir(folder.file("empty")).expect("a folder");
    Start::new("serve", &folder).flag("--storage-sqlite-path", "empty").refused().says(1, &["cannot open empty"]);
}

#[test]
fn a_disk_without_room_is_refused() {
    for blocks in [0, 1, 20] {
        let folder = Folder::new();
        let refused = Start::with_file_limit(blocks, "serve", &folder).refused();
        refused.says(1, &["cannot open resonate.db"]);
        // What was begun is no obstacle once there is room.
        Server::start(&folder).stop();
    }
}
