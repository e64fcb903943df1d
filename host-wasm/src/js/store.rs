//! A store on the other side: typed reads and writes go out as JSON, rows come in. It loads and writes; a transaction is what is loaded between
//! two commits, which is consistent because nobody else runs meanwhile.

use std::fmt;

use resonate_core::address::Mailbox;
use resonate_core::drive::{Reset, Store, Tx, TxError};
use resonate_core::due::{Due, DueKey, DueKind};
use resonate_core::message::MessageKey;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::retention::Settled;
use resonate_core::snapshot::Snapshot;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::scan::{self, Ask, Chunks};
use crate::fault::{Fault, parse};
use crate::journal::Journal;
use crate::serve::Kept;
use crate::supply::supply;

#[wasm_bindgen]
extern "C" {
    /// A store that answers at once. What it throws is a failure of the store; what it returns is JSON.
    #[derive(Debug)]
    pub type JsStore;

    /// Answers a list of reads by a list, in their order. Runs of rows are not among them: see `scan`.
    #[wasm_bindgen(method, catch)]
    fn load(this: &JsStore, reads: &str) -> Result<String, JsValue>;

    /// Rows in their order, `{"rows": […], "more": whether others may follow}`, for `{"rows": what, "limit": rows, "bytes": length}`: not more rows
    /// than the limit, and none behind the one with which their JSON is longer than that; one row is given whatever its length.
    #[wasm_bindgen(method, catch)]
    fn scan(this: &JsStore, ask: &str) -> Result<String, JsValue>;

    /// The first rows of a kind due at or before `until`: a list of `[instant, key]`, the earliest first.
    #[wasm_bindgen(method, catch)]
    fn due(this: &JsStore, kind: &str, until: f64, limit: f64) -> Result<String, JsValue>;

    /// The keys of the first messages parked in a mailbox: the oldest first, or, with a prefix, those whose id has it, by id.
    #[wasm_bindgen(method, catch)]
    fn parked(this: &JsStore, mailbox: &str, prefix: Option<String>, limit: f64) -> Result<String, JsValue>;

    /// Everything, as a snapshot.
    #[wasm_bindgen(method, catch)]
    fn snapshot(this: &JsStore) -> Result<String, JsValue>;

    /// Makes a list of writes, all of them or none, durable when it returns. Beside a `put_message` of a parked message stands its `mailbox`.
    #[wasm_bindgen(method, catch)]
    fn commit(this: &JsStore, writes: &str) -> Result<(), JsValue>;

    /// Removes everything.
    #[wasm_bindgen(method, catch)]
    fn reset(this: &JsStore) -> Result<(), JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// The text of whatever was thrown.
    #[wasm_bindgen(js_name = String)]
    fn to_text(thrown: &JsValue) -> String;
}

/// Why the other side failed.
#[derive(Debug)]
pub(super) struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Failure {
    pub(super) fn new(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl From<JsValue> for Failure {
    fn from(thrown: JsValue) -> Self {
        Self(to_text(&thrown))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self(format!("it answers what cannot be read: {}", fault.error))
    }
}

/// The store on the other side.
#[derive(Debug)]
pub(super) struct Outside(JsStore);

impl Outside {
    pub(super) fn new(store: JsStore) -> Self {
        Self(store)
    }
}

impl Kept for Outside {
    fn journal(&mut self) -> Option<&mut Journal> {
        None
    }
}

impl Store for Outside {
    type Error = Failure;
    type Tx<'a> = OutsideTx<'a>;

    fn begin(&mut self) -> Result<OutsideTx<'_>, Failure> {
        Ok(OutsideTx { store: &self.0, staged: Vec::new() })
    }

    fn can_purge(&self) -> bool {
        false
    }
}

impl Reset for Outside {
    fn reset(&mut self) -> Result<(), Failure> {
        Ok(self.0.reset()?)
    }
}

#[derive(Debug)]
pub(super) struct OutsideTx<'a> {
    store: &'a JsStore,
    staged: Vec<Write>,
}

