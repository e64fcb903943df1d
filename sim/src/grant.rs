//! What an answer says was done, and is not. The catalogue says that whatever changes was asked for; this is the other way around: what was granted has
//! changed. Knows no machine: a request, its answer and the state after it.

use resonate_core::id::Id;
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::reply::Reply;
use resonate_core::request::{FencedAction, Request, TaskRef};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::{Task, TaskState};
use resonate_core::time::{Millis, Timestamp};

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Granted<'a> {
    /// What was asked for.
    pub request: &'a Request,
    /// What was said.
    pub reply: &'a Reply,
    /// The state after it.
    pub state: &'a Snapshot,
    /// When.
    pub now: Timestamp,
    /// The dials.
    pub rules: &'a Rules,
    /// Whether a deadline was noticed on the way, whose waiters were told in the same transition.
    pub noticed_deadline: bool,
}

impl Granted<'_> {
    /// What of it was not done.
    #[must_use]
    pub fn undone(&self) -> Option<String> {
        let found = match self.request {
            Request::HaltTask { id }
            | Request::ContinueTask { id }
            | Request::ReleaseTask { task: TaskRef { id, .. } }
            | Request::AcquireTask { task: TaskRef { id, .. }, .. }
            | Request::SuspendTask { task: TaskRef { id, .. }, .. }
            | Request::FulfillTask { task: TaskRef { id, .. }, .. } => self.state.tasks.get(id),
            _ => None,
        };
        (!self.is_done()).then(|| format!("{:?} with {:?}, and the task is {found:?}", self.request, self.reply))
    }

    fn is_done(&self) -> bool {
        match self.request {
            Request::CreatePromise(_) | Request::SettlePromise(_) => is_settled_if_said(self.reply),
            Request::RegisterCallback { awaited, awaiter } => self.has_callback(awaited, awaiter),
            Request::RegisterListener { awaited, address } => match self.reply {
                Reply::Promise(promise) if is_pending(promise) => {
                    self.state.listeners.contains(&(awaited.clone(), address.clone()))
                }
                _ => true,
            },
            Request::CreateTask { pid, ttl, promise, .. } => self.is_held(&promise.id, pid, *ttl),
            Request::AcquireTask { task, pid, ttl } => self.is_held(&task.id, pid, *ttl),
            Request::FenceTask { task, action } => self.is_fenced(task, action),
            Request::HeartbeatTasks { pid, tasks, prefix } => self.beats(pid, tasks, prefix.as_deref()),
            Request::SuspendTask { task, .. } => self.is_parked(task),
            Request::FulfillTask { task, .. } => match self.reply {
                Reply::Fulfilled(promise) => !is_pending(promise) && self.is_in(&task.id, TaskState::Fulfilled),
                _ => true,
            },
            Request::ReleaseTask { task } => *self.reply != Reply::Done || self.is_in(&task.id, TaskState::Pending),
            Request::HaltTask { id } => *self.reply != Reply::Done || self.is_in(id, TaskState::Halted),
            Request::ContinueTask { id } => *self.reply != Reply::Done || self.is_in(id, TaskState::Pending),
            Request::GetSchedule { id } => self.shows_schedule(id),
            Request::CreateSchedule(create) => self.shows_schedule(&create.id),
            Request::DeleteSchedule { id } => *self.reply != Reply::Done || !self.state.schedules.contains_key(id),
            Request::PurgePromise { id, dry_run, .. } => {
                *self.reply != Reply::Done || *dry_run == self.state.promises.contains_key(id)
            }
            // What these show is compared with what is stored, and whether what is due is done is asked elsewhere.
            Request::GetPromise { .. }
            | Request::SearchPromises(_)
            | Request::GetTask { .. }
            | Request::SearchTasks(_)
            | Request::SearchSchedules(_)
            | Request::TimeOutPromise { .. }
            | Request::DischargePromise { .. }
            | Request::ExpireLease { .. }
            | Request::DispatchTask { .. }
            | Request::RunSchedule { .. }
            | Request::ClaimMessage { .. }
            | Request::MessageDelivered { .. }
            | Request::MessageFailed { .. }
            | Request::MessageUnclaimed { .. } => true,
        }
    }

    fn is_in(&self, id: &Id, state: TaskState) -> bool {
        self.state.tasks.get(id).is_some_and(|task| task.state == state)
    }

    /// A waiter that is over waits for nothing.
    fn has_callback(&self, awaited: &Id, awaiter: &Id) -> bool {
        let is_open = matches!(self.reply, Reply::Promise(promise) if is_pending(promise));
        let is_waiting = self.state.promises.get(awaiter).is_some_and(|promise| is_pending(&promise.as_of(self.now)));
        !(is_open && is_waiting) || self.state.callbacks.contains(&(awaited.clone(), awaiter.clone()))
    }

    /// Who is told that it may run a task has it, or learns that there is nothing to run.
    fn is_held(&self, id: &Id, pid: &str, ttl: Millis) -> bool {
        let Reply::Acquired { task, .. } = self.reply else { return true };
        let lease = task.lease.as_ref().filter(|lease| *lease.pid == *pid && lease.ttl == ttl);
        let is_held =
            lease.is_some_and(|lease| lease.expires_at == self.now + ttl) && task.state == TaskState::Acquired;
        task.id == *id && (is_held || task.state == TaskState::Fulfilled)
    }

    fn is_fenced(&self, task: &TaskRef, action: &FencedAction) -> bool {
        let Reply::Fenced(inner) = self.reply else { return true };
        let holds = self.state.tasks.get(&task.id).is_some_and(|held| is_at(held, task));
        holds && *action.id() != task.id && is_settled_if_said(inner)
    }

    fn beats(&self, pid: &str, tasks: &[TaskRef], prefix: Option<&str>) -> bool {
        let is_meant = |id: &Id, held: &Task| match tasks {
            [] => !self.rules.strict && prefix.is_none_or(|prefix| id.starts_with(prefix)),
            _ => tasks.iter().any(|task| is_at(held, task)),
        };
        let beats = |id: &Id, held: &Task| {
            let lease = held.lease.as_ref().filter(|lease| *lease.pid == *pid && is_meant(id, held));
            let is_live = self.state.promises.get(id).is_some_and(|promise| is_pending(&promise.as_of(self.now)));
            !is_live || lease.is_none_or(|lease| lease.expires_at == self.now + lease.ttl)
        };
        let named = tasks.iter().filter_map(|task| self.state.tasks.get_key_value(&task.id));
        match tasks {
            _ if *self.reply != Reply::Done => true,
            [] => self.state.tasks.iter().all(|(id, held)| beats(id, held)),
            _ => named.into_iter().all(|(id, held)| beats(id, held)),
        }
    }

    /// A suspension waits; a redirection goes on, and has told what was settled.
    fn is_parked(&self, task: &TaskRef) -> bool {
        match self.reply {
            Reply::Suspended => self.is_in(&task.id, TaskState::Suspended),
            Reply::Redirected { .. } => self
                .state
                .tasks
                .get(&task.id)
                .is_some_and(|held| is_at(held, task) && (held.resumes.is_empty() || self.noticed_deadline)),
            _ => true,
        }
    }

    fn shows_schedule(&self, id: &Id) -> bool {
        match self.reply {
            Reply::Schedule(schedule) => self.state.schedules.get(id) == Some(schedule),
            _ => true,
        }
    }
}

fn is_pending(promise: &Promise) -> bool {
    promise.state == PromiseState::Pending
}

/// Whether a task is held at a version.
fn is_at(held: &Task, named: &TaskRef) -> bool {
    held.id == named.id && held.state == TaskState::Acquired && held.version == named.version
}

/// Whether a settlement that is shown is one.
fn is_settled_if_said(reply: &Reply) -> bool {
    match reply {
        Reply::Settled { promise, .. } => !is_pending(promise),
        _ => true,
    }
}
