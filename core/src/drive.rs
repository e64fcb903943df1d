//! How a host drives the core over a store: the loop of a transaction, what to do about conflicts, and the sweep that finds background work.
//! Owns the contract between core and stores; knows no store.

use std::collections::BTreeSet;
use std::fmt;

use crate::address::Mailbox;
use crate::at_hand::AtHand;
use crate::batch::{Batch, Finished, Step};
use crate::decide::{Missing, decide};
use crate::due::{Due, DueKind};
use crate::id::Id;
use crate::limits::BATCH_CONFLICTS_MAX;
use crate::message::MessageKey;
use crate::mutant::Mutant;
use crate::read::Read;
use crate::records::Records;
use crate::reply::Reply;
use crate::request::Request;
use crate::retention::Settled;
use crate::rules::Rules;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;
use crate::write::Write;

/// Where records live.
pub trait Store {
    /// What can go wrong with it.
    type Error;
    /// Its transactions.
    type Tx<'a>: Tx<Error = Self::Error>
    where
        Self: 'a;

    /// Begins a transaction. Dropping it without a commit undoes it.
    ///
    /// # Errors
    /// The store's.
    fn begin(&mut self) -> Result<Self::Tx<'_>, Self::Error>;

    /// Whether it finds what removing a promise needs to know, see [`Tx::settled`]. One that does not keeps everything.
    fn can_purge(&self) -> bool {
        true
    }

    /// This store, if it has all of its records at hand: a host with one thread then needs no transactions, see [`crate::at_hand`].
    fn at_hand(&mut self) -> Option<&mut dyn AtHand> {
        None
    }
}

/// A store that can be emptied.
pub trait Reset: Store {
    /// Removes everything (spec §4, debug).
    ///
    /// # Errors
    /// The store's.
    fn reset(&mut self) -> Result<(), Self::Error>;
}

/// One transaction: it sees a consistent state, and its writes take effect together or not at all.
pub trait Tx {
    /// What can go wrong with the store.
    type Error;

    /// Answers every read by the `learn_…` method of [`Records`] that belongs to it. What has been loaded stays as it is until the transaction
    /// ends, but for pages of searches and branches, which only show.
    ///
    /// # Errors
    /// [`TxError::Conflict`] when another transaction is in the way.
    fn load(&mut self, reads: &[Read], records: &mut Records) -> Result<(), TxError<Self::Error>>;

    /// The instant of this transaction, once something has been loaded, of a store with a clock of its own: servers that share a store agree on
    /// the time by it. Not before any instant that shows in the rows loaded first.
    fn clock(&self) -> Option<Timestamp> {
        None
    }

    /// Whether a load costs a way over a network: a batch then asks at once for as much as it can.
    fn is_far(&self) -> bool {
        false
    }

    /// The first rows of each kind that are due at or before `until`, the earliest of a kind first. Rows that another server is about to do may
    /// be left out.
    ///
    /// # Errors
    /// The store's.
    fn due(&mut self, kinds: &[DueKind], until: Timestamp, limit: usize) -> Result<Vec<Due>, Self::Error>;

    /// The first rows of each kind that become due, whenever that is.
    ///
    /// # Errors
    /// The store's.
    fn next_due(&mut self, kinds: &[DueKind], limit: usize) -> Result<Vec<Due>, Self::Error> {
        self.due(kinds, Timestamp::MAX, limit)
    }

    /// The first parked messages of a mailbox, the oldest first; with a `prefix`, those whose task or promise has it, by id.
    ///
    /// # Errors
    /// The store's.
    fn parked(&mut self, mailbox: &Mailbox, prefix: Option<&str>, limit: usize)
    -> Result<Vec<MessageKey>, Self::Error>;

    /// The first promises settled before an instant, in the order of settlement and id, behind `after`.
    ///
    /// # Errors
    /// The store's.
    fn settled(
        &mut self,
        after: Option<&Settled>,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Settled>, Self::Error>;

    /// The whole state.
    ///
    /// # Errors
    /// The store's.
    fn snapshot(&mut self) -> Result<Snapshot, Self::Error>;

    /// Makes the changes in order, each as [`Write::apply_to`] defines it.
    ///
    /// # Errors
    /// [`TxError::Conflict`] when a guard does not hold; the transaction must then be dropped.
    fn write(&mut self, writes: &[Write]) -> Result<(), TxError<Self::Error>>;

    /// Makes the writes durable.
    ///
    /// # Errors
    /// When it fails the outcome is unknown until the store is read again; nothing may be acknowledged.
    fn commit(self) -> Result<(), TxError<Self::Error>>;
}

/// Why a transaction failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxError<E> {
    /// A guard did not hold, or the store could not serialize the transaction: run it again.
    Conflict,
    /// The store failed.
    Store(E),
}

