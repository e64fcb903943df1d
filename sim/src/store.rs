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
use resonate_core::due::{Due, DueKey, DueKind};
use resonate_core::id::Id;
use resonate_core::memory::MemoryStore;
use resonate_core::message::MessageKey;
use resonate_core::mutant::Mutant;
use resonate_core::promise::Promise;
use resonate_core::read::{Read, Reference};
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::Task;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;

use crate::neighbourhood::Touched;
use crate::plan::Plan;
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
    /// Which attempt it was, from 1: of the outer one, where it ran inside another one.
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
    /// What was there before the last commit, of a store that does not sync.
    synced: Option<MemoryStore>,
    rules: Rules,
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
    pub(crate) fn new(plan: &Plan) -> Self {
        let shared = Shared {
            memory: MemoryStore::new(),
            synced: None,
            rules: plan.rules.clone(),
            isolation: plan.isolation,
            is_far: plan.is_far,
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

    /// A server ends: what was committed stays.
    pub(crate) fn crash(&self) {
        let mut shared = self.shared.borrow_mut();
        if let Some(synced) = shared.synced.take() {
            shared.memory = synced;
        }
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
    Unblocks(Id),
    Referring(Id, Reference),
    Held(Arc<str>),
}

impl Shared {
    fn changes(&self, of: &ScanOf) -> u64 {
        self.changes.get(of).copied().unwrap_or_default()
    }

    /// Whether a sweep does not find a row that is due: never, but in a store in which a kind of them is left out.
    fn overlooks(&self, due: &Due) -> bool {
        let has_target = match &due.key {
            DueKey::Id(id) => self.memory.promise(id).is_some_and(|promise| promise.target().is_some()),
            DueKey::Message(_) => false,
        };
        match due.kind {
            DueKind::Deadline => !has_target && self.rules.mutated(Mutant::DeadlinesOfTargetsOnly),
            DueKind::Lease => self.rules.mutated(Mutant::LeasesNotSwept),
            DueKind::Discharge | DueKind::Retry | DueKind::Schedule | DueKind::Message => false,
        }
    }

    /// Makes the changes, or none of them when a guard does not hold.
    fn apply(&mut self, writes: &[Write]) -> bool {
        if self.rules.mutated(Mutant::SyncSkipped) {
            self.synced = Some(self.memory.clone());
        }
        let compared = if self.isolation == Isolation::Versions { writes } else { &[] };
        let scans: Vec<ScanOf> = compared.iter().flat_map(|write| scans_changed_by(&self.memory, write)).collect();
        let Ok(mut tx) = self.memory.begin();
        let applied = tx.write(writes).and_then(|()| tx.commit()).is_ok();
        if applied {
            scans.into_iter().for_each(|of| *self.changes.entry(of).or_default() += 1);
        }
        applied
    }
}

/// The scans whose rows a write changes.
fn scans_changed_by(memory: &MemoryStore, write: &Write) -> Vec<ScanOf> {
    let holder = |task: &Task| task.lease.as_ref().map(|lease| ScanOf::Held(Arc::clone(&lease.pid)));
    let resumes = |task: &Task| {
        let of = |awaited: &Id| ScanOf::Referring(awaited.clone(), Reference::Resume);
        task.resumes.iter().map(of).collect::<Vec<ScanOf>>()
    };
    let lineage = |promise: &Promise| {
        let of = |caller| ScanOf::Referring(caller, Reference::Lineage);
        promise.callers().into_iter().map(of).collect()
    };
    match write {
        Write::InsertCallback { awaited, awaiter } | Write::DeleteCallback { awaited, awaiter } => {
            vec![ScanOf::Callbacks(awaited.clone()), ScanOf::Referring(awaiter.clone(), Reference::Callback)]
        }
        Write::InsertListener { awaited, address: _ } | Write::DeleteListener { awaited, address: _ } => {
            vec![ScanOf::Listeners(awaited.clone())]
        }
        Write::InsertTask(task) => holder(task).into_iter().chain(resumes(task)).collect(),
        Write::UpdateTask { from: _, version: _, task } => {
            let before = memory.task(&task.id);
            let holders = before.and_then(|before| holder(before)).into_iter().chain(holder(task));
            let resumed = before.map(|before| resumes(before)).unwrap_or_default();
            holders.chain(resumed).chain(resumes(task)).collect()
        }
        Write::DeleteTask { id } => memory.task(id).map(|before| resumes(before)).unwrap_or_default(),
        Write::InsertPromise(promise) => lineage(promise),
        Write::DeletePromise { id } => memory.promise(id).map(|before| lineage(before)).unwrap_or_default(),
        Write::PutMessage(entry) => unblocks_changed_by(&entry.key),
        Write::DeleteMessage { key } => unblocks_changed_by(key),
        Write::SettlePromise(_)
        | Write::SetHasWaiters { .. }
        | Write::InsertSchedule(_)
        | Write::AdvanceSchedule { .. }
        | Write::DeleteSchedule { .. } => Vec::new(),
    }
}

fn unblocks_changed_by(key: &MessageKey) -> Vec<ScanOf> {
    match key {
        MessageKey::Execute { task: _ } => Vec::new(),
        MessageKey::Unblock { promise, address: _ } => vec![ScanOf::Unblocks(promise.clone())],
    }
}
