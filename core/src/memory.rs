//! The reference store: everything in memory, known completely. It defines what each read means; the others are tested against it.

use std::convert::Infallible;
use std::sync::Arc;

use crate::address::{Address, Mailbox};
use crate::at_hand::AtHand;
use crate::decide::{Decision, Missing, decide};
use crate::drive::{Reset, Store, Tx, TxError};
use crate::due::{Due, DueKind};
use crate::id::Id;
use crate::message::{MessageKey, OutboxEntry};
use crate::promise::Promise;
use crate::property::{Moment, Violation, check_state};
use crate::read::Read;
use crate::records::{Page, Records};
use crate::request::Request;
use crate::retention::Settled;
use crate::rules::Rules;
use crate::schedule::Schedule;
use crate::search::{PageRoom, PromiseOrder, SearchPromises, SearchSchedules, SearchTasks, has_all};
use crate::shown::shown;
use crate::snapshot::{InvalidSnapshot, Snapshot};
use crate::task::Task;
use crate::time::{MILLIS_MAX, Timestamp};
use crate::write::Write;

/// A store in memory.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    records: Records,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self { records: Records::closed() }
    }

    /// Everything in it; [`decide`] runs over it without loading.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// A promise, as stored.
    #[must_use]
    pub fn promise(&self, id: &Id) -> Option<&Arc<Promise>> {
        self.records.promise(id).flatten()
    }

    /// A task, as stored.
    #[must_use]
    pub fn task(&self, id: &Id) -> Option<&Arc<Task>> {
        self.records.task(id).flatten()
    }

    /// A schedule.
    #[must_use]
    pub fn schedule(&self, id: &Id) -> Option<&Arc<Schedule>> {
        self.records.schedule(id).flatten()
    }

    /// An entry of the outbox.
    #[must_use]
    pub fn message(&self, key: &MessageKey) -> Option<&Arc<OutboxEntry>> {
        self.records.message(key).flatten()
    }

    /// Tasks that a worker holds by id, as [`Read::HeldBy`] asks for them.
    #[must_use]
    pub fn held_by(&self, pid: &str, after: Option<&Id>, limit: usize) -> Vec<Id> {
        self.records.held.behind(pid, after).take(limit).cloned().collect()
    }

    /// Whether a task waits for a promise.
    #[must_use]
    pub fn has_callback(&self, awaited: &Id, awaiter: &Id) -> bool {
        self.records.callbacks.contains(awaited, awaiter)
    }

    /// Whether an address is to be told of a promise.
    #[must_use]
    pub fn has_listener(&self, awaited: &Id, address: &Address) -> bool {
        self.records.listeners.contains(awaited, address)
    }

    /// Everything in it, sorted.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.records)
    }

    /// A store in the state of a snapshot, which may have been reached under other dials than these.
    ///
    /// # Errors
    /// [`InvalidSnapshot`] when it contradicts what must be true of every state, see [`crate::property`], or nothing could be added to one of its
    /// numbers.
    pub fn restore(rules: &Rules, snapshot: &Snapshot) -> Result<Self, InvalidSnapshot> {
        // What was stored before a dial became strict stays stored: only what holds under the laxest dials is asked for.
        let rules = &Rules { strict: false, ..rules.clone() };
        // Whoever restores knows no instant that is later than all of the snapshot's.
        let moment = Moment { state: snapshot, now: Timestamp::MAX, rules };
        match check_state(&moment).into_iter().next().or_else(|| out_of_range(snapshot)) {
            Some(violation) => Err(InvalidSnapshot(violation)),
            None => Ok(Self { records: Records::of(snapshot) }),
        }
    }

    /// Decides one request and makes its changes, without a transaction around it.
    ///
    /// # Panics
    /// When the machine contradicts itself.
    pub fn apply(&mut self, rules: &Rules, request: &Request, now: Timestamp) -> Decision {
        let decision = match decide(rules, request, now, &self.records) {
            Ok(decision) => decision,
            Err(Missing(reads)) => unreachable!("a closed set misses nothing: {}", shown(&reads)),
        };
        for write in &decision.writes {
            let applied = write.apply_to(&mut self.records);
            assert!(applied.is_ok(), "a decision contradicts the records it was made of: {}", shown(write));
        }
        decision
    }
}

impl Store for MemoryStore {
    type Error = Infallible;
    type Tx<'a> = MemoryTx<'a>;

    fn begin(&mut self) -> Result<MemoryTx<'_>, Infallible> {
        Ok(MemoryTx { records: &mut self.records, staged: Vec::new() })
    }

    fn at_hand(&mut self) -> Option<&mut dyn AtHand> {
        Some(self)
    }
}

impl AtHand for MemoryStore {
    fn apply(&mut self, rules: &Rules, request: &Request, now: Timestamp) -> Decision {
        self.apply(rules, request, now)
    }
}

