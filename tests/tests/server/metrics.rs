//! The metrics say what the README promises, count what happens, and cannot be made to grow by clients.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use resonate_tests::folder::Folder;
use serde_json::json;

use super::child::Server;
use super::now_millis;
use super::wire::{Connection, Request};

/// An exposition in the OpenMetrics text format, taken apart.
pub(crate) struct Exposition {
    /// The type of each family.
    types: BTreeMap<String, String>,
    /// Each series with its value.
    series: BTreeMap<String, f64>,
}

impl Exposition {
    /// What a server shows now.
    pub(crate) fn of(server: &Server) -> Self {
        let mut connection = Connection::open(server.metrics).expect("a connection");
        let answer = connection.send(&Request::get("/metrics")).expect("metrics");
        assert_eq!(answer.status, 200);
        let content_type = answer.header("content-type").expect("a content type");
        assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
        Self::parse(&answer.text())
    }

    fn parse(text: &str) -> Self {
        let (mut types, mut series) = (BTreeMap::new(), BTreeMap::new());
        let lines = text.strip_suffix("# EOF\n").expect("the end is marked").lines();
        for line in lines {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (what, name, rest) = (words.next(), words.next().expect("a name"), words.next().expect("a text"));
                match what {
                    Some("TYPE") => assert_eq!(types.insert(name.to_owned(), rest.to_owned()), None, "{line}"),
                    Some("HELP" | "UNIT") => {}
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no series: {line}"));
            let family = name.split('{').next().expect("a name");
            let known = types.keys().any(|kind| family.starts_with(&**kind));
            assert!(known, "{family} has no type");
            let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert_eq!(series.insert(name.to_owned(), value), None, "twice: {line}");
        }
        Self { types, series }
    }

    /// The value of a series; one that is not there has counted nothing.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.series.get(series).copied().unwrap_or_default()
    }

    /// Whether there is a series of a metric that the README names.
    fn has_series_of(&self, name: &str) -> bool {
        let names = [name.to_owned(), format!("{name}_count")];
        self.series.keys().any(|series| names.iter().any(|name| series.split('{').next() == Some(name)))
    }

    fn names(&self) -> BTreeSet<&str> {
        self.series.keys().map(|series| &**series).collect()
    }
}

/// The names in the README's table.
fn names_of_the_readme() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("a README");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `resonate_"));
    rows.map(|row| format!("resonate_{}", row.split('`').next().expect("a name"))).collect()
}

fn far_away() -> serde_json::Value {
    json!({"timeout": 2_524_608_000_000_u64})
}

#[test]
fn every_metric_of_the_readme_is_there() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    // A target makes a task and a message; a deadline in the past of its own makes background work.
    let target = json!({"timeout": now_millis() + 100, "tags": {"resonate:target": "poll://any@default"}});
    assert_eq!(server.ask(&Request::write("task", "create", "k", &target)).status, 201);
    super::eventually("the deadline is kept", || {
        (Exposition::of(&server).value("resonate_timeouts_total") == 1.0).then_some(())
    });
    let metrics = Exposition::of(&server);
    let names = names_of_the_readme();
    assert!(names.len() > 10, "{names:?}");
    for name in &names {
        // Families are named without the ending that their counters have.
        let family = name.strip_suffix("_total").unwrap_or(name);
        assert!(metrics.types.contains_key(family), "{name} is not there");
        assert!(metrics.has_series_of(name), "{name} has no series");
    }
    for family in metrics.types.keys() {
        let documented = names.iter().any(|name| name.strip_suffix("_total").unwrap_or(name) == family);
        assert!(documented, "the README does not say what {family} is");
    }
    server.stop();
}

#[test]
fn there_is_nothing_else_on_the_port_of_the_metrics() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let mut connection = Connection::open(server.metrics).expect("a connection");
    for (request, status) in [(Request::get("/promises/foo"), 404), (Request::new("POST", "/metrics"), 405)] {
        let answer = connection.send(&request).expect("an answer");
        assert_eq!(answer.status, status);
        assert!(answer.json()["error"].is_string(), "{}", answer.text());
    }
    assert_eq!(server.ask(&Request::get("/metrics")).status, 404);
    server.stop();
}

#[test]
fn counters_move_with_what_happens() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let count = |kind: &str, status: u16| {
        Exposition::of(&server).value(&format!("resonate_request_total{{kind=\"{kind}\",status=\"{status}\"}}"))
    };
    server.ask(&Request::write("foo", "create", "k", &far_away()));
    assert_eq!(count("promise.create", 201), 1.0);
    server.ask(&Request::write("foo", "create", "k", &far_away()));
    server.ask(&Request::write("foo", "create", "another", &far_away()));
    server.ask(&Request::write("foo", "resolve", "k", &json!({})));
    server.ask(&Request::write("bar", "reject", "k", &json!({})));
    server.ask(&Request::get("/promises/foo"));
    server.ask(&Request::get("/promises?q=*"));
    let counts = [("promise.create", 201), ("promise.create", 200), ("promise.create", 403), ("promise.settle", 201)];
    for (kind, status) in
        [&counts[..], &[("promise.settle", 404), ("promise.get", 200), ("promise.search", 200)]].concat()
    {
        assert_eq!(count(kind, status), 1.0, "{kind} {status}");
    }
    let metrics = Exposition::of(&server);
    assert_eq!(metrics.value("resonate_request_duration_seconds_count{kind=\"promise.create\"}"), 3.0);
    assert_eq!(metrics.value("resonate_queue_requests"), 0.0);
    assert_eq!(metrics.value("resonate_store_errors_total"), 0.0);
    let (batches, requests) =
        (metrics.value("resonate_batch_requests_count"), metrics.value("resonate_batch_requests_sum"));
    assert!(batches >= 5.0 && requests >= batches, "{requests} requests in {batches} batches");
    server.stop();
}

#[test]
fn what_clients_choose_makes_no_series() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let ask = |number: usize| {
        let mut connection = server.connect();
        let ids = ["promises/", "promises/a/", "", "promises?"].map(|path| format!("/{path}unknown-{number}"));
        for path in ids {
            for method in ["GET", "PUT", &format!("METHOD{number}")] {
                let answer = connection.send(&Request::new(method, &path)).expect("an answer");
                assert!(answer.status >= 400, "{method} {path}: {}", answer.status);
            }
        }
    };
    ask(0);
    let before = Exposition::of(&server);
    (1..100).for_each(ask);
    let after = Exposition::of(&server);
    assert_eq!(before.names(), after.names());
    assert!(!after.names().iter().any(|name| name.contains("unknown") || name.contains("METHOD")));
    server.stop();
}
