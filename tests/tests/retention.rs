//! What an engine removes by itself, on a clock that only the test moves, over every store; and several engines over one database.

use std::sync::Arc;
use std::thread;

use resonate::clock::Clock;
use resonate::engine::limits::{PURGES_BUSY_MAX, RETENTION_ROUND_MAX};
use resonate::engine::{Engine, NoTransports, Parts, Threads};
use resonate::metrics::Metrics;
use resonate::store::HostStore;
use resonate::store::memory::{Memory, NoReader};
use resonate::store::sqlite::SqliteStore;
use resonate_core::promise::tag;
use resonate_core::reply::{Refusal, Reply};
use resonate_core::request::Request;
use resonate_core::retention::Purge;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;
use resonate_postgres_cluster::Cluster;
use resonate_tests::drivers::postgres_store;
use resonate_tests::folder::Folder;
use tokio::runtime::{Builder, Runtime};

use crate::support::parts::{create, settle, tags, targeted};
use crate::support::{at, id, ms};

/// How long settled promises stay.
const KEPT: u64 = 24 * 3_600_000;
const NEVER: Timestamp = Timestamp::MAX;

/// An engine that nobody but the test wakes.
struct Server {
    engine: Option<Engine>,
    threads: Option<Threads>,
    clock: Clock,
    runtime: Runtime,
}

impl Server {
    fn start(store: impl HostStore, settled_after: Option<u64>) -> Self {
        let clock = Clock::manual(at(0));
        let parts = Parts {
            store,
            readers: Vec::<NoReader>::new(),
            rules: Rules::default(),
            clock: clock.clone(),
            metrics: Arc::new(Metrics::new()),
            transports: Arc::new(NoTransports),
            recorder: None,
            settled_after: settled_after.map(ms),
        };
        let (engine, threads) = Engine::start(parts).expect("threads");
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        Self { engine: Some(engine), threads: Some(threads), clock, runtime }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("a server that runs")
    }

    /// What a request comes to, and what the server does beside it.
    fn run(&self, now: u64, request: Request) -> Reply {
        self.clock.advance_to(at(now));
        self.runtime.block_on(self.engine().submit(request, 0)).expect("a store that works").reply
    }

    fn play(&self, now: u64, requests: impl IntoIterator<Item = Request>) {
        for request in requests {
            let reply = self.run(now, request);
            assert!(!matches!(reply, Reply::Refused(_)), "{reply:?}");
        }
    }

    /// Lets the server look once for what is to go, beside a request.
    fn look(&self, now: u64) {
        self.run(now, Request::GetPromise { id: id("nobody") });
    }

    fn has(&self, now: u64, of: &str) -> bool {
        let reply = self.run(now, Request::GetPromise { id: id(of) });
        reply != Reply::Refused(Refusal::NotFound("promise not found"))
    }

    fn purged(&self) -> u64 {
        let printed = self.engine().metrics().print();
        let line = printed.lines().find_map(|line| line.strip_prefix("resonate_purged_promises_total "));
        line.expect("a metric").parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.engine = None;
        if let Some(threads) = self.threads.take() {
            threads.join();
        }
    }
}

/// The same over every store.
fn over_every_store(check: impl Fn(&dyn Fn(Option<u64>) -> Server)) {
    check(&|settled_after| Server::start(Memory::default(), settled_after));
    let folder = Folder::new();
    let sqlite = || SqliteStore::open(&folder.file("resonate.db"), "off").expect("a database");
    check(&|settled_after| Server::start(sqlite(), settled_after));
    let database = Cluster::shared().database();
    check(&|settled_after| Server::start(postgres_store(&database), settled_after));
}

