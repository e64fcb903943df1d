//! One request in the making: what it has read, what it has written so far, and what those writes make due. Every promise and task that a
//! handler sees through it is as of `now`: a row past its deadline is settled first (spec §4, projection), so that no handler can act on one
//! that is stale. Handlers check everything before they write anything else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Decided, Decision, Stop, discharge_promise};
use crate::due::{DueKind, MakesDue};
use crate::effect::Effect;
use crate::id::Id;
use crate::limits::DISCHARGE_PER_REQUEST_MAX;
use crate::message::{MessageKey, OutboxEntry};
use crate::mutant::Mutant;
use crate::promise::{Promise, PromiseState};
use crate::read::Read;
use crate::records::Records;
use crate::reply::{Refusal, Reply};
use crate::request::{Request, TaskRef};
use crate::rules::Rules;
use crate::schedule::Schedule;
use crate::shown::shown;
use crate::task::{Task, TaskState};
use crate::time::{Millis, Timestamp};
use crate::write::Write;

/// One request in the making.
pub(crate) struct Transition<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) now: Timestamp,
    pub(crate) records: &'a Records,
    changes: Changes,
    /// After-images of this transition. By id, since one request may touch every task of a worker.
    promises: BTreeMap<Id, Arc<Promise>>,
    tasks: BTreeMap<Id, Arc<Task>>,
    /// Settled promises whose waiters are to be discharged.
    settled: VecDeque<Id>,
    /// Waiters that may still be discharged.
    pub(crate) discharges_left: usize,
}

/// What a transition comes to.
#[derive(Default)]
pub(crate) struct Changes {
    writes: Vec<Write>,
    effects: Vec<Effect>,
    follow_ups: Vec<Request>,
    wake_at: Option<Timestamp>,
    projected: Vec<Id>,
}

impl Changes {
    pub(crate) fn into_decision(mut self, reply: Reply) -> Decision {
        self.effects.extend(self.wake_at.map(Effect::WakeAt));
        let Self { writes, effects, follow_ups, projected, wake_at: _ } = self;
        Decision { reply, writes, effects, follow_ups, projected }
    }
}

impl<'a> Transition<'a> {
    pub(crate) fn new(rules: &'a Rules, now: Timestamp, records: &'a Records) -> Self {
        Self {
            rules,
            now,
            records,
            changes: Changes::default(),
            promises: BTreeMap::new(),
            tasks: BTreeMap::new(),
            settled: VecDeque::new(),
            discharges_left: DISCHARGE_PER_REQUEST_MAX,
        }
    }

    /// Whether a guard is left out on purpose.
    pub(crate) fn mutated(&self, by: Mutant) -> bool {
        self.rules.mutated(by)
    }

    /// Discharges what the settlements of this transition owe, within bounds.
    pub(crate) fn finish(mut self) -> Result<Changes, Vec<Read>> {
        while let Some(id) = self.settled.pop_front() {
            match discharge_promise::discharge(&mut self, &id) {
                Ok(()) => {}
                Err(Stop::Missing(reads)) => return Err(reads),
                Err(Stop::Refused(refusal)) => unreachable!("a discharge is never refused: {refusal}"),
            }
        }
        Ok(self.changes)
    }

