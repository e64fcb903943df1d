//! Answers of the machine. They are projections of the after-image; how they look on a wire is the wire's.

use serde::Serialize;
use std::fmt;
use std::sync::Arc;

use crate::promise::Promise;
use crate::schedule::Schedule;
use crate::task::Task;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// A promise: of a get, or of the registration of a waiter.
    Promise(Arc<Promise>),
    /// The promise of a creation.
    Created {
        /// The promise as it stands now.
        promise: Arc<Promise>,
        /// Whether this request created it.
        fresh: bool,
    },
    /// The promise of a settlement.
    Settled {
        /// The promise as it stands now.
        promise: Arc<Promise>,
        /// Whether this request settled it.
        fresh: bool,
    },
    /// A page of promises.
    Promises {
        /// The page.
        promises: Vec<Arc<Promise>>,
        /// Whether there are more behind it.
        more: bool,
    },
    /// A task.
    Task(Arc<Task>),
    /// A task that the worker may run, or a fulfilled one.
    Acquired {
        /// The task.
        task: Arc<Task>,
        /// Its promise.
        promise: Arc<Promise>,
        /// Promises of the same branch, by id.
        preload: Vec<Arc<Promise>>,
    },
    /// The answer to the action behind a fence.
    Fenced(Box<Reply>),
    /// The task is suspended.
    Suspended,
    /// Something that was awaited is settled already: go on.
    Redirected {
        /// Promises of the same branch, by id.
        preload: Vec<Arc<Promise>>,
    },
    /// The promise of a fulfilled task.
    Fulfilled(Arc<Promise>),
    /// A page of tasks.
    Tasks {
        /// The page.
        tasks: Vec<Arc<Task>>,
        /// Whether there are more behind it.
        more: bool,
    },
    /// A schedule.
    Schedule(Arc<Schedule>),
    /// A page of schedules.
    Schedules {
        /// The page.
        schedules: Vec<Arc<Schedule>>,
        /// Whether there are more behind it.
        more: bool,
    },
    /// Done; there is nothing to show.
    Done,
    /// A message reached the end of its retention undelivered.
    Expired,
    /// A background request found nothing to do any more.
    Idle,
    /// The machine refuses.
    Refused(Refusal),
}

/// Why the machine refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The request contradicts itself or asks for something that cannot be (400).
    Invalid(String),
    /// What is named does not exist (404).
    NotFound(&'static str),
    /// The task is not in the state or at the version that the request needs (409).
    Conflict(&'static str),
    /// Something that the request refers to is not fit for it (422).
    Unprocessable(&'static str),
}

impl Refusal {
    /// The status in today's protocol.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 400,
            Self::NotFound(_) => 404,
            Self::Conflict(_) => 409,
            Self::Unprocessable(_) => 422,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => f.write_str(why),
            Self::NotFound(why) | Self::Conflict(why) | Self::Unprocessable(why) => f.write_str(why),
        }
    }
}
