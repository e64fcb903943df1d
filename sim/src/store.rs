//! The store that all servers of a simulation share: what is committed, the transaction that is under way, and what goes wrong with it. Owns how far
//! transactions may overlap; decides nothing about promises.
//!
//! While one transaction is open another one, the rival, may run from its beginning to its end. Three kinds of stores differ in what they make of it:
//! one that has one writer has no rivals, one that locks turns away who wants a row that is locked, and one that goes by versions finds at the commit
//! that what it has read has changed. A store that locks keeps nobody from inserting what is not there, nor from rows that were only scanned.

mod tx;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use resonate_core::batch::Finished;
use resonate_core::drive::{Store, Tx, TxError};
use resonate_core::id::Id;
use resonate_core::memory::MemoryStore;
use resonate_core::read::Read;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::Task;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;

use crate::neighbourhood::Touched;
use tx::SimTx;

/// How a store keeps transactions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// One server writes.
    Alone,
    /// What is read by key is locked.
    Locks,
    /// What is read is compared at the commit.
    Versions,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// As it should.
    #[default]
    Commits,
    /// With an error, and nothing of it is kept.
    Lost,
    /// With an error, although it was kept.
    Kept,
}

/// What stores say when they fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// It cannot be reached.
    Unreachable,
    /// There is no room.
    Full,
    /// Nobody knows whether the commit has happened.
    InDoubt,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the store cannot be reached",
            Self::Full => "the disk is full",
            Self::InDoubt => "the commit was not confirmed",
        })
    }
}

/// A transaction that took effect.
#[derive(Debug)]
pub(crate) struct Committed {
    /// Its instant by the store's clock.
    pub(crate) clock: Option<Timestamp>,
    /// Which attempt it was, from 1.
    pub(crate) attempts: usize,
    pub(crate) writes: Vec<Write>,
}

/// A transaction that runs inside another one.
#[derive(Debug)]
pub(crate) struct Rival {
    pub(crate) requests: Vec<Request>,
    pub(crate) now: Timestamp,
    pub(crate) rules: Rules,
    /// Whether it runs before the last load of the other one, or before its commit.
    pub(crate) at_load: bool,
}

/// What a rival came to; a conflict means that it has to wait.
pub(crate) type RivalOutcome = Result<Finished, TxError<StoreError>>;

#[derive(Debug)]
struct Shared {
    memory: MemoryStore,
    isolation: Isolation,
    is_far: bool,
    /// The store's clock, where it has one.
    clock: Option<Timestamp>,
    is_reachable: bool,
    is_full: bool,
    fate: Fate,
    /// Conflicts that are yet to happen for no reason.
    conflicts: u32,
    locked: BTreeSet<Read>,
    /// How often the rows of a scan have changed.
    changes: BTreeMap<ScanOf, u64>,
    rival: Option<Rival>,
    rival_outcome: Option<RivalOutcome>,
    committed: Vec<Committed>,
    /// Transactions begun since the last time that something was expected.
    attempts: usize,
    /// Conflicts so far.
    conflicted: u64,
}

/// A handle to the store.
#[derive(Clone, Debug)]
pub(crate) struct SimStore {
    shared: Rc<RefCell<Shared>>,
    /// Whether its transactions run inside others.
    is_rival: bool,
}

impl SimStore {
    pub(crate) fn new(isolation: Isolation, is_far: bool) -> Self {
        let shared = Shared {
            memory: MemoryStore::new(),
            isolation,
            is_far,
            clock: None,
            is_reachable: true,
            is_full: false,
            fate: Fate::Commits,
            conflicts: 0,
            locked: BTreeSet::new(),
            changes: BTreeMap::new(),
            rival: None,
            rival_outcome: None,
            committed: Vec::new(),
            attempts: 0,
            conflicted: 0,
        };
        Self { shared: Rc::new(RefCell::new(shared)), is_rival: false }
    }

