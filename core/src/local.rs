//! A whole server as a value, for hosts that have one thread and no waiting between a request and its answer: a page, a test, a script. Owns the
//! order of its requests and of its clock; decides nothing, keeps no time, sends nothing itself.

mod background;
mod debug;
mod purge;
mod wire;

use std::collections::BTreeSet;

use crate::address::Mailbox;
use crate::at_hand;
use crate::batch::Finished;
use crate::drive::{self, Beside, Store, Tx, TxError};
use crate::due::{DueKey, DueKind};
use crate::effect::Effect;
use crate::limits::MESSAGE_CLAIM;
use crate::message::{Delivery, MessageKey};
use crate::reply::Reply;
use crate::request::{Claim, Request};
use crate::retention::purges;
use crate::rules::Rules;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;
use background::IdleRows;

/// Messages that are claimed at once.
const CLAIMS_MAX: usize = 1000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A request has taken effect.
    Answered {
        /// The instant.
        now: Timestamp,
        /// The request.
        request: Request,
        /// Its answer.
        reply: Reply,
    },
    /// The store was emptied.
    Emptied {
        /// The last instant seen.
        now: Timestamp,
    },
}

/// What a host should do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Messages to deliver, and to report ([`Local::report`]).
    pub deliveries: Vec<Delivery>,
    /// Mailboxes in which messages wait for a connection ([`Local::connected`]).
    pub parked: BTreeSet<Mailbox>,
}

impl Events {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.parked.is_empty()
    }
}

/// How a delivery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// It arrived.
    Delivered,
    /// It failed, and may be tried again, sooner by so many thousandths of the delay.
    Failed {
        /// See [`Request::MessageFailed`].
        jitter_permille: u64,
    },
    /// No connection could take it.
    Unclaimed,
}

impl Went {
    /// The report of a delivery that went so.
    #[must_use]
    pub fn report(self, key: MessageKey, version: u64) -> Request {
        match self {
            Self::Delivered => Request::MessageDelivered { key, version },
            Self::Failed { jitter_permille } => Request::MessageFailed { key, version, jitter_permille },
            Self::Unclaimed => Request::MessageUnclaimed { key, version },
        }
    }
}

/// A server over a store.
#[derive(Debug)]
pub struct Local<S> {
    store: S,
    rules: Rules,
    /// The last instant seen: the clock does not go back.
    seen: Timestamp,
    /// The last instant of debugging.
    debug_seen: Option<Timestamp>,
    /// Whether the requests of debugging are obeyed.
    debug: bool,
    /// Whether the background stands still.
    still: bool,
    /// When something is due, as far as commits have told; nothing has looked into the store before the first tick.
    wake_at: Timestamp,
    events: Events,
    /// Mailboxes that something was told of while the background stood still.
    parked_meanwhile: BTreeSet<Mailbox>,
    /// The last instant at which something may have been claimed while the background stood still.
    claimed_meanwhile: Timestamp,
    idle: IdleRows,
    /// Promises that were removed, or would have been, since the server is there.
    purged: usize,
    log: Option<Vec<Happened>>,
}

type Outcome<S, T> = Result<T, TxError<<S as Store>::Error>>;

impl<S: Store> Local<S> {
    /// A server over a store, with the requests of debugging or without.
    #[must_use]
    pub fn new(store: S, rules: Rules, debug: bool) -> Self {
        Self {
            store,
            rules,
            seen: Timestamp::ZERO,
            debug_seen: None,
            debug,
            still: false,
            wake_at: Timestamp::ZERO,
            events: Events::default(),
            parked_meanwhile: BTreeSet::new(),
            claimed_meanwhile: Timestamp::ZERO,
            idle: IdleRows::default(),
            purged: 0,
            log: None,
        }
    }

    /// The store.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// The dials.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// From now on everything that happens is kept for [`Self::take_log`].
    pub fn watch(&mut self) {
        self.log.get_or_insert_default();
    }

    /// What has happened since the last time, in order.
    pub fn take_log(&mut self) -> Vec<Happened> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What there is to do since the last time.
    pub fn take_events(&mut self) -> Events {
        std::mem::take(&mut self.events)
    }