impl<E> From<E> for TxError<E> {
    fn from(error: E) -> Self {
        Self::Store(error)
    }
}

impl<E: fmt::Display> fmt::Display for TxError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("the transaction conflicts with another one"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for TxError<E> {}

/// Runs requests as one transaction, at `now` unless the store has a clock. After conflicts it is run again, and at last with its first request
/// alone.
///
/// The result may cover fewer requests than given, never none: call again for the rest.
///
/// # Errors
/// The store's; then nothing may be acknowledged. [`TxError::Conflict`] only when a single request conflicts again and again.
pub fn run<S: Store>(
    store: &mut S,
    rules: &Rules,
    requests: &[Request],
    now: Timestamp,
) -> Result<Finished, TxError<S::Error>> {
    for _ in 0..BATCH_CONFLICTS_MAX {
        match attempt(store, rules, requests, now) {
            Err(TxError::Conflict) => {}
            settled => return settled,
        }
    }
    attempt(store, rules, &requests[..requests.len().min(1)], now)
}

fn attempt<S: Store>(
    store: &mut S,
    rules: &Rules,
    requests: &[Request],
    now: Timestamp,
) -> Result<Finished, TxError<S::Error>> {
    let mut batch = Batch::new(rules, requests, now);
    let mut tx = store.begin()?;
    if tx.is_far() {
        batch.look_ahead();
    }
    let hints = batch.hints();
    tx.load(&hints, batch.records())?;
    if let Some(now) = tx.clock() {
        batch.begin_at(now);
    }
    while let Step::Load(reads) = batch.step() {
        tx.load(&reads, batch.records())?;
    }
    tx.write(batch.writes())?;
    match tx.commit() {
        Err(TxError::Conflict) if rules.mutated(Mutant::ConflictAcknowledged) => {}
        Err(TxError::Store(_)) if rules.mutated(Mutant::FailureAcknowledged) => {}
        ended => ended?,
    }
    Ok(batch.finish())
}

/// What a read beside the writer comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The answer.
    Reply(Reply),
    /// These promises are past their deadlines. Let the writer settle them ([`Request::TimeOutPromise`]), then read again.
    Overdue(Vec<Id>),
    /// The request changes something: only the writer may answer.
    Writes,
}

/// Answers a request beside the writer, over one consistent view.
///
/// An answer that shows a deadline which has passed without a settlement is not given: the writer may be about to make one durable at another
/// instant (see [`crate::Decision::projected`]).
///
/// # Errors
/// The store's.
pub fn read<T: Tx>(tx: &mut T, rules: &Rules, request: &Request, now: Timestamp) -> Result<Beside, TxError<T::Error>> {
    read_over(tx, rules, request, now, &mut Records::open())
}

/// The same with what is known of the view already, and for the next reads of it.
///
/// # Errors
/// The store's.
pub fn read_over<T: Tx>(
    tx: &mut T,
    rules: &Rules,
    request: &Request,
    now: Timestamp,
    records: &mut Records,
) -> Result<Beside, TxError<T::Error>> {
    let mut hints = request.hints();
    hints.retain(|read| !records.knows(read));
    if !hints.is_empty() {
        tx.load(&hints, records)?;
    }
    loop {
        match decide(rules, request, now, records) {
            Ok(decision) => {
                return Ok(match (decision.writes.is_empty(), decision.projected) {
                    (false, _) => Beside::Writes,
                    (true, overdue) if overdue.is_empty() => Beside::Reply(decision.reply),
                    (true, overdue) => Beside::Overdue(overdue),
                });
            }
            Err(Missing(reads)) => tx.load(&reads, records)?,
        }
    }
}

/// Background work that is due at `now`, at most `limit` of each kind, as [`Due`] rows; [`Due::request`] makes requests of them.
///
/// # Errors
/// The store's.
pub fn sweep<S: Store>(store: &mut S, kinds: &[DueKind], now: Timestamp, limit: usize) -> Result<Vec<Due>, S::Error> {
    store.begin()?.due(kinds, now, limit)
}

/// The next instant at which something becomes due, be it past or future. Rows that the host has `skipped` for good do not count.
///
/// # Errors
/// The store's.
pub fn next_due<S: Store>(
    store: &mut S,
    kinds: &[DueKind],
    skipped: &BTreeSet<Due>,
) -> Result<Option<Timestamp>, S::Error> {
    let first = store.begin()?.next_due(kinds, skipped.len() + 1)?;
    Ok(first.into_iter().filter(|due| !skipped.contains(due)).map(|due| due.at).min())
}
