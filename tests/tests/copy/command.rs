//! The command itself: what it prints, how it ends, and what `kill -9` does to it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use resonate_postgres_cluster::Cluster;
use resonate_tests::folder::Folder;
use serde_json::{Value as Json, json};

use super::{RECORDS, filled, snapshot_of};
use crate::server::cli::{end, resonate};

fn copy(from: &str, to: &str) -> Command {
    let mut command = resonate();
    command.args(["copy", "--from", from, "--to", to]);
    command
}

fn named(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

#[test]
fn a_copy_killed_in_the_middle_goes_on_and_is_whole() {
    let folder = Folder::new();
    let (path, state) = filled(&folder, "a_copy_killed_in_the_middle");
    let database = Cluster::shared().database();
    end(resonate().args(["migrate", "up", "--storage-type", "postgres", "--storage-postgres-url", &database.url()]));
    // So that it cannot be done before it is killed: it waits at the second table.
    let lock = database.begin("LOCK TABLE tasks IN EXCLUSIVE MODE");
    let mut command = copy(&named(&path), &database.url());
    let mut killed = command.spawn().expect("the binary starts");
    let mut lines = BufReader::new(killed.stderr.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line").expect("a text");
    assert_eq!(first, format!("copying promises: 0 of {RECORDS}"));
    crate::server::eventually("promises are there", || {
        let count = database.query("SELECT count(*) FROM promises").expect("a count");
        (count != "0").then_some(())
    });
    killed.kill().expect("a child");
    killed.wait().expect("a child");
    drop(lock);
    let serve = ["serve", "--storage-type", "postgres", "--storage-postgres-url", &database.url()];
    let refused = end(resonate().args(serve).args(["--server-port", "0", "--server-grpc-port", "0"]));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("unfinished copy"), "{refused:?}");
    let done = end(command.arg("--output").arg("json"));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.starts_with("going on with a copy that was stopped"), "{done:?}");
    let printed: Json = serde_json::from_str(&done.stdout).expect("JSON");
    let tables = printed["tables"].as_array().expect("tables");
    assert!(tables.iter().all(|table| table["records"] == RECORDS && table["leftOut"] == 0), "{printed}");
    assert_eq!(tables[0]["table"], "promises");
    assert_eq!(tables[0]["sha256"].as_str().map(str::len), Some(64));
    assert!(snapshot_of(&database) == state);
}

#[test]
fn a_copy_that_is_not_the_same_ends_with_a_code_of_its_own() {
    let folder = Folder::new();
    let (path, _) = filled(&folder, "a_copy_that_is_not_the_same");
    let database = Cluster::shared().database();
    end(resonate().args(["migrate", "up", "--storage-type", "postgres", "--storage-postgres-url", &database.url()]));
    // A table that loses what is put into it.
    database
        .query("CREATE RULE lossy AS ON INSERT TO schedules WHERE new.id LIKE '%77' DO INSTEAD NOTHING")
        .expect("a rule");
    let ended = end(&mut copy(&named(&path), &database.url()));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(7), ""), "{ended:?}");
    let last = ended.stderr.lines().last().expect("a line");
    assert!(last.starts_with("error: schedules differ: ") && last.contains("the first is \""), "{last}");
}

#[test]
fn stores_are_named_on_the_command_line_or_configured() {
    let folder = Folder::new();
    let (path, state) = filled(&folder, "stores_are_named");
    let database = Cluster::shared().database();
    let configuration = format!(
        "[storage.sqlite]\npath = {}\n[storage.postgres]\nurl = {}\n",
        json!(path),
        json!(database.url().replace("postgres@", "postgres:s3cret@"))
    );
    std::fs::write(folder.file("resonate.toml"), configuration).expect("a file");
    let done = end(copy("sqlite", "postgres").current_dir(folder.path()));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.starts_with("copied sqlite:/") && done.stdout.contains("both are the same"), "{done:?}");
    assert!(!format!("{done:?}").contains("s3cret"), "{done:?}");
    assert_eq!(done.stdout.lines().count(), 7, "{done:?}");
    assert!(snapshot_of(&database) == state);
    for (from, why) in [
        ("", "sqlite:PATH or postgres:URL"),
        ("mysql:x", "sqlite:PATH or postgres:URL"),
        ("resonate.db", "sqlite:PATH or postgres:URL"),
        ("sqlite:", "names no file"),
        ("sqlite::memory:", "names no file"),
        ("postgres:", "flag --from: "),
        ("postgres://h:0/x", "flag --from: a port must be"),
    ] {
        let refused = end(&mut copy(from, "sqlite:nowhere.db"));
        assert_eq!(refused.code, Some(2), "{from}: {refused:?}");
        assert!(refused.stderr.contains(why), "{from}: {refused:?}");
    }
    let back = folder.file("back.db");
    let busy = resonate::store::postgres::PostgresStore::open(super::options(&database)).expect("a database");
    let refused = end(&mut copy(&format!("postgres:{}", database.url()), &named(&back)));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("in use by a server") && refused.stderr.contains("--live"), "{refused:?}");
    let done = end(copy(&format!("postgres:{}", database.url()), &named(&back)).arg("--live"));
    assert_eq!(done.code, Some(0), "{done:?}");
    // Nothing helps a target in use but to stop its server.
    let refused = end(&mut copy(&named(&path), &format!("postgres:{}", database.url())));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("in use by a server") && !refused.stderr.contains("--live"), "{refused:?}");
    drop(busy);
}
