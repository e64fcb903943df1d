//! What becomes due, and when: the index from instants to background requests. One definition for every store; keeps no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::address::Mailbox;
use crate::id::Id;
use crate::limits::SCHEDULE_RUNS_PER_BATCH_MAX;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::{Promise, PromiseState};
use crate::request::{Claim, Request};
use crate::retention::Settled;
use crate::schedule::Schedule;
use crate::task::Task;
use crate::time::Timestamp;

/// A kind of background work that rows make due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueKind {
    /// A pending promise, at its deadline.
    Deadline,
    /// A settled promise with waiters, since it was settled.
    Discharge,
    /// An acquired task, at the end of its lease.
    Lease,
    /// A pending task, at its dispatch.
    Retry,
    /// A schedule, at its next occurrence.
    Schedule,
    /// An entry of the outbox, at its next attempt.
    Message,
}

impl DueKind {
    /// Every kind, in the order in which a sweep serves them.
    pub const ALL: [Self; 6] =
        [Self::Deadline, Self::Discharge, Self::Lease, Self::Retry, Self::Schedule, Self::Message];

    /// What `debug.tick` does: messages are the host's.
    pub const TIMERS: [Self; 5] = [Self::Deadline, Self::Discharge, Self::Lease, Self::Retry, Self::Schedule];

    /// The name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Discharge => "discharge",
            Self::Lease => "lease",
            Self::Retry => "retry",
            Self::Schedule => "schedule",
            Self::Message => "message",
        }
    }
}

/// A row that is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// Since when.
    pub at: Timestamp,
    /// For what.
    pub kind: DueKind,
    /// Which row.
    pub key: DueKey,
}

/// The key of a row that is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueKey {
    /// A promise, a task or a schedule.
    Id(Id),
    /// An entry of the outbox.
    Message(MessageKey),
}

impl Due {
    /// The background request that does what is due.
    #[must_use]
    pub fn request(&self) -> Request {
        match (&self.key, self.kind) {
            (DueKey::Message(key), _) => Request::ClaimMessage { key: key.clone(), claim: Claim::Due },
            (DueKey::Id(id), DueKind::Deadline) => Request::TimeOutPromise { id: id.clone() },
            (DueKey::Id(id), DueKind::Discharge) => Request::DischargePromise { id: id.clone() },
            (DueKey::Id(id), DueKind::Lease) => Request::ExpireLease { id: id.clone() },
            (DueKey::Id(id), DueKind::Schedule) => {
                Request::RunSchedule { id: id.clone(), runs_left: SCHEDULE_RUNS_PER_BATCH_MAX }
            }
            (DueKey::Id(id), DueKind::Retry | DueKind::Message) => Request::DispatchTask { id: id.clone() },
        }
    }

    fn of_id(at: Timestamp, kind: DueKind, id: &Id) -> Self {
        Self { at, kind, key: DueKey::Id(id.clone()) }
    }
}

/// A record that may make something due.
pub trait MakesDue {
    /// What this record makes due, and when.
    fn due(&self) -> Option<Due>;
}

impl MakesDue for Promise {
    fn due(&self) -> Option<Due> {
        match self.state {
            PromiseState::Pending => Some(Due::of_id(self.timeout_at, DueKind::Deadline, &self.id)),
            PromiseState::Resolved
            | PromiseState::Rejected
            | PromiseState::RejectedCanceled
            | PromiseState::RejectedTimedout => {
                let at = self.settled_at.filter(|_| self.has_waiters)?;
                Some(Due::of_id(at, DueKind::Discharge, &self.id))
            }
        }
    }
}

impl MakesDue for Task {
    fn due(&self) -> Option<Due> {
        match (&self.lease, self.retry_at) {
            (Some(lease), _) => Some(Due::of_id(lease.expires_at, DueKind::Lease, &self.id)),
            (None, Some(at)) => Some(Due::of_id(at, DueKind::Retry, &self.id)),
            (None, None) => None,
        }
    }
}

impl MakesDue for Schedule {
    fn due(&self) -> Option<Due> {
        let ever = self.next_run_at < Timestamp::MAX;
        ever.then(|| Due::of_id(self.next_run_at, DueKind::Schedule, &self.id))
    }
}

