//! Databases that somebody has edited or a disk has damaged: what is broken is left alone, everything else goes on.

use resonate_tests::folder::Folder;
use serde_json::json;

use super::child::{Server, Start};
use super::metrics::Exposition;
use super::wire::Request;
use super::{eventually, now_millis};

/// A database with a promise that is sound and what the statements make of the rest, closed.
fn damaged_by(statements: &str) -> Folder {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let tags = json!({"resonate:target": "poll://any@default"});
    for (id, tags) in [("sound", json!({})), ("broken", json!({})), ("targeted", tags)] {
        let body = json!({"timeout": 4_000_000_000_000_u64, "tags": tags});
        assert_eq!(server.ask(&Request::write(id, "create", "k", &body)).status, 201);
    }
    server.stop();
    let database = rusqlite::Connection::open(folder.file("resonate.db")).expect("a database");
    database.execute_batch(statements).expect("statements that fit");
    folder
}

/// Requests, timers and readiness are as ever.
fn everything_else_works(server: &Server, id: &str) {
    assert_eq!(server.ask(&Request::get("/promises/sound")).status, 200);
    let before = Exposition::of(server).value("resonate_timeouts_total");
    let soon = now_millis() + 100;
    assert_eq!(server.ask(&Request::write(id, "create", "k", &json!({"timeout": soon}))).status, 201);
    eventually("a timer fires", || {
        let settled = Exposition::of(server).value("resonate_timeouts_total");
        (settled > before).then_some(())
    });
    assert_eq!(server.ask(&Request::get("/ready")).status, 200);
}

#[test]
fn a_task_without_its_promise_is_left_alone() {
    let folder = damaged_by("DELETE FROM promises WHERE id = 'targeted'; UPDATE tasks SET retry_at = 1");
    let server = Server::start(&folder);
    eventually("the task is left alone", || {
        (Exposition::of(&server).value("resonate_skipped_rows_total") >= 1.0).then_some(())
    });
    everything_else_works(&server, "timed");
    // The id cannot be born again: its task is there. That is an error of this request alone.
    let tags = json!({"resonate:target": "poll://any@default"});
    let again = Request::write("targeted", "create", "k", &json!({"timeout": 4_000_000_000_000_u64, "tags": tags}));
    let answer = server.ask(&again);
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(answer.text().contains("damaged"), "{}", answer.text());
    everything_else_works(&server, "timed-too");
    server.stop();
}

#[test]
fn a_due_row_without_an_id_does_not_stop_the_timers() {
    let folder = damaged_by("UPDATE promises SET id = '', timeout_at = 5 WHERE id = 'broken'");
    let server = Server::start(&folder);
    everything_else_works(&server, "timed");
    server.stop();
}

#[test]
fn a_row_that_cannot_be_read_fails_its_own_requests_only() {
    let folder = damaged_by("UPDATE promises SET tags = 'no json', timeout_at = 5 WHERE id = 'broken'");
    let server = Server::start(&folder);
    let answer = server.ask(&Request::get("/promises/broken"));
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert_eq!(server.ask(&Request::write("broken", "resolve", "k", &json!({}))).status, 500);
    let found = server.ask(&Request::get("/promises?q=*")).json();
    let ids: Vec<&str> =
        found["promises"].as_array().expect("a page").iter().filter_map(|row| row["id"].as_str()).collect();
    assert!(ids.contains(&"sound") && !ids.contains(&"broken"), "{ids:?}");
    eventually("the row is left alone", || {
        (Exposition::of(&server).value("resonate_skipped_rows_total") >= 1.0).then_some(())
    });
    everything_else_works(&server, "timed");
    server.stop();
}

#[test]
fn a_database_from_the_future_is_not_served() {
    let folder =
        damaged_by("UPDATE promises SET created_at = 8000000000000, timeout_at = 9000000000000 WHERE id = 'broken'");
    let refused = Start::new("serve", &folder).refused();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("in the future"), "{}", refused.stderr);
}

#[test]
fn a_link_does_not_lead_around_the_lock() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let link = folder.file("link.db");
    std::os::unix::fs::symlink(folder.file("resonate.db"), &link).expect("a link");
    let refused = Start::new("serve", &folder).flag("--storage-sqlite-path", "link.db").refused();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("in use by another server"), "{}", refused.stderr);
    server.stop();
}
