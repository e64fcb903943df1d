//! A server: it takes what waits, does what is due, runs batches over the store, answers after the commit, and hands on messages. Owns when it does
//! which; what a request comes to is the machine's, and how a transaction goes is `drive::run`'s, as in every host.

use std::collections::{BTreeMap, VecDeque};

use resonate_core::address::Mailbox;
use resonate_core::drive::{self, Beside, Store, Tx};
use resonate_core::due::{Due, DueKey, DueKind};
use resonate_core::limits::MESSAGE_CLAIM;
use resonate_core::reply::Reply;
use resonate_core::request::{Claim, Request};
use resonate_core::time::Timestamp;

use crate::plan::Fault;
use crate::store::{Fate, Isolation, StoreError};
use crate::witness::Sent;
use crate::workflow::GROUP;
use crate::world::{Event, World};

/// Requests of one batch at most.
const BATCH_MAX: u64 = 8;
/// Due rows of each kind that one batch takes.
pub(crate) const DUE_MAX: usize = 8;
/// Messages that a connection takes at once.
const ROOM: usize = 8;
/// Shortest time between two looks.
const REST: u64 = 50;
/// Longest time without a look at what is due.
const NET: u64 = 1_000;
/// Longest time until a delivery is reported, in milliseconds: shorter than a claim.
const REPORT_PAUSE_MAX: u64 = 20_000;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    Call(Sent),
    Own,
}

/// A server.
#[derive(Debug)]
pub(crate) struct Server {
    is_up: bool,
    /// Which of its lives this is.
    pub(crate) epoch: u64,
    /// How far its clock is ahead.
    pub(crate) ahead: i64,
    /// The last instant that it has used.
    seen: Timestamp,
    pub(crate) queue: VecDeque<(Request, Origin)>,
    pub(crate) pulls: BTreeMap<Mailbox, usize>,
    /// When to look for due rows, in true time.
    pub(crate) look_at: u64,
    /// The turn that is awaited; others are void.
    turn: u64,
    turn_at: u64,
    /// It cannot reach the store before this instant.
    pub(crate) cut_off_until: u64,
}

/// What a server wants to run at once.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) requests: Vec<Request>,
    pub(crate) origins: Vec<Origin>,
}

impl Work {
    pub(crate) fn push(&mut self, request: Request, origin: Origin) {
        self.requests.push(request);
        self.origins.push(origin);
    }

    fn append(&mut self, mut other: Self) {
        self.requests.append(&mut other.requests);
        self.origins.append(&mut other.origins);
    }
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            is_up: false,
            epoch: 0,
            ahead: 0,
            seen: Timestamp::ZERO,
            queue: VecDeque::new(),
            pulls: BTreeMap::new(),
            look_at: 0,
            turn: 0,
            turn_at: 0,
            cut_off_until: 0,
        }
    }

    /// Its clock does not go back behind what the store has told.
    pub(crate) fn learn(&mut self, now: Timestamp) {
        self.seen = self.seen.max(now);
    }

    pub(crate) fn is_up(&self) -> bool {
        self.is_up
    }
}

impl World {
    /// What a server's clock says; it never goes back within a life.
    pub(crate) fn clock_of(&mut self, server: usize) -> Timestamp {
        let told = Timestamp::saturating(self.now.saturating_add_signed(self.servers[server].ahead));
        let server = &mut self.servers[server];
        server.seen = server.seen.max(told);
        server.seen
    }

    pub(crate) fn starts(&mut self, server: usize) {
        if self.servers[server].is_up {
            return;
        }
        let alone = self.plan.isolation == Isolation::Alone;
        // No clock of a server goes back behind the newest promise that it finds.
        let births = self.reference.state().promises.values().map(|promise| promise.created_at);
        let newest = births.max().filter(|_| alone).unwrap_or(Timestamp::ZERO);
        let state = &mut self.servers[server];
        (state.is_up, state.seen, state.look_at) = (true, newest, self.now);
        state.epoch += 1;
        if alone {
            self.adopt_orphans(server);
        }
        self.wake(server, 0);
    }