impl MakesDue for OutboxEntry {
    fn due(&self) -> Option<Due> {
        let ever = self.due_at < Timestamp::MAX;
        ever.then(|| Due { at: self.due_at, kind: DueKind::Message, key: DueKey::Message(self.key.clone()) })
    }
}

/// Everything that is due some time, ordered by instant within each kind, and what is parked until somebody connects.
#[derive(Clone, Debug, Default)]
pub(crate) struct DueIndex {
    kinds: [BTreeSet<Due>; DueKind::ALL.len()],
    parked: BTreeMap<Mailbox, BTreeSet<(Timestamp, MessageKey)>>,
    /// As if they were all to be discharged: a set of another type would be another copy of its code.
    settled: BTreeSet<Due>,
}

impl DueIndex {
    /// Replaces what a record made due by what it makes due now.
    pub(crate) fn replace<R: MakesDue>(&mut self, before: Option<&R>, after: Option<&R>) {
        let (before, after) = (before.and_then(MakesDue::due), after.and_then(MakesDue::due));
        if before == after {
            return;
        }
        if let Some(due) = before {
            self.kinds[due.kind as usize].remove(&due);
        }
        if let Some(due) = after {
            self.kinds[due.kind as usize].insert(due);
        }
    }

    /// Replaces where an entry of the outbox was parked by where it is now.
    pub(crate) fn replace_parked(&mut self, before: Option<&OutboxEntry>, after: Option<&OutboxEntry>) {
        if let Some(before) = before.filter(|entry| entry.parked) {
            let mailbox = before.address.route().mailbox();
            if let Some(entries) = self.parked.get_mut(&mailbox) {
                entries.remove(&(before.created_at, before.key.clone()));
                if entries.is_empty() {
                    self.parked.remove(&mailbox);
                }
            }
        }
        if let Some(after) = after.filter(|entry| entry.parked) {
            let mailbox = after.address.route().mailbox();
            self.parked.entry(mailbox).or_default().insert((after.created_at, after.key.clone()));
        }
    }

    /// Replaces where a promise lies among the settled ones.
    pub(crate) fn replace_settled(&mut self, before: Option<&Promise>, after: Option<&Promise>) {
        let settled = |promise: &Promise| Some(Due::of_id(promise.settled_at?, DueKind::Discharge, &promise.id));
        let (before, after) = (before.and_then(settled), after.and_then(settled));
        if before == after {
            return;
        }
        if let Some(due) = before {
            self.settled.remove(&due);
        }
        if let Some(due) = after {
            self.settled.insert(due);
        }
    }

    /// Settled promises in the order of their settlement: see [`crate::drive::Tx::settled`].
    pub(crate) fn settled(&self, after: Option<&Settled>, before: Timestamp, limit: usize) -> Vec<Settled> {
        let start = after.map_or(Bound::Unbounded, |(at, id)| Bound::Excluded(Due::of_id(*at, DueKind::Discharge, id)));
        let mut settled = Vec::new();
        for due in self.settled.range((start, Bound::Unbounded)).take(limit).take_while(|due| due.at < before) {
            if let DueKey::Id(id) = &due.key {
                settled.push((due.at, id.clone()));
            }
        }
        settled
    }

    /// The first parked messages of a mailbox: see [`crate::drive::Tx::parked`].
    pub(crate) fn parked(&self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize) -> Vec<MessageKey> {
        let keys = self.parked.get(mailbox).into_iter().flatten().map(|(_, key)| key);
        match prefix {
            None => keys.take(limit).cloned().collect(),
            Some(prefix) => {
                let mut keys: Vec<MessageKey> = keys.filter(|key| key.id().starts_with(prefix)).cloned().collect();
                keys.sort_unstable_by(|a, b| (a.id(), a).cmp(&(b.id(), b)));
                keys.truncate(limit);
                keys
            }
        }
    }

    /// The first rows of a kind that are due at or before `until`.
    pub(crate) fn first(&self, kind: DueKind, until: Timestamp, limit: usize) -> Vec<Due> {
        self.kinds[kind as usize].iter().take_while(|due| due.at <= until).take(limit).cloned().collect()
    }
}
