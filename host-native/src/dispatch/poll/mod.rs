//! Delivery by poll: workers hold a connection open, and messages are written to it. Owns who is connected and which connection a message goes
//! to. Every connection has a bounded queue; a message that finds no room waits in the outbox, where it is as safe as before.

mod connection;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use resonate_core::address::{Mailbox, Route};
use resonate_core::message::Delivery;

use super::Voice;
use connection::{Connection, Name};
pub use stream::Messages;

/// Bounds of delivery by poll.
pub mod limits {
    use std::time::Duration;

    /// Time between two signs of life on a silent connection. What was written to a connection that is still open that long after has arrived.
    pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
    /// Messages that were written to one connection and are not yet known to have arrived.
    pub const WRITTEN_MAX: usize = 16_384;
    /// Bytes of the messages that wait for one connection; the last one may go beyond.
    pub const QUEUE_BYTES_MAX: usize = 8 << 20;
    /// Bytes of messages that are written at once; the last one may go beyond.
    pub const CHUNK_BYTES_MAX: usize = 64 << 10;
}

/// Who connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Its group.
    pub group: String,
    /// Its name in the group.
    pub worker: String,
    /// It sees only messages whose task or promise has this prefix.
    pub prefix: Option<String>,
    /// How long it may stay; without a limit where nobody needs a token.
    pub lasts: Option<Duration>,
}

/// Why nobody else may connect now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There are as many connections as may be.
    Full,
    /// The server stops.
    Stopping,
}

/// The connections of all workers.
#[derive(Debug)]
pub struct Poll {
    connected: Mutex<Connected>,
    voice: Voice,
    server_url: Arc<str>,
    connections_max: usize,
    queue_max: usize,
    /// How many connections there are, for the metrics.
    open: Gauge<i64, AtomicI64>,
}

#[derive(Debug, Default)]
struct Connected {
    groups: HashMap<Mailbox, Group>,
    /// By the mailbox of a worker's name, one for each prefix.
    workers: HashMap<Mailbox, BTreeMap<Name, Arc<Connection>>>,
    /// How many there are.
    open: usize,
    stopping: bool,
}

/// The connections of a group by the names of their workers.
#[derive(Debug, Default)]
struct Group {
    members: BTreeMap<Name, Arc<Connection>>,
    /// Who got the last message.
    last: Option<Name>,
}