    /// What the next transaction meets.
    pub(crate) fn expect(&self, fate: Fate, conflicts: u32, is_reachable: bool) {
        let mut shared = self.shared.borrow_mut();
        (shared.fate, shared.conflicts, shared.is_reachable) = (fate, conflicts, is_reachable);
        shared.attempts = 0;
    }

    pub(crate) fn set_clock(&self, clock: Option<Timestamp>) {
        self.shared.borrow_mut().clock = clock;
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.shared.borrow_mut().is_full = is_full;
    }

    pub(crate) fn let_in(&self, rival: Rival) {
        self.shared.borrow_mut().rival = Some(rival);
    }

    /// The rival that has found no transaction to run in, or what it came to.
    pub(crate) fn take_rival(&self) -> (Option<Rival>, Option<RivalOutcome>) {
        let mut shared = self.shared.borrow_mut();
        (shared.rival.take(), shared.rival_outcome.take())
    }

    /// What took effect since the last time, in order.
    pub(crate) fn take_committed(&self) -> Vec<Committed> {
        std::mem::take(&mut self.shared.borrow_mut().committed)
    }

    pub(crate) fn conflicted(&self) -> u64 {
        self.shared.borrow().conflicted
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.shared.borrow().memory.snapshot()
    }

    /// Whether these rows are the same as those of another store.
    pub(crate) fn agrees(&self, touched: &Touched, state: &Snapshot) -> bool {
        touched.agrees(&self.shared.borrow().memory, state)
    }
}

impl Store for SimStore {
    type Error = StoreError;
    type Tx<'a> = SimTx;

    fn begin(&mut self) -> Result<SimTx, StoreError> {
        let mut shared = self.shared.borrow_mut();
        if !shared.is_reachable {
            return Err(StoreError::Unreachable);
        }
        shared.attempts += usize::from(!self.is_rival);
        drop(shared);
        Ok(SimTx::new(self))
    }
}

/// What a scan goes over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ScanOf {
    Callbacks(Id),
    Listeners(Id),
    Held(Arc<str>),
}

impl Shared {
    fn changes(&self, of: &ScanOf) -> u64 {
        self.changes.get(of).copied().unwrap_or_default()
    }

    /// Makes the changes, or none of them when a guard does not hold.
    fn apply(&mut self, writes: &[Write]) -> bool {
        let holders: Vec<ScanOf> = writes.iter().flat_map(|write| scans_changed_by(&self.memory, write)).collect();
        let Ok(mut tx) = self.memory.begin();
        let applied = tx.write(writes).and_then(|()| tx.commit()).is_ok();
        if applied {
            holders.into_iter().for_each(|of| *self.changes.entry(of).or_default() += 1);
        }
        applied
    }
}

/// The scans whose rows a write changes.
fn scans_changed_by(memory: &MemoryStore, write: &Write) -> Vec<ScanOf> {
    let holder = |task: &Task| task.lease.as_ref().map(|lease| ScanOf::Held(Arc::clone(&lease.pid)));
    match write {
        Write::InsertCallback { awaited, awaiter: _ } | Write::DeleteCallback { awaited, awaiter: _ } => {
            vec![ScanOf::Callbacks(awaited.clone())]
        }
        Write::InsertListener { awaited, address: _ } | Write::DeleteListener { awaited, address: _ } => {
            vec![ScanOf::Listeners(awaited.clone())]
        }
        Write::InsertTask(task) => holder(task).into_iter().collect(),
        Write::UpdateTask { from: _, version: _, task } => {
            let before = memory.task(&task.id).and_then(|before| holder(before));
            before.into_iter().chain(holder(task)).collect()
        }
        Write::InsertPromise(_)
        | Write::DeletePromise { .. }
        | Write::DeleteTask { .. }
        | Write::SettlePromise(_)
        | Write::SetHasWaiters { .. }
        | Write::InsertSchedule(_)
        | Write::AdvanceSchedule { .. }
        | Write::DeleteSchedule { .. }
        | Write::PutMessage(_)
        | Write::DeleteMessage { .. } => Vec::new(),
    }
}