    /// Takes over what this server had claimed in its life before.
    fn adopt_orphans(&mut self, server: usize) {
        let until = (self.clock_of(server) + MESSAGE_CLAIM).just_before();
        self.store.expect(Fate::Commits, 0, true);
        let due = drive::sweep(&mut self.store, &[DueKind::Message], until, usize::MAX).unwrap_or_default();
        for Due { key, .. } in due {
            match key {
                DueKey::Message(key) => {
                    let claim = Request::ClaimMessage { key, claim: Claim::Orphaned };
                    self.servers[server].queue.push_back((claim, Origin::Own));
                }
                DueKey::Id(_) => {}
            }
        }
    }

    pub(crate) fn crash(&mut self, server: usize) {
        self.counts.crashes += 1;
        self.store.crash();
        let state = &mut self.servers[server];
        state.is_up = false;
        let waiting: Vec<Origin> = state.queue.drain(..).map(|(_, origin)| origin).collect();
        self.leave(&waiting);
        let state = &mut self.servers[server];
        state.pulls.clear();
        for worker in 0..self.posts.len() {
            if self.posts[worker].server == Some(server) {
                self.disconnect(worker);
            }
        }
        let pause = self.rng.u64(1..8_000);
        self.after(pause, Event::Starts { server });
    }

    pub(crate) fn arrives(&mut self, server: usize, sent: Sent) {
        let (true, Some(call)) = (self.servers[server].is_up, self.calls.get(&sent.call)) else { return };
        let request = call.request.clone();
        self.servers[server].queue.push_back((request, Origin::Call(sent)));
        self.wake(server, 0);
    }

    /// The time until a server knows how a delivery went: it looks again whether a connection is still there, and who is pushed to may take his time.
    pub(crate) fn report_pause(&mut self) -> u64 {
        let usual = self.latency();
        if !self.is_calm && self.rng.u64(..3) == 0 { usual + self.rng.u64(..REPORT_PAUSE_MAX) } else { usual }
    }

    pub(crate) fn reported(&mut self, server: usize, epoch: u64, report: Request) {
        let state = &mut self.servers[server];
        if state.is_up && state.epoch == epoch {
            state.queue.push_back((report, Origin::Own));
            self.wake(server, 0);
        }
    }

    pub(crate) fn notified(&mut self, server: usize, mailbox: Mailbox) {
        if self.servers[server].is_up && self.has_connection_for(server, &mailbox) {
            self.servers[server].pulls.insert(mailbox, ROOM);
            self.wake(server, 0);
        }
    }

    /// Lets a server have its turn so soon, unless it has one before.
    fn wake(&mut self, server: usize, pause: u64) {
        let at = self.now + pause;
        let state = &mut self.servers[server];
        if state.turn_at > self.now && state.turn_at <= at {
            return;
        }
        state.turn += 1;
        state.turn_at = at;
        let (epoch, turn) = (state.epoch, state.turn);
        self.after(pause, Event::Turn { server, epoch, turn });
    }

    fn has_connection_for(&self, server: usize, mailbox: &Mailbox) -> bool {
        let connected = self.posts.iter().any(|post| post.server == Some(server));
        if *mailbox == Mailbox::any(GROUP) { connected } else { true }
    }

    /// Asks for the messages that workers of this server wait for.
    pub(crate) fn pull_for_its_workers(&mut self, server: usize) {
        let mailbox = Mailbox::any(GROUP);
        if self.servers[server].is_up && self.has_connection_for(server, &mailbox) {
            self.servers[server].pulls.insert(mailbox, ROOM);
            self.wake(server, 0);
        }
    }

