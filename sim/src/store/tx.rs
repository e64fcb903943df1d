//! One transaction of the simulated store.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use resonate_core::address::Mailbox;
use resonate_core::drive::{self, Store, Tx, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::memory::MemoryStore;
use resonate_core::message::{MessageKey, OutboxEntry};
use resonate_core::mutant::Mutant;
use resonate_core::promise::Promise;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::retention::Settled;
use resonate_core::schedule::Schedule;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::Task;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;

use super::{Committed, Fate, Isolation, ScanOf, Shared, SimStore, StoreError};

/// A row as a transaction has seen it.
#[derive(Debug)]
enum Seen {
    Promise(Arc<Promise>),
    Task(Arc<Task>),
    Schedule(Arc<Schedule>),
    Message(Arc<OutboxEntry>),
    /// The rows of a scan, by how often they had changed.
    Scan(ScanOf, u64),
}

/// A transaction.
#[derive(Debug)]
pub(crate) struct SimTx {
    shared: Rc<RefCell<Shared>>,
    is_rival: bool,
    loads: u32,
    clock: Option<Timestamp>,
    locked: Vec<Read>,
    seen: Vec<Seen>,
    writes: Vec<Write>,
}

impl Drop for SimTx {
    fn drop(&mut self) {
        let mut shared = self.shared.borrow_mut();
        for read in &self.locked {
            shared.locked.remove(read);
        }
    }
}

impl SimTx {
    pub(super) fn new(store: &SimStore) -> Self {
        Self {
            shared: Rc::clone(&store.shared),
            is_rival: store.is_rival,
            loads: 0,
            clock: None,
            locked: Vec::new(),
            seen: Vec::new(),
            writes: Vec::new(),
        }
    }

    /// Lets the rival run now, if this is its moment.
    fn overlap(&self, at_load: bool) {
        if self.is_rival {
            return;
        }
        let mut shared = self.shared.borrow_mut();
        let Some(rival) = shared.rival.take_if(|rival| !at_load || rival.at_load) else { return };
        drop(shared);
        let mut store = SimStore { shared: Rc::clone(&self.shared), is_rival: true };
        let outcome = drive::run(&mut store, &rival.rules, &rival.requests, rival.now);
        let mut shared = self.shared.borrow_mut();
        if matches!(outcome, Err(TxError::Conflict)) {
            shared.rival = Some(rival);
        } else {
            shared.rival_outcome = Some(outcome);
        }
    }

    fn conflict<T>(&self) -> Result<T, TxError<StoreError>> {
        self.shared.borrow_mut().conflicted += 1;
        Err(TxError::Conflict)
    }

    /// Notes what a read by key has found, as this kind of store does.
    fn guard(&mut self, read: &Read) -> Result<(), TxError<StoreError>> {
        let mut shared = self.shared.borrow_mut();
        match shared.isolation {
            Isolation::Alone => {}
            Isolation::Locks => {
                let is_left_out = matches!(read, Read::Promise(_)) && shared.rules.mutated(Mutant::RowNotLocked);
                if !shared.memory.records().has(read) || self.locked.contains(read) || is_left_out {
                    return Ok(());
                }
                if !shared.locked.insert(read.clone()) {
                    drop(shared);
                    return self.conflict();
                }
                self.locked.push(read.clone());
            }
            Isolation::Versions => self.seen.extend(see(&shared, read)),
        }
        Ok(())
    }

    fn holds(&self) -> bool {
        let shared = self.shared.borrow();
        let memory = &shared.memory;
        self.seen.iter().all(|seen| match seen {
            Seen::Promise(row) => memory.promise(&row.id) == Some(row) || shared.rules.mutated(Mutant::RowNotCompared),
            Seen::Task(row) => memory.task(&row.id) == Some(row),
            Seen::Schedule(row) => memory.schedule(&row.id) == Some(row),
            Seen::Message(row) => memory.message(&row.key) == Some(row),
            Seen::Scan(of, changes) => shared.changes(of) == *changes || shared.rules.mutated(Mutant::ScanNotCompared),
        })
    }

    /// The instant of this transaction: not before any that shows in the rows that were loaded first.
    fn read_clock(&self, reads: &[Read]) -> Option<Timestamp> {
        let shared = self.shared.borrow();
        let clock = shared.clock?;
        let is_left_out = shared.rules.mutated(Mutant::ClockBehindRows);
        let shown = reads.iter().filter_map(|read| newest_in(&shared.memory, read)).filter(|_| !is_left_out);
        Some(shown.fold(clock, Timestamp::max))
    }

    fn answer(&self, read: &Read, records: &mut Records) {
        let mut shared = self.shared.borrow_mut();
        if let (Read::HeldBy { pid, after, limit }, Isolation::Locks | Isolation::Versions) = (read, shared.isolation) {
            records.learn_held_ids(pid, &shared.memory.held_by(pid, after.as_ref(), *limit), *limit);
            return;
        }
        let Ok(mut tx) = shared.memory.begin();
        let loaded = tx.load(std::slice::from_ref(read), records);
        assert!(loaded.is_ok(), "a store in memory has no conflicts");
    }
}

impl Tx for SimTx {
    type Error = StoreError;

    fn load(&mut self, reads: &[Read], records: &mut Records) -> Result<(), TxError<StoreError>> {
        self.loads += 1;
        if self.loads > 1 {
            self.overlap(true);
        }
        for read in reads {
            self.guard(read)?;
        }
        if self.loads == 1 {
            self.clock = self.read_clock(reads);
        }
        reads.iter().for_each(|read| self.answer(read, records));
        // Nobody locks what is not there: both were created, or changed, between two loads.
        if records.contradiction().is_some() {
            return self.conflict();
        }
        Ok(())
    }

    fn clock(&self) -> Option<Timestamp> {
        self.clock
    }

    fn is_far(&self) -> bool {
        self.shared.borrow().is_far
    }

    fn due(&mut self, kinds: &[DueKind], until: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let mut shared = self.shared.borrow_mut();
        let Ok(mut tx) = shared.memory.begin();
        let Ok(mut due) = tx.due(kinds, until, limit);
        due.retain(|due| !shared.overlooks(due));
        Ok(due)
    }

    fn parked(&mut self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize) -> Result<Vec<MessageKey>, StoreError> {
        let mut shared = self.shared.borrow_mut();
        let limit = if shared.rules.mutated(Mutant::ParkedNotFound) { 0 } else { limit };
        let Ok(mut tx) = shared.memory.begin();
        let Ok(keys) = tx.parked(mailbox, prefix, limit);
        Ok(keys)
    }

    fn settled(
        &mut self,
        after: Option<&Settled>,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Settled>, StoreError> {
        let mut shared = self.shared.borrow_mut();
        let Ok(mut tx) = shared.memory.begin();
        let Ok(settled) = tx.settled(after, before, limit);
        Ok(settled)
    }

    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        Ok(self.shared.borrow().memory.snapshot())
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), TxError<StoreError>> {
        self.writes.extend_from_slice(writes);
        self.overlap(false);
        Ok(())
    }

    fn commit(self) -> Result<(), TxError<StoreError>> {
        let mut shared = self.shared.borrow_mut();
        if !self.is_rival && shared.conflicts > 0 {
            shared.conflicts -= 1;
            drop(shared);
            return self.conflict();
        }
        if shared.is_full && !self.writes.is_empty() {
            return Err(TxError::Store(StoreError::Full));
        }
        let fate = if self.is_rival { Fate::Commits } else { shared.fate };
        if fate == Fate::Lost {
            if shared.rules.mutated(Mutant::WriteHalfApplied) {
                let half = self.writes.len() / 2;
                shared.apply(&self.writes[..half]);
            }
            return Err(TxError::Store(StoreError::InDoubt));
        }
        let dropped = usize::from(shared.rules.mutated(Mutant::LastWriteDropped));
        drop(shared);
        let kept = &self.writes[..self.writes.len().saturating_sub(dropped)];
        if !self.holds() || !self.shared.borrow_mut().apply(kept) {
            return self.conflict();
        }
        let mut shared = self.shared.borrow_mut();
        let attempts = shared.attempts;
        shared.committed.push(Committed { clock: self.clock, attempts, writes: self.writes.clone() });
        match fate {
            Fate::Commits => Ok(()),
            Fate::Lost | Fate::Kept => Err(TxError::Store(StoreError::InDoubt)),
        }
    }
}

/// The newest instant in the row that a read finds.
fn newest_in(memory: &MemoryStore, read: &Read) -> Option<Timestamp> {
    match read {
        Read::Promise(id) => memory.promise(id).map(|row| row.settled_at.unwrap_or(row.created_at)),
        Read::Schedule(id) => memory.schedule(id).map(|row| row.last_run_at.unwrap_or(row.created_at)),
        Read::Message(key) => memory.message(key).map(|row| row.created_at),
        Read::Task(_)
        | Read::CallbacksOf { .. }
        | Read::ListenersOf { .. }
        | Read::UnblocksOf { .. }
        | Read::ReferringTo { .. }
        | Read::HeldBy { .. }
        | Read::Branch { .. }
        | Read::Promises { .. }
        | Read::Tasks { .. }
        | Read::Schedules { .. } => None,
    }
}

/// What a read shows, to be compared later. Pages and branches only show.
fn see(shared: &Shared, read: &Read) -> Option<Seen> {
    let memory = &shared.memory;
    let of = match read {
        Read::Promise(id) => return memory.promise(id).cloned().map(Seen::Promise),
        Read::Task(id) => return memory.task(id).cloned().map(Seen::Task),
        Read::Schedule(id) => return memory.schedule(id).cloned().map(Seen::Schedule),
        Read::Message(key) => return memory.message(key).cloned().map(Seen::Message),
        Read::CallbacksOf { awaited, after: _, limit: _ } => ScanOf::Callbacks(awaited.clone()),
        Read::ListenersOf { awaited, after: _, limit: _ } => ScanOf::Listeners(awaited.clone()),
        Read::HeldBy { pid, after: _, limit: _ } => ScanOf::Held(Arc::clone(pid)),
        Read::UnblocksOf { promise, after: _, limit: _ } => ScanOf::Unblocks(promise.clone()),
        Read::ReferringTo { id, by, after: _, limit: _ } => ScanOf::Referring(id.clone(), *by),
        Read::Branch { .. } | Read::Promises { .. } | Read::Tasks { .. } | Read::Schedules { .. } => return None,
    };
    let changes = shared.changes(&of);
    Some(Seen::Scan(of, changes))
}
