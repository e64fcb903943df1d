//! Servers that are killed at random moments, and started again on what they left. After each kill the whole store is held to what clients know, and
//! so is what the server that comes next says.

mod postgres;
mod sqlite;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use resonate_core::snapshot::Snapshot;
use resonate_process::fleet::{Fleet, Place};
use resonate_process::wire::{Connection, Request};
use resonate_process::{eventually_within, now_millis};
use serde_json::json;

use crate::book::promise_of;
use crate::load::{Load, Mix, Shared};
use crate::report::Killed;

pub use postgres::postgres;
pub use sqlite::sqlite;

/// Kills on one database, before the next one begins: it is looked at as a whole after each.
const KILLS_PER_DATABASE: u64 = 50;
/// Everything that was begun comes to its end within this: claims of the dead end after 30 s, and a task that was often sent waits as long.
const CONVERGENCE: Duration = Duration::from_secs(180);
/// Violations after which nothing more is to be learnt.
const VIOLATIONS_MAX: usize = 100;
/// Between two looks at what is not done yet.
const GLANCE: Duration = Duration::from_millis(200);
/// Reads that go out together.
const READS_AT_ONCE: usize = 64;

/// What is asked of each server.
const MIX: Mix = Mix { payload_bytes_max: 300, clients: 2 };

/// What to torment, and how long.
#[derive(Clone, Debug)]
pub struct Torment {
    /// The server. None is the one that was built beside the test.
    pub binary: Option<PathBuf>,
    /// Where chance comes from.
    pub seed: u64,
    /// How often to kill.
    pub kills: u64,
}

impl Torment {
    /// Goes on over one database after the other, and says after each kill how many there were.
    fn over_databases(&self, tell: &dyn Fn(u64), live: impl Fn(u64, &mut Rng, &dyn Fn(u64)) -> Killed) -> Killed {
        let (mut all, mut rng) = (Killed::default(), Rng::with_seed(self.seed));
        while all.kills < self.kills && all.violations.len() < VIOLATIONS_MAX {
            let before = all.kills;
            let kills = (self.kills - before).min(KILLS_PER_DATABASE);
            all.add(live(kills, &mut rng, &|more| tell(before + more)));
        }
        all
    }

    fn place(&self, place: Place) -> Place {
        match &self.binary {
            Some(path) => place.binary(path),
            None => place,
        }
    }
}

/// How a store is read as a whole.
type Look<'a> = Box<dyn Fn(&Fleet, bool) -> Result<Snapshot, String> + 'a>;

/// Servers over one database, with their clients.
struct Scene<'a> {
    fleet: Fleet,
    shared: Arc<Shared>,
    load: Load,
    killed: Killed,
    /// Reads the whole store, thoroughly or not.
    look: Look<'a>,
}

impl<'a> Scene<'a> {
    fn open(places: Vec<Place>, rng: &mut Rng, look: Look<'a>) -> Self {
        let fleet = Fleet::at(places);
        fleet.wait_until_ready(true);
        let shared = Shared::new(fleet.ports(), None);
        let load = Load::start(&shared, MIX, rng);
        Self { fleet, shared, load, killed: Killed::default(), look }
    }

    /// Whether there is something to learn from more kills.
    fn goes_on(&self, kills: u64) -> bool {
        self.killed.kills < kills && self.killed.violations.len() < VIOLATIONS_MAX
    }

    fn kill(&mut self, at: usize) {
        self.fleet.kill(at);
        self.killed.kills += 1;
    }

    /// Starts a server again, and kills it meanwhile.
    fn stillborn(&mut self, at: usize, after: Duration) {
        self.fleet.stillborn(at, after);
        self.killed.kills += 1;
    }

    /// Starts a server again, and takes the time.
    fn replace(&mut self, at: usize) {
        self.shared.starting(at);
        let started = Instant::now();
        self.fleet.replace(at);
        self.fleet.wait_until_ready(true);
        self.killed.ready.push(started.elapsed());
    }