impl Tx for OutsideTx<'_> {
    type Error = Failure;

    fn load(&mut self, reads: &[Read], records: &mut Records) -> Result<(), TxError<Failure>> {
        let mut keyed = Vec::with_capacity(reads.len());
        for read in reads {
            if !scan::load(self.store, read, records)? {
                keyed.push(read.clone());
            }
        }
        if keyed.is_empty() {
            return Ok(());
        }
        let answers = self.store.load(&to_json(&keyed)).map_err(Failure::from)?;
        supply(records, &keyed, answers.as_bytes()).map_err(Failure::from)?;
        Ok(())
    }

    fn due(&mut self, kinds: &[DueKind], until: Timestamp, limit: usize) -> Result<Vec<Due>, Failure> {
        let mut due = Vec::new();
        for &kind in kinds {
            let rows = self.store.due(kind.name(), until.as_millis() as f64, limit as f64)?;
            let rows = rows.as_bytes();
            match kind {
                DueKind::Message => {
                    let keys: Vec<(Timestamp, MessageKey)> = parse("due", rows)?;
                    due.extend(keys.into_iter().map(|(at, key)| Due { at, kind, key: DueKey::Message(key) }));
                }
                DueKind::Deadline | DueKind::Discharge | DueKind::Lease | DueKind::Retry | DueKind::Schedule => {
                    let ids: Vec<(Timestamp, resonate_core::id::Id)> = parse("due", rows)?;
                    due.extend(ids.into_iter().map(|(at, id)| Due { at, kind, key: DueKey::Id(id) }));
                }
            }
        }
        Ok(due)
    }

    fn parked(&mut self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize) -> Result<Vec<MessageKey>, Failure> {
        let keys = self.store.parked(mailbox.as_str(), prefix.map(str::to_owned), limit as f64)?;
        Ok(parse("parked", keys.as_bytes())?)
    }

    fn settled(
        &mut self,
        _after: Option<&Settled>,
        _before: Timestamp,
        _limit: usize,
    ) -> Result<Vec<Settled>, Failure> {
        Err(Failure::new("it removes nothing"))
    }

    fn snapshot(&mut self) -> Result<Snapshot, Failure> {
        Ok(parse("snapshot", self.store.snapshot()?.as_bytes())?)
    }

    fn write(&mut self, writes: &[Write]) -> Result<(), TxError<Failure>> {
        self.staged.extend_from_slice(writes);
        Ok(())
    }

    fn commit(self) -> Result<(), TxError<Failure>> {
        if self.staged.is_empty() {
            return Ok(());
        }
        let writes: Vec<WriteOut<'_>> = self.staged.iter().map(WriteOut::of).collect();
        self.store.commit(&to_json(&writes)).map_err(|thrown| TxError::Store(thrown.into()))
    }
}

impl Chunks for JsStore {
    fn chunk(&self, ask: &Ask) -> Result<String, Failure> {
        Ok(self.scan(&to_json(ask))?)
    }
}

/// A write with what a store cannot tell from it: how addresses are read is the core's to know.
#[derive(Serialize)]
struct WriteOut<'a> {
    #[serde(flatten)]
    write: &'a Write,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailbox: Option<Mailbox>,
}

impl<'a> WriteOut<'a> {
    fn of(write: &'a Write) -> Self {
        let mailbox = match write {
            Write::PutMessage(entry) => entry.parked.then(|| entry.address.route().mailbox()),
            Write::InsertPromise(_)
            | Write::SettlePromise(_)
            | Write::SetHasWaiters { .. }
            | Write::DeletePromise { .. }
            | Write::InsertTask(_)
            | Write::UpdateTask { .. }
            | Write::DeleteTask { .. }
            | Write::InsertCallback { .. }
            | Write::DeleteCallback { .. }
            | Write::InsertListener { .. }
            | Write::DeleteListener { .. }
            | Write::InsertSchedule(_)
            | Write::AdvanceSchedule { .. }
            | Write::DeleteSchedule { .. }
            | Write::DeleteMessage { .. } => None,
        };
        Self { write, mailbox }
    }
}

fn to_json<T: Serialize>(json: &T) -> String {
    serde_json::to_string(json).expect("reads and writes are JSON")
}