#[test]
fn what_is_settled_goes_when_its_time_has_passed_and_nothing_else_does() {
    over_every_store(|start| {
        let server = start(Some(KEPT));
        server.play(0, [create("old", NEVER, targeted()), create("young", NEVER, tags(&[])), settle("old")]);
        server.play(0, [create("pending", NEVER, tags(&[]))]);
        server.play(5, [settle("young")]);
        server.look(KEPT);
        assert!(server.has(KEPT, "old"), "not at the very instant");
        server.look(KEPT + 1);
        assert!(!server.has(KEPT + 1, "old"));
        server.look(KEPT + 5);
        assert!(server.has(KEPT + 5, "young") && server.has(KEPT + 5, "pending"));
        assert_eq!(server.purged(), 1);
        server.look(KEPT + 6);
        assert!(!server.has(KEPT + 6, "young") && server.has(KEPT + 6, "pending"));
        assert_eq!(server.purged(), 2);
        // The id is free again.
        server.play(KEPT + 6, [create("old", NEVER, targeted())]);
    });
}

#[test]
fn without_a_time_nothing_goes() {
    over_every_store(|start| {
        let server = start(None);
        server.play(0, [create("a", NEVER, tags(&[])), settle("a")]);
        server.look(NEVER.as_millis() - 1);
        assert!(server.has(NEVER.as_millis() - 1, "a"));
        assert_eq!(server.purged(), 0);
    });
}

#[test]
fn what_is_more_than_a_bite_goes_in_several() {
    over_every_store(|start| {
        let server = start(Some(KEPT));
        let count = 3 * PURGES_BUSY_MAX;
        for number in 0..count {
            let name = format!("p{number}");
            server.play(0, [create(&name, NEVER, tags(&[])), settle(&name)]);
        }
        while server.purged() < count as u64 {
            server.look(KEPT + 1);
        }
        assert_eq!(server.purged(), count as u64);
    });
}

#[test]
fn what_had_to_stay_goes_in_a_later_round() {
    over_every_store(|start| {
        let server = start(Some(KEPT));
        let step = tags(&[(tag::PARENT, "run"), (tag::BRANCH, "run"), (tag::ORIGIN, "run")]);
        server.play(0, [create("run", NEVER, targeted()), create("run.1", NEVER, step)]);
        server.play(0, [settle("run.1")]);
        server.look(KEPT + 1);
        assert!(server.has(KEPT + 1, "run.1"), "a run that is pending may ask for it");
        server.play(KEPT + 2, [settle("run")]);
        let much_later = 2 * KEPT + 3 + u64::try_from(RETENTION_ROUND_MAX.as_millis()).expect("milliseconds");
        server.look(much_later);
        assert!(!server.has(much_later, "run.1") && !server.has(much_later, "run"));
        assert_eq!(server.purged(), 2);
    });
}

#[test]
fn a_purge_on_request_is_counted_unless_it_is_dry() {
    over_every_store(|start| {
        let server = start(None);
        server.play(0, [create("a", NEVER, tags(&[])), settle("a")]);
        for (dry_run, count) in [(true, 0), (false, 1)] {
            let purge = Purge { settled_before: at(1), after: None, limit: 10, dry_run };
            let purged = server.runtime.block_on(server.engine().purge(purge, None)).expect("a store that works");
            assert_eq!((purged.examined, purged.purged, purged.next), (1, 1, None));
            assert_eq!((server.purged(), server.has(2, "a")), (count, dry_run));
        }
    });
}

#[test]
fn servers_over_one_database_remove_the_same_promises_once() {
    const COUNT: u64 = 300;
    let database = Cluster::shared().database();
    let first = Server::start(postgres_store(&database), None);
    for number in 0..COUNT {
        let name = format!("p{number}");
        first.play(0, [create(&name, NEVER, targeted()), settle(&name)]);
    }
    drop(first);
    let servers: Vec<Server> = (0..2).map(|_| Server::start(postgres_store(&database), Some(KEPT))).collect();
    thread::scope(|scope| {
        for server in &servers {
            scope.spawn(|| (0..COUNT).for_each(|_| server.look(KEPT + 1)));
        }
    });
    assert_eq!(servers.iter().map(Server::purged).sum::<u64>(), COUNT);
    assert!(servers.iter().all(|server| server.engine().metrics().print().contains("resonate_store_errors_total 0")));
}
