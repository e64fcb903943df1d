//! The memory store, with note taken of the rows that change: for callers who keep a copy of them elsewhere.

use std::collections::BTreeSet;
use std::convert::Infallible;

use resonate_core::Decision;
use resonate_core::address::Mailbox;
use resonate_core::at_hand::AtHand;
use resonate_core::drive::{Reset, Store, Tx, TxError};
use resonate_core::due::{Due, DueKind};
use resonate_core::memory::{MemoryStore, MemoryTx};
use resonate_core::message::MessageKey;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::request::Request;
use resonate_core::retention::Settled;
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;
use serde::Serialize;

use crate::rows::{Row, RowOut};

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
    rows: BTreeSet<Row>,
}

/// Changed rows as JSON: a table, the text of a key, and the row or null.
#[derive(Debug, Serialize)]
struct ChangesOut<'a> {
    reset: bool,
    rows: Vec<(&'static str, String, Option<RowOut<'a>>)>,
}

impl Journal {
    /// A journal of a store that has just become another one: if changes are noted, all of it is new.
    pub(crate) fn of(store: MemoryStore, noting: bool) -> Self {
        let changes = noting.then(|| Changes { reset: true, rows: Row::all_of(&store.snapshot()).collect() });
        Self { store, changes }
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
        let rows = rows.iter().map(|row| (row.table(), row.key(), row.in_store(&self.store))).collect();
        Some(serde_json::to_vec(&ChangesOut { reset, rows }).expect("rows are JSON"))
    }
}

impl Store for Journal {
    type Error = Infallible;
    type Tx<'a> = JournalTx<'a>;

    fn begin(&mut self) -> Result<JournalTx<'_>, Infallible> {
        let Ok(tx) = self.store.begin();
        Ok(JournalTx { tx, changes: self.changes.as_mut(), staged: Vec::new() })
    }

    fn at_hand(&mut self) -> Option<&mut dyn AtHand> {
        Some(self)
    }
}

impl AtHand for Journal {
    fn apply(&mut self, rules: &Rules, request: &Request, now: Timestamp) -> Decision {
        let decision = self.store.apply(rules, request, now);
        if let Some(changes) = &mut self.changes {
            changes.rows.extend(decision.writes.iter().map(Row::of));
        }
        decision
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

    fn load(&mut self, reads: &[Read], records: &mut Records) -> Result<(), TxError<Infallible>> {
        self.tx.load(reads, records)
    }

    fn due(&mut self, kinds: &[DueKind], until: Timestamp, limit: usize) -> Result<Vec<Due>, Infallible> {
        self.tx.due(kinds, until, limit)
    }

    fn parked(&mut self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize) -> Result<Vec<MessageKey>, Infallible> {
        self.tx.parked(mailbox, prefix, limit)
    }

    fn settled(
        &mut self,
        after: Option<&Settled>,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Settled>, Infallible> {
        self.tx.settled(after, before, limit)
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
            changes.rows.extend(self.staged.iter().map(Row::of));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
