//! Random reads of every variant: searches with every filter, order and place, scans that begin in the middle and end early.

use resonate_core::id::Id;
use resonate_core::message::MessageKey;
use resonate_core::promise::{PromiseState, Tags};
use resonate_core::read::{Read, Reference};
use resonate_core::search::{IdPattern, PromiseOrder, SearchPromises, SearchSchedules, SearchTasks, StateFilter};
use resonate_core::snapshot::Snapshot;
use resonate_core::task::TaskState;

use super::writes::World;

const PATTERNS: [&str; 8] = ["*", "a*", "*1", "a", "b%", "b_", "*\u{1F600}*", "a*.*"];
const PREFIXES: [&str; 5] = ["", "a", "a.", "b%", "é"];

/// The variants, so that a run can tell which have found something. A new one does not compile until it is here.
pub(super) const NAMES: [&str; 15] = [
    "promise",
    "task",
    "schedule",
    "message",
    "callbacks",
    "listeners",
    "held",
    "branch",
    "promises",
    "tasks",
    "schedules",
    "unblocks",
    "lineage",
    "resumes",
    "awaited",
];

pub(super) fn name(read: &Read) -> &'static str {
    NAMES[match read {
        Read::Promise(_) => 0,
        Read::Task(_) => 1,
        Read::Schedule(_) => 2,
        Read::Message(_) => 3,
        Read::CallbacksOf { .. } => 4,
        Read::ListenersOf { .. } => 5,
        Read::HeldBy { .. } => 6,
        Read::Branch { .. } => 7,
        Read::Promises { .. } => 8,
        Read::Tasks { .. } => 9,
        Read::Schedules { .. } => 10,
        Read::UnblocksOf { .. } => 11,
        Read::ReferringTo { by, .. } => 12 + *by as usize,
    }]
}

impl World {
    /// A read.
    pub(super) fn read(&mut self, state: &Snapshot) -> Read {
        let limit = self.rng.usize(1..4);
        match self.rng.u32(..22) {
            0 => Read::Promise(self.id()),
            1 => Read::Task(self.id()),
            2 => Read::Schedule(self.id()),
            3 => Read::Message(self.message_key()),
            4..6 => {
                let awaited = state.callbacks.first().map_or_else(|| self.id(), |(awaited, _)| awaited.clone());
                Read::CallbacksOf { awaited, after: self.place(), limit }
            }
            6..8 => {
                let awaited = state.listeners.first().map_or_else(|| self.id(), |(awaited, _)| awaited.clone());
                let after = self.chance(40).then(|| self.address());
                Read::ListenersOf { awaited, after, limit }
            }
            8 => Read::HeldBy { pid: self.pid(), after: self.place(), limit },
            9 => {
                let (promises_max, bytes_max) = (self.rng.usize(1..4), self.one_of(&[0, 5, 20, 1 << 20]));
                Read::Branch { branch: self.branch(), promises_max, bytes_max }
            }
            10..13 => Read::Promises { search: self.promise_search(limit), now: self.instant() },
            13..15 => {
                let wanted = self.one_of(&TaskState::ALL);
                let search = SearchTasks {
                    prefix: self.prefix(),
                    state: self.chance(60).then_some(wanted),
                    after: self.place(),
                    limit,
                };
                Read::Tasks { search, now: self.instant() }
            }
            15..17 => {
                let unblock = state.messages.keys().find(|key| matches!(key, MessageKey::Unblock { .. }));
                let promise = unblock.map_or_else(|| self.id(), |key| key.id().clone());
                let after = self.chance(30).then(|| self.address());
                Read::UnblocksOf { promise, after, limit }
            }
            17..21 => {
                let by = self.one_of(&Reference::ALL);
                Read::ReferringTo { id: self.id(), by, after: self.place(), limit }
            }
            _ => {
                let search =
                    SearchSchedules { prefix: self.prefix(), tags: self.wanted_tags(), after: self.place(), limit };
                Read::Schedules { search }
            }
        }
    }

    fn promise_search(&mut self, limit: usize) -> SearchPromises {
        let order = match (self.chance(50), self.chance(40)) {
            (true, true) => PromiseOrder::Newest { after: Some((self.instant(), self.id())) },
            (true, false) => PromiseOrder::Newest { after: None },
            (false, _) => PromiseOrder::ById { after: self.place() },
        };
        let wanted = self.one_of(&PromiseState::ALL);
        let state = match self.rng.u32(..4) {
            0..2 => None,
            2 => Some(StateFilter::Only(wanted)),
            _ => Some(StateFilter::AnyRejected),
        };
        SearchPromises {
            pattern: self.chance(40).then(|| IdPattern::new(self.one_of(&PATTERNS))),
            prefix: self.prefix(),
            state,
            tags: self.wanted_tags(),
            order,
            limit,
        }
    }

    fn place(&mut self) -> Option<Id> {
        self.chance(40).then(|| self.id())
    }

    pub(super) fn prefix(&mut self) -> Option<String> {
        self.chance(30).then(|| self.one_of(&PREFIXES).to_owned())
    }

    fn wanted_tags(&mut self) -> Tags {
        if self.chance(25) { self.tags() } else { Tags::new() }
    }
}