    /// Waits until clients were told of so much more.
    fn wait_for_more(&self, writes: u64) {
        let count = || self.shared.ledger().book.counts.acknowledged;
        let enough = count() + writes;
        eventually_within(CONVERGENCE, "work goes on", || {
            assert!(!self.load.has_failed(), "a client has failed");
            (count() >= enough).then_some(())
        });
    }

    /// Holds the store to what is known; nobody may be asking.
    fn check(&mut self, is_thorough: bool) {
        self.killed.looks += 1;
        // A server that was not killed goes on with what is due, and tells listeners: what they hear from now on is not in this view.
        let mut ledger = self.shared.ledger();
        let found = (self.look)(&self.fleet, is_thorough);
        self.killed.violations.extend(ledger.book.take_violations());
        match found {
            Ok(found) => {
                self.killed.violations.extend(ledger.book.check(&found, now_millis()));
                ledger.book.look_for_unsure(&found);
                ledger.book.learn(&found);
            }
            Err(why) => self.killed.violations.push(format!("the store cannot be read: {why}")),
        }
    }

    /// Holds a server to what is known, as far as it was learnt after so many events.
    fn check_answers(&mut self, at: usize, since: u64) {
        let ledger = self.shared.ledger();
        let recent = ledger.book.promises().filter(|(_, known)| known.changed_at().is_some_and(|at| at >= since));
        let asked: Vec<(&String, Request)> = recent.map(|(id, known)| (id, read(id, known.is_old()))).collect();
        let port = self.fleet.ports()[at];
        let mut connection = Connection::open(port).expect("a server that is ready");
        let mut wrong = Vec::new();
        for some in asked.chunks(READS_AT_ONCE) {
            let requests: Vec<Request> = some.iter().map(|(_, request)| request.clone()).collect();
            let answers = connection.pipeline(&requests).expect("answers");
            for ((id, _), answer) in some.iter().zip(answers) {
                let found = if answer.status == 404 { Ok(None) } else { promise_of(&answer).map(Some) };
                wrong.extend(match found {
                    Ok(found) => ledger
                        .book
                        .check_read(id, found.as_ref(), now_millis())
                        .map(|why| format!("a server says: {why}")),
                    Err(why) => Some(format!("{id} is answered with {}: {why}", answer.status)),
                });
            }
        }
        drop(ledger);
        self.killed.violations.extend(wrong);
    }

    /// What is not done yet.
    fn open_ends(&self) -> Vec<String> {
        let now = now_millis();
        match (self.look)(&self.fleet, false) {
            Ok(found) => self.shared.ledger().book.open_ends(&found, now),
            Err(why) => vec![why],
        }
    }

    /// Lets everything that was begun come to its end, and looks at it for the last time.
    fn end(mut self) -> Killed {
        self.shared.quiet(true);
        let started = Instant::now();
        let mut open = self.open_ends();
        while !open.is_empty() && started.elapsed() < CONVERGENCE {
            std::thread::sleep(GLANCE);
            open = self.open_ends();
        }
        self.killed.violations.extend(open.into_iter().map(|what| format!("not done within {CONVERGENCE:?}: {what}")));
        self.load.end();
        let held = Arc::clone(&self.shared);
        let held = held.hold();
        self.check(true);
        for at in 0..self.fleet.ports().len() {
            self.check_answers(at, 0);
        }
        drop(held);
        let Self { fleet, shared, load, mut killed, look: _ } = self;
        // The connections of the workers end with the servers.
        drop(fleet);
        load.join();
        killed.counts = shared.ledger().book.counts;
        killed
    }
}

/// Reads a promise by the API of its client.
fn read(id: &str, is_old: bool) -> Request {
    if is_old { Request::get(&format!("/promises/{id}")) } else { Request::call("promise.get", &json!({"id": id})) }
}