impl Reset for MemoryStore {
    fn reset(&mut self) -> Result<(), Infallible> {
        *self = Self::new();
        Ok(())
    }
}

/// A transaction of a [`MemoryStore`].
#[derive(Debug)]
pub struct MemoryTx<'a> {
    records: &'a mut Records,
    staged: Vec<Write>,
}

impl Tx for MemoryTx<'_> {
    type Error = Infallible;

    fn load(&mut self, reads: &[Read], records: &mut Records) -> Result<(), TxError<Infallible>> {
        for read in reads {
            load(self.records, read, records);
        }
        Ok(())
    }

    fn due(&mut self, kinds: &[DueKind], until: Timestamp, limit: usize) -> Result<Vec<Due>, Infallible> {
        let index = self.records.due.iter();
        Ok(index.flat_map(|due| kinds.iter().flat_map(|kind| due.first(*kind, until, limit))).collect())
    }

    fn parked(&mut self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize) -> Result<Vec<MessageKey>, Infallible> {
        Ok(self.records.due.as_ref().map_or_else(Vec::new, |due| due.parked(mailbox, prefix, limit)))
    }

    fn settled(
        &mut self,
        after: Option<&Settled>,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Settled>, Infallible> {
        Ok(self.records.due.as_ref().map_or_else(Vec::new, |due| due.settled(after, before, limit)))
    }

    fn snapshot(&mut self) -> Result<Snapshot, Infallible> {
        Ok(Snapshot::of(self.records))
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), TxError<Infallible>> {
        self.staged.extend_from_slice(writes);
        Ok(())
    }

    fn commit(self) -> Result<(), TxError<Infallible>> {
        // A guard may fail in the middle: nothing is changed before all of them have held on a copy of what they touch.
        let mut copy = Records::open();
        for write in &self.staged {
            if let Some(read) = guards(write) {
                load(self.records, &read, &mut copy);
            }
            write.apply_to(&mut copy).map_err(|_| TxError::Conflict)?;
        }
        for write in &self.staged {
            let applied = write.apply_to(self.records);
            assert!(applied.is_ok(), "a guard held on a copy and not on the original: {}", shown(write));
        }
        Ok(())
    }
}

/// A version or a counter that no server reaches: each moves by one.
fn out_of_range(snapshot: &Snapshot) -> Option<Violation> {
    let is_far = |version: u64, count: u32| version >= MILLIS_MAX || count == u32::MAX;
    let task = snapshot.tasks.values().find(|task| is_far(task.version, task.executes)).map(|task| &task.id);
    let message = snapshot.messages.values().find(|entry| is_far(entry.version, 0)).map(|entry| entry.key.id());
    let (what, id) = task.map(|id| ("task", id)).or(message.map(|id| ("message", id)))?;
    let detail = format!("{what} '{id}' has a version or a counter out of range");
    Some(Violation { property: "the range of versions and counters", detail })
}

/// The record that a write's guard looks at.
fn guards(write: &Write) -> Option<Read> {
    match write {
        Write::InsertPromise(promise) | Write::SettlePromise(promise) => Some(Read::Promise(promise.id.clone())),
        Write::SetHasWaiters { id, .. } | Write::DeletePromise { id } => Some(Read::Promise(id.clone())),
        Write::InsertTask(task) | Write::UpdateTask { task, .. } => Some(Read::Task(task.id.clone())),
        Write::DeleteTask { id } => Some(Read::Task(id.clone())),
        Write::InsertSchedule(schedule) => Some(Read::Schedule(schedule.id.clone())),
        Write::AdvanceSchedule { id, .. } | Write::DeleteSchedule { id } => Some(Read::Schedule(id.clone())),
        Write::InsertCallback { .. }
        | Write::DeleteCallback { .. }
        | Write::InsertListener { .. }
        | Write::DeleteListener { .. }
        | Write::PutMessage(_)
        | Write::DeleteMessage { .. } => None,
    }
}