    /// One turn: what waits, what is due, what can be pulled, in one batch.
    pub(crate) fn turn(&mut self, server: usize, epoch: u64, turn: u64) {
        let state = &mut self.servers[server];
        if !state.is_up || state.epoch != epoch || state.turn != turn {
            return;
        }
        state.turn_at = 0;
        let now = self.clock_of(server);
        let ahead = self.store_ahead;
        self.store.set_clock(self.plan.has_clock.then(|| Timestamp::saturating(self.now.saturating_add_signed(ahead))));
        let is_reachable = self.servers[server].cut_off_until <= self.now;
        self.store.expect(Fate::Commits, 0, is_reachable);
        let mut work = self.waiting(server, now);
        let looked = self.servers[server].look_at <= self.now || !self.servers[server].pulls.is_empty();
        let found = if looked { self.look(server, now, &mut work) } else { Ok(()) };
        let purges = found.and_then(|()| if looked { self.purges(now) } else { Ok(Work::default()) });
        let works = match purges {
            Ok(purges) if self.plan.isolation == Isolation::Alone => {
                work.append(purges);
                work.requests.is_empty() || self.run_batch(server, work, now, is_reachable)
            }
            Ok(purges) => {
                let works = work.requests.is_empty() || self.run_batch(server, work, now, is_reachable);
                let is_up = self.servers[server].is_up;
                works && (!is_up || purges.requests.is_empty() || self.run_batch(server, purges, now, is_reachable))
            }
            Err(StoreError::Unreachable | StoreError::Full | StoreError::InDoubt) => {
                self.refuse(&work.origins);
                false
            }
        };
        if self.servers[server].is_up {
            self.plan_next(server, looked, !works);
        }
    }

    /// What waits at a server. Reads may be answered beside the writer.
    pub(crate) fn waiting(&mut self, server: usize, now: Timestamp) -> Work {
        let mut work = Work::default();
        let room = self.rng.u64(1..=BATCH_MAX) as usize;
        while work.requests.len() < room
            && let Some((request, origin)) = self.servers[server].queue.pop_front()
        {
            match origin {
                Origin::Call(sent) if request.is_read() && self.rng.bool() => match self.read(&request, now) {
                    Some(reply) => self.answer(sent, Some((reply, now))),
                    None => work.push(request, origin),
                },
                Origin::Call(_) | Origin::Own => work.push(request, origin),
            }
        }
        work
    }

    fn read(&mut self, request: &Request, now: Timestamp) -> Option<Reply> {
        let mut tx = self.store.begin().ok()?;
        let answer = drive::read(&mut tx, &self.plan.rules, request, now).ok()?;
        drop(tx);
        self.counts.reads += 1;
        match answer {
            Beside::Reply(reply) => {
                self.reference.compare_read(request, now, &reply);
                Some(reply)
            }
            Beside::Overdue(_) | Beside::Writes => None,
        }
    }

    /// What is due, and what can be pulled.
    fn look(&mut self, server: usize, now: Timestamp, work: &mut Work) -> Result<(), StoreError> {
        let due = drive::sweep(&mut self.store, &DueKind::ALL, now, DUE_MAX)?;
        due.iter().for_each(|due| work.push(due.request(), Origin::Own));
        if self.plan.servers > 1 {
            self.pull_for_its_workers(server);
        }
        for (mailbox, room) in std::mem::take(&mut self.servers[server].pulls) {
            for key in self.store.begin()?.parked(&mailbox, None, room)? {
                work.push(Request::ClaimMessage { key, claim: Claim::Connected }, Origin::Own);
            }
        }
        Ok(())
    }

    fn plan_next(&mut self, server: usize, looked: bool, failed: bool) {
        if looked {
            self.store.expect(Fate::Commits, 0, self.servers[server].cut_off_until <= self.now);
            let next = drive::next_due(&mut self.store, &DueKind::ALL, &Default::default()).ok().flatten();
            // A row that is due still was refused, or is not due by the store's clock: a moment later.
            let clock = self.clock_of(server);
            let pause = next.map_or(NET, |next| next.as_millis().saturating_sub(clock.as_millis()).clamp(REST, NET));
            self.servers[server].look_at = self.now + pause;
        }
        let state = &self.servers[server];
        let pause = match (state.queue.is_empty(), failed) {
            (_, true) => 100,
            (false, false) => 1,
            (true, false) => state.look_at.saturating_sub(self.now).max(1),
        };
        let pause = if self.strikes(Fault::SlowStore) { pause + self.rng.u64(..2_000) } else { pause };
        self.wake(server, pause);
    }
}
