//! A worker: it takes the tasks that messages name, runs workflows step by step through the protocol, keeps its leases alive, and may be away for a
//! while or lose its memory. Owns what a worker knows; sends nothing itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use resonate_core::id::Id;
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::reply::Reply;
use resonate_core::request::{FencedAction, Request, TaskRef};
use resonate_core::time::{Millis, Timestamp};

use crate::workflow::{self, Child, Kind, Sum};

/// What a run is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Acquiring,
    /// The creation of this child of this group.
    Creating(usize, usize),
    /// The settlement of one of its own.
    Settling(usize, usize),
    /// The suspension on this group.
    Suspending(usize),
    Ending,
    /// The task is given back.
    Releasing,
}

/// One run of a workflow.
#[derive(Debug)]
pub(crate) struct Run {
    task: TaskRef,
    phase: Phase,
    /// The call whose answer it waits for.
    awaited: u64,
    timeout_at: Timestamp,
    groups: Vec<Vec<Child>>,
    /// What is known of the children of the group that it is at.
    known: Vec<Arc<Promise>>,
    /// The result of the groups before.
    sum: Sum,
}

/// A worker.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) pid: Arc<str>,
    ttl: Millis,
    pub(crate) runs: BTreeMap<Id, Run>,
    /// Out of a hundred runs, so many are given back at once.
    gives_back: u64,
}

impl Worker {
    pub(crate) fn new(pid: &str, ttl: Millis, gives_back: u64) -> Self {
        Self { pid: pid.into(), ttl, runs: BTreeMap::new(), gives_back }
    }

    /// Forgets everything.
    pub(crate) fn crash(&mut self) {
        self.runs.clear();
    }

    /// Takes a message that names a task.
    pub(crate) fn execute(&mut self, task: &Id, version: u64) -> Option<Request> {
        if self.runs.contains_key(task) || !workflow::is_ours(task.as_str()) {
            return None;
        }
        let task = TaskRef { id: task.clone(), version };
        let run = Run {
            phase: Phase::Acquiring,
            awaited: 0,
            timeout_at: Timestamp::ZERO,
            groups: workflow::groups(&task.id),
            known: Vec::new(),
            sum: Sum::new(&task.id),
            task: task.clone(),
        };
        self.runs.insert(task.id.clone(), run);
        Some(Request::AcquireTask { task, pid: Arc::clone(&self.pid), ttl: self.ttl })
    }

    /// The heartbeat of everything that it holds.
    pub(crate) fn heartbeat(&self) -> Option<Request> {
        let held = self.runs.values().filter(|run| run.phase != Phase::Acquiring);
        let tasks: Vec<TaskRef> = held.map(|run| run.task.clone()).collect();
        (!tasks.is_empty()).then(|| Request::HeartbeatTasks { pid: Arc::clone(&self.pid), tasks, prefix: None })
    }

    /// Drops a run that nobody answers.
    pub(crate) fn give_up(&mut self, of: &Id) {
        self.runs.remove(of);
    }

    /// Notes what was sent for a run: an answer to what was sent before, by this run or by one of the same task that has ended, is not for it.
    pub(crate) fn awaits(&mut self, of: &Id, call: u64) {
        if let Some(run) = self.runs.get_mut(of) {
            run.awaited = call;
        }
    }

    /// Whether a run waits for the answer to this.
    pub(crate) fn is_awaited(&self, of: &Id, call: u64) -> bool {
        self.runs.get(of).is_some_and(|run| run.awaited == call)
    }

    /// Takes the answer to what was sent for a run.
    pub(crate) fn answered(&mut self, of: &Id, reply: &Reply, now: Timestamp, luck: u64) -> Option<Request> {
        let run = self.runs.get_mut(of)?;
        let next = run.take(reply, now, luck < self.gives_back);
        if next.is_none() {
            self.runs.remove(of);
        }
        next
    }
}

impl Run {
    /// What to send next; nothing when the run is over.
    fn take(&mut self, reply: &Reply, now: Timestamp, gives_back: bool) -> Option<Request> {
        match (self.phase, reply) {
            (Phase::Acquiring, Reply::Acquired { task, promise, preload: _ }) => {
                if promise.state != PromiseState::Pending {
                    return None;
                }
                self.task.version = task.version;
                self.timeout_at = promise.timeout_at;
                if gives_back {
                    self.phase = Phase::Releasing;
                    return Some(Request::ReleaseTask { task: self.task.clone() });
                }
                self.create(0, 0, now)
            }
            (Phase::Creating(group, child), Reply::Fenced(inner)) => match &**inner {
                Reply::Created { promise, fresh: _ } => self.created(group, child, promise, now),
                _ => None,
            },
            (Phase::Settling(group, child), Reply::Fenced(inner)) => match &**inner {
                Reply::Settled { promise, fresh: _ } => {
                    self.known.push(Arc::clone(promise));
                    self.create(group, child + 1, now)
                }
                _ => None,
            },
            // Something of the group is settled meanwhile: look at all of it again.
            (Phase::Suspending(group), Reply::Redirected { preload: _ }) => self.create(group, 0, now),
            // Suspended, ended, given back, or no longer the holder of the task.
            _ => None,
        }
    }

    fn created(&mut self, group: usize, child: usize, promise: &Arc<Promise>, now: Timestamp) -> Option<Request> {
        let is_own = self.groups[group][child].kind == Kind::Own;
        if is_own && promise.state == PromiseState::Pending {
            self.phase = Phase::Settling(group, child);
            let action = FencedAction::Settle(workflow::verdict(&promise.id));
            return Some(Request::FenceTask { task: self.task.clone(), action });
        }
        self.known.push(Arc::clone(promise));
        self.create(group, child + 1, now)
    }

    /// Creates a child, or goes on behind the last one.
    fn create(&mut self, group: usize, child: usize, now: Timestamp) -> Option<Request> {
        if child == 0 {
            self.known.clear();
        }
        let Some(children) = self.groups.get(group) else {
            self.phase = Phase::Ending;
            let settle = workflow::ending(&self.task.id, &self.sum);
            return Some(Request::FulfillTask { task: self.task.clone(), settle });
        };
        if let Some(next) = children.get(child) {
            self.phase = Phase::Creating(group, child);
            let create = workflow::creation(next, &self.task.id, self.timeout_at, now);
            return Some(Request::FenceTask { task: self.task.clone(), action: FencedAction::Create(create) });
        }
        let open = self.known.iter().filter(|promise| promise.state == PromiseState::Pending);
        let awaited: Vec<Id> = open.map(|promise| promise.id.clone()).collect();
        if awaited.is_empty() {
            for promise in std::mem::take(&mut self.known) {
                self.sum.add(promise.state, promise.value.data.as_deref());
            }
            return self.create(group + 1, 0, now);
        }
        self.phase = Phase::Suspending(group);
        Some(Request::SuspendTask { task: self.task.clone(), awaited })
    }
}