    /// Asks for all of these reads at once where any is missing.
    pub(crate) fn prefetch(&self, reads: impl IntoIterator<Item = Read>) -> Decided<()> {
        let missing: Vec<Read> = reads.into_iter().filter(|read| !self.records.knows(read)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Stop::Missing(missing)) }
    }

    /// A promise as of now. One past its deadline is settled by it in this transition.
    pub(crate) fn promise(&mut self, id: &Id) -> Decided<Option<Arc<Promise>>> {
        if let Some(promise) = self.promises.get(id) {
            return Ok(Some(Arc::clone(promise)));
        }
        match self.records.promise(id) {
            None => Err(Stop::Missing(vec![Read::Promise(id.clone())])),
            Some(None) => Ok(None),
            Some(Some(promise)) if self.is_over(promise) => self.settle(self.timed_out(promise)).map(Some),
            Some(Some(promise)) => Ok(Some(Arc::clone(promise))),
        }
    }

    fn is_over(&self, promise: &Promise) -> bool {
        let soon = self.mutated(Mutant::DeadlineTooSoon) && promise.is_overdue(self.now + Millis::saturating(1_000));
        (promise.is_overdue(self.now) || soon) && !self.mutated(Mutant::DeadlineIgnored)
    }

    fn timed_out(&self, promise: &Promise) -> Promise {
        let mut after = promise.settled_by_deadline();
        if self.mutated(Mutant::TimerRejects) {
            after.state = PromiseState::RejectedTimedout;
        }
        if self.mutated(Mutant::DeadlineStampedNow) {
            after.settled_at = Some(self.now);
        }
        after
    }

    /// A task as of now, with its promise.
    pub(crate) fn task(&mut self, id: &Id) -> Decided<Option<(Arc<Task>, Arc<Promise>)>> {
        self.prefetch([Read::Promise(id.clone()), Read::Task(id.clone())])?;
        if self.stored_task(id)?.is_none() {
            return Ok(None);
        }
        let promise = self.promise(id)?;
        let task = self.stored_task(id)?;
        match (task, promise) {
            (Some(task), Some(promise)) => Ok(Some((task, promise))),
            (task, promise) => panic!("task {id} without its promise: {}", shown(&(task, promise))),
        }
    }

    pub(super) fn stored_task(&self, id: &Id) -> Decided<Option<Arc<Task>>> {
        if let Some(task) = self.tasks.get(id) {
            return Ok(Some(Arc::clone(task)));
        }
        let known = self.records.task(id).ok_or_else(|| Stop::Missing(vec![Read::Task(id.clone())]))?;
        Ok(known.cloned())
    }

    /// A schedule.
    pub(crate) fn schedule(&self, id: &Id) -> Decided<Option<Arc<Schedule>>> {
        let known = self.records.schedule(id).ok_or_else(|| Stop::Missing(vec![Read::Schedule(id.clone())]))?;
        Ok(known.cloned())
    }

    /// An entry of the outbox, as it was before this transition.
    pub(crate) fn message(&self, key: &MessageKey) -> Decided<Option<Arc<OutboxEntry>>> {
        let known = self.records.message(key).ok_or_else(|| Stop::Missing(vec![Read::Message(key.clone())]))?;
        Ok(known.cloned())
    }

    /// The task that a worker holds at the version it names, its promise pending (the guard of fence, suspend, fulfil and release).
    pub(crate) fn held_task(&mut self, held: &TaskRef) -> Decided<(Arc<Task>, Arc<Promise>)> {
        let (task, promise) = self.task(&held.id)?.ok_or(Refusal::NotFound("task not found"))?;
        if task.state != TaskState::Acquired && !self.mutated(Mutant::HoldIgnoresState) {
            return Err(Refusal::Conflict("task is not acquired").into());
        }
        if task.version != held.version && !self.mutated(Mutant::HoldIgnoresVersion) {
            return Err(Refusal::Conflict("task is acquired at another version").into());
        }
        Ok((task, promise))
    }

    /// Settles a promise: it takes its after-image, its task is fulfilled, its waiters will be discharged.
    pub(crate) fn settle(&mut self, after: Promise) -> Decided<Arc<Promise>> {
        let task = if after.target().is_some() { self.stored_task(&after.id)? } else { None };
        let after = Arc::new(after);
        self.promises.insert(after.id.clone(), Arc::clone(&after));
        self.write(Write::SettlePromise(Arc::clone(&after)));
        if let Some(task) =
            task.filter(|task| task.state != TaskState::Fulfilled && !self.mutated(Mutant::SettleKeepsTask))
        {
            let mut fulfilled = task.fulfilled();
            if self.mutated(Mutant::SettleKeepsResumes) {
                fulfilled.resumes.clone_from(&task.resumes);
            }
            self.move_task(&task, fulfilled);
        }
        if after.has_waiters {
            self.settled.push_back(after.id.clone());
        }
        Ok(after)
    }

    /// Inserts a promise.
    pub(crate) fn insert_promise(&mut self, promise: Promise) -> Arc<Promise> {
        let promise = Arc::new(promise);
        self.promises.insert(promise.id.clone(), Arc::clone(&promise));
        self.write(Write::InsertPromise(Arc::clone(&promise)));
        promise
    }

    /// Inserts a task.
    pub(crate) fn insert_task(&mut self, task: Task) -> Arc<Task> {
        let task = Arc::new(task);
        self.tasks.insert(task.id.clone(), Arc::clone(&task));
        self.write(Write::InsertTask(Arc::clone(&task)));
        task
    }

    /// Replaces a task. One that leaves `pending`, or comes back to it, has no use for the `execute` it had.
    pub(crate) fn move_task(&mut self, before: &Task, after: Task) -> Arc<Task> {
        let after = Arc::new(after);
        self.tasks.insert(after.id.clone(), Arc::clone(&after));
        if before.state == TaskState::Pending && after.state != TaskState::Pending {
            self.write(Write::DeleteMessage { key: MessageKey::Execute { task: after.id.clone() } });
        }
        self.write(Write::UpdateTask { from: before.state, version: before.version, task: Arc::clone(&after) });
        after
    }

    /// Notes that a promise may have waiters from now on.
    pub(crate) fn note_waiters(&mut self, promise: &Promise) {
        if !promise.has_waiters && !self.mutated(Mutant::WaiterNotNoted) {
            let after = Promise { has_waiters: true, ..promise.clone() };
            self.promises.insert(promise.id.clone(), Arc::new(after));
            self.write(Write::SetHasWaiters { id: promise.id.clone(), has_waiters: true });
        }
    }

    /// Whether a promise takes waiters; `private` leaves out the guard of those that are private to their workers.
    pub(crate) fn takes_waiters(&self, promise: &Promise, private: Mutant) -> bool {
        let lax = || Rules { strict: false, ..self.rules.clone() };
        promise.is_awaitable(self.rules)
            || self.mutated(private)
            || (self.mutated(Mutant::StrictAwaitsAll) && promise.is_awaitable(&lax()))
    }

    /// Adds a change. What it makes due becomes a wake-up of the host; a dispatch that is due at once follows in the same batch.
    pub(crate) fn write(&mut self, write: Write) {
        let due = match &write {
            Write::InsertPromise(promise) => promise.due(),
            Write::InsertTask(task) | Write::UpdateTask { task, .. } => task.due(),
            Write::InsertSchedule(schedule) => schedule.due(),
            Write::PutMessage(entry) => entry.due(),
            Write::AdvanceSchedule { next_run_at, .. } => {
                self.wake_at(*next_run_at);
                None
            }
            Write::SettlePromise(_)
            | Write::SetHasWaiters { .. }
            | Write::DeletePromise { .. }
            | Write::DeleteTask { .. }
            | Write::InsertCallback { .. }
            | Write::DeleteCallback { .. }
            | Write::InsertListener { .. }
            | Write::DeleteListener { .. }
            | Write::DeleteSchedule { .. }
            | Write::DeleteMessage { .. } => None,
        };
        match due {
            Some(due) if due.at <= self.now && due.kind == DueKind::Retry => self.follow_up(due.request()),
            Some(due) => self.wake_at(due.at),
            None => {}
        }
        self.changes.writes.push(write);
    }

    /// Asks the host to look again at an instant.
    fn wake_at(&mut self, at: Timestamp) {
        if at < Timestamp::MAX {
            self.changes.wake_at = Some(self.changes.wake_at.map_or(at, |earlier| earlier.min(at)));
        }
    }

    /// Asks for a background request that is due because of this transition.
    pub(crate) fn follow_up(&mut self, request: Request) {
        self.changes.follow_ups.push(request);
    }

    /// Asks the host for a delivery.
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.changes.effects.push(effect);
    }

    /// A promise for an answer that lists many: projected, without a write.
    pub(crate) fn project(&mut self, promise: &Arc<Promise>) -> Arc<Promise> {
        if self.mutated(Mutant::SearchShowsStale) {
            return Arc::clone(promise);
        }
        if promise.is_overdue(self.now) {
            self.changes.projected.push(promise.id.clone());
        }
        promise.as_of(self.now)
    }

    /// Whether the promise is settled, as of now.
    pub(crate) fn is_settled(promise: &Promise) -> bool {
        promise.state != PromiseState::Pending
    }

    /// The answer to a background request: whether it found anything to do.
    pub(crate) fn background_reply(&self) -> Reply {
        if self.changes.writes.is_empty() { Reply::Idle } else { Reply::Done }
    }

    /// Promises of a task's branch, its own left out (spec §3, preload).
    pub(crate) fn preload(&mut self, promise: &Promise) -> Decided<Vec<Arc<Promise>>> {
        use crate::limits::{PRELOAD_BYTES_MAX, PRELOAD_PROMISES_MAX};
        let Some(branch) = promise.branch() else { return Ok(Vec::new()) };
        let rows = self.records.branches.first(branch, PRELOAD_PROMISES_MAX + 1).map_err(|_| {
            Stop::Missing(vec![Read::Branch {
                branch: branch.into(),
                promises_max: PRELOAD_PROMISES_MAX + 1,
                bytes_max: PRELOAD_BYTES_MAX + promise.weight(),
            }])
        })?;
        let mut preload = Vec::new();
        let mut bytes = 0;
        for id in rows.iter().filter(|id| **id != promise.id).take(PRELOAD_PROMISES_MAX) {
            let after_image = self.promises.get(id).cloned();
            let Some(row) = after_image.or_else(|| self.records.promise_of_branch(id).cloned()) else { continue };
            if row.is_overdue(self.now) && !self.mutated(Mutant::PreloadShowsStale) {
                // Another server may be settling it, at an earlier instant; settled here, it could wake the task that this transition takes. A
                // worker that misses it asks for it.
                continue;
            }
            bytes += row.weight();
            if bytes > PRELOAD_BYTES_MAX {
                break;
            }
            preload.push(row);
        }
        Ok(preload)
    }
}
