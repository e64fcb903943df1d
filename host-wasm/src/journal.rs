//! The memory store, with note taken of the rows that change: for callers who keep a copy of them elsewhere.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use resonate_core::address::{Address, Mailbox};
use resonate_core::drive::{Reset, Store, Tx, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::id::Id;
use resonate_core::memory::{MemoryStore, MemoryTx};
use resonate_core::message::{MessageKey, OutboxEntry};
use resonate_core::promise::Promise;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::schedule::Schedule;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::Task;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;
use serde::Serialize;

/// The memory store with its journal.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) store: MemoryStore,
    /// The rows that have changed since the last look, once somebody looks.
    changes: Option<Changes>,
}

/// Rows that have changed.
#[derive(Debug, Default)]
struct Changes {
    /// Whether everything that was there before is gone.
    reset: bool,
    /// Rows by table and key; true: there, false: gone.
    rows: BTreeMap<Row, Content>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Promise(Id),
    Task(Id),
    Schedule(Id),
    Callback(Id, Id),
    Listener(Id, Address),
    Message(MessageKey),
}

/// What a row holds now.
#[derive(Debug)]
enum Content {
    /// What the store says.
    Stored,
    Message(Arc<OutboxEntry>),
    /// The key is all there is.
    Pair,
    Gone,
}

/// Changed rows as JSON: a table, the text of a key, and the row or null.
#[derive(Debug, Serialize)]
struct ChangesOut<'a> {
    reset: bool,
    rows: Vec<(&'static str, String, Option<RowOut<'a>>)>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum RowOut<'a> {
    Promise(&'a Promise),
    Task(&'a Task),
    Schedule(&'a Schedule),
    Message(&'a OutboxEntry),
    Callback(&'a Id, &'a Id),
    Listener(&'a Id, &'a Address),
}

impl Journal {
    /// A journal of a store that has just become another one: if changes are noted, all of it is new.
    pub(crate) fn of(store: MemoryStore, noting: bool) -> Self {
        Self { store, changes: noting.then(Changes::default) }
    }

    pub(crate) fn is_noting(&self) -> bool {
        self.changes.is_some()
    }

    /// From now on changes are noted.
    pub(crate) fn begin(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// The rows that have changed since the last time, as JSON: `{"reset": …, "rows": [[table, key, row or null], …]}`. Tables are those of a
    /// snapshot, and rows look as they do there. Nothing when nothing has changed.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let changes = self.changes.as_mut().filter(|changes| changes.reset || !changes.rows.is_empty())?;
        let Changes { reset, rows } = std::mem::take(changes);
        let rows = rows.iter().map(|(row, content)| self.row_out(row, content)).collect();
        Some(serde_json::to_vec(&ChangesOut { reset, rows }).expect("rows are JSON"))
    }

    fn row_out<'a>(&'a self, row: &'a Row, content: &'a Content) -> (&'static str, String, Option<RowOut<'a>>) {
        let there = !matches!(content, Content::Gone);
        let text = |id: &Id| id.to_string();
        match row {
            Row::Promise(id) => ("promises", text(id), self.store.promise(id).map(|row| RowOut::Promise(row))),
            Row::Task(id) => ("tasks", text(id), self.store.task(id).map(|row| RowOut::Task(row))),
            Row::Schedule(id) => ("schedules", text(id), self.store.schedule(id).map(|row| RowOut::Schedule(row))),
            Row::Callback(awaited, awaiter) => {
                ("callbacks", key(&(awaited, awaiter)), there.then_some(RowOut::Callback(awaited, awaiter)))
            }
            Row::Listener(awaited, address) => {
                ("listeners", key(&(awaited, address)), there.then_some(RowOut::Listener(awaited, address)))
            }
            Row::Message(message) => {
                let entry = if let Content::Message(entry) = content { Some(RowOut::Message(entry)) } else { None };
                ("messages", key(message), entry)
            }
        }
    }
}

/// The text of a key that has parts.
fn key<T: Serialize>(parts: &T) -> String {
    serde_json::to_string(parts).expect("keys are JSON")
}

impl Changes {
    fn note(&mut self, write: &Write) {
        let (row, content) = match write {
            Write::InsertPromise(promise) | Write::SettlePromise(promise) => {
                (Row::Promise(promise.id.clone()), Content::Stored)
            }
            Write::SetHasWaiters { id, .. } => (Row::Promise(id.clone()), Content::Stored),
            Write::InsertTask(task) | Write::UpdateTask { task, .. } => (Row::Task(task.id.clone()), Content::Stored),
            Write::InsertCallback { awaited, awaiter } => {
                (Row::Callback(awaited.clone(), awaiter.clone()), Content::Pair)
            }
            Write::DeleteCallback { awaited, awaiter } => {
                (Row::Callback(awaited.clone(), awaiter.clone()), Content::Gone)
            }
            Write::InsertListener { awaited, address } => {
                (Row::Listener(awaited.clone(), address.clone()), Content::Pair)
            }
            Write::DeleteListener { awaited, address } => {
                (Row::Listener(awaited.clone(), address.clone()), Content::Gone)
            }
            Write::InsertSchedule(schedule) => (Row::Schedule(schedule.id.clone()), Content::Stored),
            Write::AdvanceSchedule { id, .. } | Write::DeleteSchedule { id } => {
                (Row::Schedule(id.clone()), Content::Stored)
            }
            Write::PutMessage(entry) => (Row::Message(entry.key.clone()), Content::Message(Arc::clone(entry))),
            Write::DeleteMessage { key } => (Row::Message(key.clone()), Content::Gone),
        };
        self.rows.insert(row, content);
    }
}

impl Store for Journal {
    type Error = Infallible;
    type Tx<'a> = JournalTx<'a>;

    fn begin(&mut self) -> Result<JournalTx<'_>, Infallible> {
        let Ok(tx) = self.store.begin();
        Ok(JournalTx { tx, changes: self.changes.as_mut(), staged: Vec::new() })
    }
}

impl Reset for Journal {
    fn reset(&mut self) -> Result<(), Infallible> {
        if let Some(changes) = &mut self.changes {
            *changes = Changes { reset: true, ..Changes::default() };
        }
        self.store.reset()
    }
}

/// A transaction of a [`Journal`].
#[derive(Debug)]
pub(crate) struct JournalTx<'a> {
    tx: MemoryTx<'a>,
    changes: Option<&'a mut Changes>,
    staged: Vec<Write>,
}

impl Tx for JournalTx<'_> {
    type Error = Infallible;

    fn load(&mut self, reads: &[Read], records: &mut Records) -> Result<(), Infallible> {
        self.tx.load(reads, records)
    }

    fn due(&mut self, kind: DueKind, until: Timestamp, limit: usize) -> Result<Vec<Due>, Infallible> {
        self.tx.due(kind, until, limit)
    }

    fn parked(&mut self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize) -> Result<Vec<MessageKey>, Infallible> {
        self.tx.parked(mailbox, prefix, limit)
    }

    fn snapshot(&mut self) -> Result<Snapshot, Infallible> {
        self.tx.snapshot()
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), TxError<Infallible>> {
        if self.changes.is_some() {
            self.staged.extend_from_slice(writes);
        }
        self.tx.write(writes)
    }

    fn commit(self) -> Result<(), TxError<Infallible>> {
        self.tx.commit()?;
        if let Some(changes) = self.changes {
            self.staged.iter().for_each(|write| changes.note(write));
        }
        Ok(())
    }
}