impl Group {
    /// The members, those first whose turn it is.
    fn in_turn(&self) -> impl Iterator<Item = &Arc<Connection>> {
        let last = self.last.as_ref();
        let behind = self.members.range((last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
        let before = last.map(|last| self.members.range(..=last)).into_iter().flatten();
        behind.chain(before).map(|(_, connection)| connection)
    }

    /// The members with this name, of any prefix.
    fn named(&self, worker: &str) -> impl Iterator<Item = &Arc<Connection>> {
        let first = Name { worker: worker.into(), prefix: None };
        let named = self.members.range(first.clone()..).take_while(move |(name, _)| name.worker == first.worker);
        named.map(|(_, connection)| connection)
    }
}

impl Poll {
    /// Nobody is connected. `queue_max` is how many messages may wait for one connection.
    #[must_use]
    pub fn new(
        connections_max: usize,
        queue_max: usize,
        server_url: Arc<str>,
        voice: Voice,
        open: Gauge<i64, AtomicI64>,
    ) -> Self {
        Self { connected: Mutex::default(), voice, server_url, connections_max, queue_max, open }
    }

    fn lock(&self) -> MutexGuard<'_, Connected> {
        // Nothing under the lock leaves it half done.
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects a worker. An older connection of the same name and prefix ends, and what it has not got yet goes to this one.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn connect(self: &Arc<Self>, subscriber: Subscriber) -> Result<Messages, Refused> {
        let (any, uni) = (Mailbox::any(&subscriber.group), Mailbox::uni(&subscriber.group, &subscriber.worker));
        let lasts = subscriber.lasts;
        let connection = Arc::new(Connection::new(subscriber, [any.clone(), uni.clone()], self.queue_max));
        let before = {
            let mut connected = self.lock();
            if connected.stopping {
                return Err(Refused::Stopping);
            }
            let takes_over = connected.workers.get(&uni).is_some_and(|same| same.contains_key(&connection.name));
            if connected.open >= self.connections_max && !takes_over {
                return Err(Refused::Full);
            }
            connected.groups.entry(any).or_default().members.insert(connection.name.clone(), Arc::clone(&connection));
            if !takes_over {
                connected.open += 1;
                self.open.inc();
            }
            connected.workers.entry(uni).or_default().insert(connection.name.clone(), Arc::clone(&connection))
        };
        if let Some(before) = before {
            tracing::debug!(worker = &*connection.name.worker, "another connection of the same name takes over");
            before.close(&self.voice);
        }
        connection.pull(&self.voice);
        Ok(Messages::new(Arc::clone(self), connection, lasts))
    }

    /// Puts a message into the queue of a connection, or gives it back when nobody can take it.
    pub(super) fn offer(&self, route: &Route, delivery: Delivery) -> Option<Delivery> {
        let mut connected = self.lock();
        match route {
            Route::Uni { .. } => match connected.workers.get(&route.mailbox()) {
                Some(same) => offer_to_one_of(same.values(), delivery).1,
                None => Some(delivery),
            },
            Route::Any { group: _, worker } => match connected.groups.get_mut(&route.mailbox()) {
                Some(group) => offer_to_group(group, worker.as_deref(), delivery),
                None => Some(delivery),
            },
            Route::Push => Some(delivery),
        }
    }

    /// Messages wait in a mailbox: somebody with room pulls them, and who has none does once it has.
    pub(super) fn ask_for(&self, mailbox: &Mailbox) {
        let connected = self.lock();
        if let Some(same) = connected.workers.get(mailbox) {
            self.ask_each(mailbox, same);
        }
        if let Some(group) = connected.groups.get(mailbox) {
            self.ask_group(mailbox, group);
        }
    }

    /// Messages may wait anywhere: the same for every mailbox of somebody who is connected.
    pub(super) fn ask_for_all(&self) {
        let connected = self.lock();
        connected.workers.iter().for_each(|(mailbox, same)| self.ask_each(mailbox, same));
        connected.groups.iter().for_each(|(mailbox, group)| self.ask_group(mailbox, group));
    }

    fn ask_each(&self, mailbox: &Mailbox, same: &BTreeMap<Name, Arc<Connection>>) {
        for connection in same.values() {
            connection.pull_from(mailbox, &self.voice);
        }
    }

    fn ask_group(&self, mailbox: &Mailbox, group: &Group) {
        // One of each scope is enough: when there is more than it can take, the group is asked again.
        let mut asked: BTreeSet<Option<&str>> = BTreeSet::new();
        for connection in group.in_turn() {
            let scope = connection.name.prefix.as_deref();
            if !asked.contains(&scope) && connection.pull_from(mailbox, &self.voice) {
                asked.insert(scope);
            }
        }
    }

    /// Forgets a connection that has ended, unless another one has taken over its name.
    fn disconnect(&self, connection: &Arc<Connection>) {
        {
            let mut connected = self.lock();
            let [any, uni] = &connection.mailboxes;
            if let Some(same) = connected.workers.get_mut(uni)
                && same.get(&connection.name).is_some_and(|current| Arc::ptr_eq(current, connection))
            {
                same.remove(&connection.name);
                if same.is_empty() {
                    connected.workers.remove(uni);
                }
                connected.open -= 1;
                self.open.dec();
                if let Some(group) = connected.groups.get_mut(any) {
                    group.members.remove(&connection.name);
                    if group.members.is_empty() {
                        connected.groups.remove(any);
                    }
                }
            }
        }
        // Not before it is out of the way: what it gives back must not come to it again.
        connection.close(&self.voice);
    }

    /// Ends all connections; no others are accepted.
    pub fn stop(&self) {
        let connections = {
            let mut connected = self.lock();
            connected.stopping = true;
            connected.groups.clear();
            connected.open = 0;
            self.open.set(0);
            std::mem::take(&mut connected.workers)
        };
        connections.into_values().flat_map(BTreeMap::into_values).for_each(|connection| connection.close(&self.voice));
    }
}

fn offer_to_group(group: &mut Group, preferred: Option<&str>, delivery: Delivery) -> Option<Delivery> {
    let preferred = preferred.into_iter().flat_map(|worker| group.named(worker));
    // All of them: the one that has asked for this message may be the last in turn.
    let (taker, left) = offer_to_one_of(preferred.chain(group.in_turn()), delivery);
    if taker.is_some() {
        group.last = taker;
    }
    left
}

/// Offers a message to each until one takes it. Who has, or the message.
fn offer_to_one_of<'a>(
    candidates: impl Iterator<Item = &'a Arc<Connection>>,
    mut delivery: Delivery,
) -> (Option<Name>, Option<Delivery>) {
    for connection in candidates {
        match connection.offer(delivery) {
            Ok(()) => return (Some(connection.name.clone()), None),
            Err(back) => delivery = back,
        }
    }
    (None, Some(delivery))
}