    /// Whether there is something to do.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    fn clamp(&mut self, now: Timestamp) -> Timestamp {
        self.seen = self.seen.max(now);
        self.seen
    }

    /// Answers one request: beside the writer where that may be, as a server with many threads does.
    ///
    /// # Errors
    /// As of [`Self::envelope`].
    pub fn submit(&mut self, request: &Request, now: Timestamp) -> Outcome<S, Reply> {
        let now = self.clamp(now);
        self.submit_at(request, now)
    }

    fn submit_at(&mut self, request: &Request, now: Timestamp) -> Outcome<S, Reply> {
        if request.is_read() && self.store.at_hand().is_none() {
            let mut tx = self.store.begin()?;
            let beside = drive::read(&mut tx, &self.rules, request, now)?;
            drop(tx);
            if let Beside::Reply(reply) = beside {
                self.note(now, request, &reply);
                return Ok(reply);
            }
        }
        let (mut replies, _) = self.run_at(std::slice::from_ref(request), now)?;
        Ok(replies.pop().expect("a request has a reply"))
    }

    /// Runs requests in order, in as many transactions as it takes.
    ///
    /// # Errors
    /// The store's; the first requests may have taken effect.
    pub fn run(&mut self, requests: &[Request], now: Timestamp) -> Outcome<S, Vec<Reply>> {
        let now = self.clamp(now);
        Ok(self.run_at(requests, now)?.0)
    }

    /// The answers, and how many requests followed from these.
    fn run_at(&mut self, requests: &[Request], now: Timestamp) -> Outcome<S, (Vec<Reply>, usize)> {
        let (mut replies, mut followed) = (Vec::with_capacity(requests.len()), 0);
        if self.still {
            self.claimed_meanwhile = self.claimed_meanwhile.max(now);
        }
        while replies.len() < requests.len() {
            let rest = &requests[replies.len()..];
            let Finished { outcomes, follow_ups, writes: _, now: _ } = match self.store.at_hand() {
                Some(store) => at_hand::run(store, &self.rules, rest, now),
                None => drive::run(&mut self.store, &self.rules, rest, now)?,
            };
            for (request, outcome) in rest.iter().zip(outcomes) {
                self.note(now, request, &outcome.reply);
                self.take(outcome.effects);
                replies.push(outcome.reply);
            }
            followed += follow_ups.len();
            for (request, outcome) in follow_ups {
                self.note(now, &request, &outcome.reply);
                self.take(outcome.effects);
            }
        }
        Ok((replies, followed))
    }

    fn note(&mut self, now: Timestamp, request: &Request, reply: &Reply) {
        self.purged += usize::from(purges(request, reply));
        if let Some(log) = &mut self.log {
            log.push(Happened::Answered { now, request: request.clone(), reply: reply.clone() });
        }
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                // What is claimed is found again once the background goes on.
                Effect::Deliver(_) if self.still => {}
                Effect::Deliver(delivery) => self.events.deliveries.push(delivery),
                Effect::Parked(mailbox) if self.still => drop(self.parked_meanwhile.insert(mailbox)),
                Effect::Parked(mailbox) => drop(self.events.parked.insert(mailbox)),
                Effect::WakeAt(at) => self.wake_at = self.wake_at.min(at),
            }
        }
    }

    /// Reports how a delivery went.
    ///
    /// # Errors
    /// The store's; the message is then delivered again.
    pub fn report(&mut self, key: MessageKey, version: u64, went: Went, now: Timestamp) -> Outcome<S, ()> {
        self.run(&[went.report(key, version)], now).map(drop)
    }

    /// Tells that somebody can take `room` messages of a mailbox, all of them or those with a prefix. They are among the next events; while the
    /// background stands still there are none, and the mailbox is among the events once it goes on. Whoever has room again tells it again.
    ///
    /// # Errors
    /// The store's.
    pub fn connected(
        &mut self,
        mailbox: &Mailbox,
        prefix: Option<&str>,
        room: usize,
        now: Timestamp,
    ) -> Outcome<S, ()> {
        if self.still {
            self.parked_meanwhile.insert(mailbox.clone());
            return Ok(());
        }
        let keys = self.store.begin()?.parked(mailbox, prefix, room)?;
        let now = self.clamp(now);
        self.claim(&keys, Claim::Connected, now)
    }

    /// Takes over the messages that a server over the same store had claimed which is gone. For a server that has just been started, and alone.
    ///
    /// # Errors
    /// The store's.
    pub fn adopt_orphans(&mut self, now: Timestamp) -> Outcome<S, ()> {
        let now = self.clamp(now);
        self.adopt_orphans_at(now)
    }

    fn adopt_orphans_at(&mut self, now: Timestamp) -> Outcome<S, ()> {
        let until = (now + MESSAGE_CLAIM).just_before();
        let due = drive::sweep(&mut self.store, &[DueKind::Message], until, usize::MAX)?;
        let keys = due.into_iter().filter_map(|due| match due.key {
            DueKey::Message(key) => Some(key),
            DueKey::Id(_) => None,
        });
        let keys: Vec<MessageKey> = keys.collect();
        keys.chunks(CLAIMS_MAX).try_for_each(|keys| self.claim(keys, Claim::Orphaned, now))
    }

    fn claim(&mut self, keys: &[MessageKey], claim: Claim, now: Timestamp) -> Outcome<S, ()> {
        let claims: Vec<Request> = keys.iter().map(|key| Request::ClaimMessage { key: key.clone(), claim }).collect();
        self.run_at(&claims, now).map(drop)
    }

    /// The whole state.
    ///
    /// # Errors
    /// The store's.
    pub fn snapshot(&mut self) -> Outcome<S, Snapshot> {
        Ok(self.store.begin()?.snapshot()?)
    }
}
