//! What servers over one database tell each other, as far as it can be seen without workers: by transports that note what they are told.

use std::sync::{Arc, Mutex};

use resonate::engine::Transports;
use resonate::store::postgres::notify::Shared;
use resonate::store::postgres::url::Target;
use resonate_core::address::Mailbox;
use resonate_core::message::Delivery;
use resonate_postgres_cluster::{Cluster, Database, Wire};
use tokio::runtime::Runtime;

use crate::server::eventually;

/// What transports were told.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<What>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Parked(Mailbox),
    LookAgain,
}

impl Told {
    fn note(&self, told: What) {
        self.0.lock().expect("nobody panics").push(told);
    }

    /// The mailboxes in which messages were parked, in order.
    fn parked(&self) -> Vec<Mailbox> {
        let told = self.0.lock().expect("nobody panics");
        let parked = |told: &What| match told {
            What::Parked(mailbox) => Some(mailbox.clone()),
            What::LookAgain => None,
        };
        told.iter().filter_map(parked).collect()
    }

    /// Forgets everything.
    fn forget(&self) {
        self.0.lock().expect("nobody panics").clear();
    }
}

impl Transports for Told {
    fn deliver(&self, _: Delivery) {}

    fn parked(&self, mailbox: &Mailbox) {
        self.note(What::Parked(mailbox.clone()));
    }

    fn left_behind(&self, _: &Mailbox) {}

    fn look_again(&self) {
        self.note(What::LookAgain);
    }
}

/// One of several servers, as far as it tells and listens.
struct Server {
    shared: Shared,
    told: Arc<Told>,
}

impl Server {
    fn start(runtime: &Runtime, url: &str) -> Self {
        let _inside = runtime.enter();
        let told = Arc::new(Told::default());
        let target = Target::parse(url).expect("a URL");
        let shared = Shared::start(Arc::clone(&told) as Arc<dyn Transports>, Some(Arc::new(target)));
        Self { shared, told }
    }

    fn park(&self, group: &str) {
        self.shared.parked(&Mailbox::any(group));
    }

    /// Waits until messages were parked in all of these, and in no others.
    fn heard(&self, groups: &[&str]) {
        let expected: Vec<Mailbox> = groups.iter().map(|group| Mailbox::any(group)).collect();
        eventually("news", || (self.told.parked() == expected).then_some(()));
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// Waits until so many servers listen.
fn listening(database: &Database, count: usize) {
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' \
                     AND application_name = 'resonate notify' AND query LIKE 'SELECT pg_notify%'";
    eventually("servers that listen", || (database.query(listening) == Ok(count.to_string())).then_some(()));
}

#[test]
fn what_one_server_parks_the_others_hear_and_it_does_not_hear_itself() {
    let (runtime, database) = (runtime(), Cluster::shared().database());
    let [one, two, three] = [(); 3].map(|()| Server::start(&runtime, &database.url()));
    listening(&database, 3);
    one.park("a");
    two.heard(&["a"]);
    three.heard(&["a"]);
    // What it told was heard before, also by itself if it did listen.
    two.park("b");
    one.heard(&["a", "b"]);
    three.heard(&["a", "b"]);
}

#[test]
fn servers_over_other_databases_hear_nothing() {
    let runtime = runtime();
    let databases = [Cluster::shared().database(), Cluster::shared().database()];
    let one = Server::start(&runtime, &databases[0].url());
    let [two, three] = [(); 2].map(|()| Server::start(&runtime, &databases[1].url()));
    listening(&databases[0], 1);
    listening(&databases[1], 2);
    one.park("a");
    two.park("b");
    three.heard(&["b"]);
    one.heard(&["a"]);
}

#[test]
fn who_was_cut_off_looks_again_and_listens_again() {
    let (runtime, database) = (runtime(), Cluster::shared().database());
    let [one, two] = [(); 2].map(|()| Server::start(&runtime, &database.url()));
    listening(&database, 2);
    for server in [&one, &two] {
        server.told.forget();
    }
    assert_eq!(database.terminate_all(), 2);
    for server in [&one, &two] {
        let looked = || server.told.0.lock().expect("nobody panics").contains(&What::LookAgain).then_some(());
        eventually("a look at what may have been missed", looked);
    }
    listening(&database, 2);
    one.park("a");
    two.heard(&["a"]);
}

#[test]
fn what_is_parked_while_nobody_can_be_told_is_told_later() {
    let (runtime, database, cluster) = (runtime(), Cluster::shared().database(), Cluster::shared());
    let wire = Wire::to(cluster.port());
    let (one, two) =
        (Server::start(&runtime, &database.url()), Server::start(&runtime, &database.url_by(&[wire.port()])));
    listening(&database, 2);
    wire.refuse();
    wire.cut();
    listening(&database, 1);
    for group in ["a", "b", "a"] {
        two.park(group);
    }
    wire.go_on();
    one.heard(&["a", "b"]);
}
