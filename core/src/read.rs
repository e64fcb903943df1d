//! What a decision may need to know: keys and bounded scans. Stores answer them by filling [`crate::records::Records`].

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::address::Address;
use crate::id::Id;
use crate::message::MessageKey;
use crate::search::{SearchPromises, SearchSchedules, SearchTasks};
use crate::time::Timestamp;

/// One thing to load.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// A promise.
    Promise(Id),
    /// A task.
    Task(Id),
    /// A schedule.
    Schedule(Id),
    /// An entry of the outbox.
    Message(MessageKey),
    /// Awaiters of a promise by id, behind `after`.
    CallbacksOf {
        /// The awaited promise.
        awaited: Id,
        /// The last awaiter known.
        after: Option<Id>,
        /// Rows at most.
        limit: usize,
    },
    /// Listeners of a promise by address, behind `after`.
    ListenersOf {
        /// The awaited promise.
        awaited: Id,
        /// The last listener known.
        after: Option<Address>,
        /// Rows at most.
        limit: usize,
    },
    /// Listeners that have yet to be told of a settled promise, by address, behind `after`: its `unblock` messages.
    UnblocksOf {
        /// The settled promise.
        promise: Id,
        /// The last listener known.
        after: Option<Address>,
        /// Rows at most.
        limit: usize,
    },
    /// Ids of what refers to a promise in one way, behind `after`.
    ReferringTo {
        /// The promise.
        id: Id,
        /// In which way.
        by: Reference,
        /// The last id known.
        after: Option<Id>,
        /// Rows at most.
        limit: usize,
    },
    /// Tasks that a worker holds by id, behind `after`.
    HeldBy {
        /// The worker.
        pid: Arc<str>,
        /// The last task known.
        after: Option<Id>,
        /// Rows at most.
        limit: usize,
    },
    /// The first promises of a branch by id.
    Branch {
        /// The value of the `resonate:branch` tag.
        branch: Arc<str>,
        /// Rows at most.
        promises_max: usize,
        /// Stop after the row with which [`crate::promise::Promise::weight`] adds up to more than this.
        bytes_max: usize,
    },
    /// A page of promises, one row more than the search's limit.
    Promises {
        /// What is searched.
        search: SearchPromises,
        /// The instant as of which states are compared.
        now: Timestamp,
    },
    /// A page of tasks with their promises, one row more than the search's limit.
    Tasks {
        /// What is searched.
        search: SearchTasks,
        /// The instant as of which states are compared.
        now: Timestamp,
    },
    /// A page of schedules, one row more than the search's limit.
    Schedules {
        /// What is searched.
        search: SearchSchedules,
    },
}

/// A way in which something refers to a promise, other than by waiting for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// Another promise names it as its parent or its branch: by the id of that promise.
    Lineage,
    /// A task has it among its resumes: by the id of the task.
    Resume,
    /// Its task waits for a promise: by the id of the awaited promise.
    Callback,
}

impl Reference {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Lineage, Self::Resume, Self::Callback];
}

impl Read {
    /// Whether the answer is a page of a search: it cannot be corrected by writes that are not yet in the store, so that the batch must be
    /// committed before it is loaded.
    #[must_use]
    pub const fn is_search(&self) -> bool {
        match self {
            Self::Promises { .. } | Self::Tasks { .. } | Self::Schedules { .. } => true,
            Self::Promise(_)
            | Self::Task(_)
            | Self::Schedule(_)
            | Self::Message(_)
            | Self::CallbacksOf { .. }
            | Self::ListenersOf { .. }
            | Self::UnblocksOf { .. }
            | Self::ReferringTo { .. }
            | Self::HeldBy { .. }
            | Self::Branch { .. } => false,
        }
    }
}