/// Answers one read from a closed set.
fn load(from: &Records, read: &Read, into: &mut Records) {
    match read {
        Read::Promise(id) => into.learn_promise(id, from.promise(id).flatten().map(|row| Promise::clone(row))),
        Read::Task(id) => into.learn_task(id, from.task(id).flatten().map(|row| Task::clone(row))),
        Read::Schedule(id) => into.learn_schedule(id, from.schedule(id).flatten().map(|row| Schedule::clone(row))),
        Read::Message(key) => into.learn_message(key, from.message(key).flatten().map(|row| (**row).clone())),
        Read::CallbacksOf { awaited, after, limit } => {
            let rows = from.callbacks.behind(awaited, after.as_ref()).take(*limit).cloned().collect();
            into.learn_callbacks(awaited, rows, *limit);
        }
        Read::ListenersOf { awaited, after, limit } => {
            let rows = from.listeners.behind(awaited, after.as_ref()).take(*limit).cloned().collect();
            into.learn_listeners(awaited, rows, *limit);
        }
        Read::UnblocksOf { promise, after, limit } => {
            let rows = from.unblocks.behind(promise, after.as_ref()).take(*limit).cloned().collect();
            into.learn_unblocks(promise, rows, *limit);
        }
        Read::ReferringTo { id, by, after, limit } => {
            let rows = from.referring(*by).behind(id, after.as_ref()).take(*limit).cloned().collect();
            into.learn_referring(id, *by, rows, *limit);
        }
        Read::HeldBy { pid, after, limit } => {
            let ids = from.held.behind(pid, after.as_ref()).take(*limit);
            let rows = ids.filter_map(|id| from.task(id).flatten()).map(|row| Task::clone(row)).collect();
            into.learn_held(pid, rows, *limit);
        }
        Read::Branch { branch, promises_max, bytes_max } => {
            into.learn_branch(branch, first_of_branch(from, branch, *promises_max, *bytes_max));
        }
        Read::Promises { .. } | Read::Tasks { .. } | Read::Schedules { .. } => {
            into.learn_page(read.clone(), search(from, read));
        }
    }
}

fn first_of_branch(from: &Records, branch: &str, promises_max: usize, bytes_max: usize) -> Vec<Promise> {
    let mut rows = Vec::new();
    let mut bytes = 0;
    for promise in from.branches.behind(branch, None).filter_map(|id| from.promise(id).flatten()) {
        rows.push(Promise::clone(promise));
        bytes += promise.weight();
        if rows.len() == promises_max || bytes > bytes_max {
            break;
        }
    }
    rows
}

/// Answers a search from a closed set.
pub(crate) fn search(from: &Records, read: &Read) -> Page {
    match read {
        Read::Promises { search, now } => Page::Promises(search_promises(from, search, *now)),
        Read::Tasks { search, now } => Page::Tasks(search_tasks(from, search, *now)),
        Read::Schedules { search } => Page::Schedules(search_schedules(from, search)),
        Read::Promise(_)
        | Read::Task(_)
        | Read::Schedule(_)
        | Read::Message(_)
        | Read::CallbacksOf { .. }
        | Read::ListenersOf { .. }
        | Read::UnblocksOf { .. }
        | Read::ReferringTo { .. }
        | Read::HeldBy { .. }
        | Read::Branch { .. } => unreachable!("not a search: {}", shown(read)),
    }
}

fn search_promises(from: &Records, search: &SearchPromises, now: Timestamp) -> Vec<Arc<Promise>> {
    let rows = from.promises.values().flatten();
    let matching = rows.filter(|promise| search.is_after_cursor(promise) && search.matches(promise, now)).cloned();
    match search.order {
        PromiseOrder::ById { .. } => page(matching, search.limit, |promise| promise.weight()),
        PromiseOrder::Newest { .. } => {
            let mut newest: Vec<Arc<Promise>> = matching.collect();
            newest.sort_unstable_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
            page(newest.into_iter(), search.limit, |promise| promise.weight())
        }
    }
}

fn search_tasks(from: &Records, search: &SearchTasks, now: Timestamp) -> Vec<(Arc<Task>, Arc<Promise>)> {
    let rows = from
        .tasks
        .values()
        .flatten()
        .filter(|task| is_wanted(&task.id, search.prefix.as_deref(), search.after.as_ref()));
    let pairs = rows.filter_map(|task| Some((Arc::clone(task), Arc::clone(from.promise(&task.id).flatten()?))));
    let matching =
        pairs.filter(|(task, promise)| search.state.is_none_or(|state| task.state_as_of(promise, now) == state));
    page(matching, search.limit, |(_, promise)| promise.weight())
}

fn search_schedules(from: &Records, search: &SearchSchedules) -> Vec<Arc<Schedule>> {
    let rows = from.schedules.values().flatten();
    let matching = rows
        .filter(|schedule| is_wanted(&schedule.id, search.prefix.as_deref(), search.after.as_ref()))
        .filter(|schedule| has_all(&schedule.promise_tags, &search.tags));
    page(matching.cloned(), search.limit, |schedule| schedule.weight())
}

/// The first records that find room on a page.
fn page<T>(matching: impl Iterator<Item = T>, limit: usize, weight: impl Fn(&T) -> usize) -> Vec<T> {
    let (mut rows, mut room) = (Vec::new(), PageRoom::of(limit));
    for row in matching {
        let another = room.take(weight(&row));
        rows.push(row);
        if !another {
            break;
        }
    }
    rows
}

fn is_wanted(id: &Id, prefix: Option<&str>, after: Option<&Id>) -> bool {
    prefix.is_none_or(|prefix| id.starts_with(prefix)) && after.is_none_or(|after| id > after)
}
