//! Answers to the core's reads: all keys of a kind by one statement, in the order in which every server locks them. What matches is the core's to
//! say.

use std::sync::Arc;

use resonate_core::id::Id;
use resonate_core::message::MessageKey;
use resonate_core::promise::Promise;
use resonate_core::read::Read;
use resonate_core::records::Records;
use resonate_core::time::Timestamp;
use tokio_postgres::Row;

use super::referring::{self, Asked, Way};
use super::session::Call;
use super::text::stored;
use super::write::with_keys;
use crate::store::Error;
use crate::store::rows::{self, message_columns, promise_columns, schedule_columns, task_columns};

/// How rows named by key are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locking {
    /// As they are.
    Nothing,
    /// For this transaction alone, after whoever has them.
    Wait,
    /// For this transaction alone, as far as nobody has them.
    Skip,
    /// For this transaction alone; a failure when somebody has one.
    Refuse,
}

/// The same statement for each way of locking.
macro_rules! by_locking {
    ($locking:expr, $($sql:expr),+ $(; $behind:expr)?) => {
        match $locking {
            Locking::Nothing => concat!($($sql),+ $(, $behind)?),
            Locking::Wait => concat!($($sql),+, " FOR UPDATE" $(, $behind)?),
            Locking::Skip => concat!($($sql),+, " FOR UPDATE SKIP LOCKED" $(, $behind)?),
            Locking::Refuse => concat!($($sql),+, " FOR UPDATE NOWAIT" $(, $behind)?),
        }
    };
}

/// Reads by the statement that answers them.
#[derive(Debug, Default)]
pub(super) struct Reads<'a> {
    promises: Vec<&'a Id>,
    tasks: Vec<&'a Id>,
    schedules: Vec<&'a Id>,
    messages: Vec<&'a MessageKey>,
    referring: Vec<Asked<'a>>,
    /// Reads that have a statement, or two, for themselves.
    single: Vec<&'a Read>,
    /// Searches: they are answered page by page.
    pub(super) searches: Vec<&'a Read>,
}

impl<'a> Reads<'a> {
    /// Sorts reads out; each set is in the order of its keys.
    pub(super) fn of(reads: impl Iterator<Item = &'a Read>) -> Self {
        let mut sorted = Self::default();
        for read in reads {
            match read {
                Read::Promise(id) => sorted.promises.push(id),
                Read::Task(id) => sorted.tasks.push(id),
                Read::Schedule(id) => sorted.schedules.push(id),
                Read::Message(key) => sorted.messages.push(key),
                Read::CallbacksOf { .. } | Read::ListenersOf { .. } | Read::HeldBy { .. } | Read::Branch { .. } => {
                    sorted.single.push(read);
                }
                Read::UnblocksOf { promise, after, limit } => {
                    let after = after.as_ref().map_or("", |after| after.as_str());
                    sorted.referring.push(Asked { way: Way::Unblock, limit: *limit, id: promise, after });
                }
                Read::ReferringTo { id, by, after, limit } => {
                    let after = after.as_ref().map_or("", Id::as_str);
                    sorted.referring.push(Asked { way: Way::By(*by), limit: *limit, id, after });
                }
                Read::Promises { .. } | Read::Tasks { .. } | Read::Schedules { .. } => sorted.searches.push(read),
            }
        }
        for ids in [&mut sorted.promises, &mut sorted.tasks, &mut sorted.schedules] {
            ids.sort_unstable();
            ids.dedup();
        }
        sorted.messages.sort_unstable();
        sorted.messages.dedup();
        sorted.referring.sort_unstable();
        sorted.referring.dedup();
        sorted.single.sort_unstable();
        sorted.single.dedup();
        sorted
    }

    /// The statements, promises before tasks before schedules before messages: whoever locks, locks in this order.
    pub(super) fn calls(&self, locking: Locking) -> Vec<Call<'a>> {
        let mut calls = Vec::new();
        let mut by_id = |ids: &[&'a Id], sql: &'static str| {
            if !ids.is_empty() {
                calls.push(Call::plain(sql).with(ids.iter().map(|id| id.as_str()).collect::<Vec<_>>()));
            }
        };
        by_id(
            &self.promises,
            by_locking!(locking, "SELECT ", promise_columns!(), " FROM promises WHERE id = ANY($1) ORDER BY id"),
        );
        by_id(
            &self.tasks,
            by_locking!(locking, "SELECT ", task_columns!(), " FROM tasks WHERE id = ANY($1) ORDER BY id"),
        );
        by_id(
            &self.schedules,
            by_locking!(locking, "SELECT ", schedule_columns!(), " FROM schedules WHERE id = ANY($1) ORDER BY id"),
        );
        if !self.messages.is_empty() {
            // Key by key, in their order: asked for as a set and in order, the waiting messages would be gone through from the first to the last.
            let sql = by_locking!(
                locking,
                "SELECT found.* FROM unnest($1::int2[], $2::text[], $3::text[]) AS u(kind, id, listener) CROSS JOIN LATERAL (SELECT ",
                message_columns!(),
                " FROM outbox WHERE outbox.kind = u.kind AND outbox.id = u.id AND outbox.listener = u.listener";
                ") AS found"
            );
            calls.push(with_keys(Call::plain(sql), &self.messages));
        }
        calls.extend(referring::by_statement(&self.referring).map(referring::call));
        self.single.iter().for_each(|read| single(read, &mut calls));
        calls
    }

    /// Takes the answers to [`Self::calls`]. Returns the latest instant at which one of the promises was created or settled.
    pub(super) fn learn(
        &self,
        answers: &mut impl Iterator<Item = Vec<Row>>,
        records: &mut Records,
    ) -> Result<Timestamp, Error> {
        let mut latest = Timestamp::ZERO;
        if !self.promises.is_empty() {
            let found = all(answers, rows::promise)?;
            let instants = found
                .iter()
                .map(|promise| promise.settled_at.map_or(promise.created_at, |at| at.max(promise.created_at)));
            latest = instants.max().unwrap_or(latest);
            each(&self.promises, found, |promise| &promise.id, |id, row| records.learn_promise(id, row));
        }
        if !self.tasks.is_empty() {
            let found = all(answers, rows::task)?;
            each(&self.tasks, found, |task| &task.id, |id, row| records.learn_task(id, row));
        }
        if !self.schedules.is_empty() {
            let found = all(answers, rows::schedule)?;
            each(&self.schedules, found, |schedule| &schedule.id, |id, row| records.learn_schedule(id, row));
        }
        if !self.messages.is_empty() {
            let found = all(answers, rows::message)?;
            each(&self.messages, found, |entry| &entry.key, |key, row| records.learn_message(key, row));
        }
        for asked in referring::by_statement(&self.referring) {
            referring::learn(asked, &answers.next().unwrap_or_default(), records)?;
        }
        self.single.iter().try_for_each(|read| learn_single(read, answers, records))?;
        Ok(latest)
    }
}

/// Meets keys with the rows that were found for them, both in order.
fn each<K: Ord, R>(keys: &[&K], found: Vec<R>, key_of: impl Fn(&R) -> &K, mut learn: impl FnMut(&K, Option<R>)) {
    let mut found = found.into_iter().peekable();
    for key in keys {
        let row = found.next_if(|row| key_of(row) == *key);
        learn(key, row);
    }
}

/// Every row of the next answer.
fn all<T>(
    answers: &mut impl Iterator<Item = Vec<Row>>,
    read: impl Fn(&Row) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    answers.next().unwrap_or_default().iter().map(read).collect()
}

fn single<'a>(read: &'a Read, calls: &mut Vec<Call<'a>>) {
    match read {
        Read::CallbacksOf { awaited, after, limit } => {
            const SQL: &str =
                "SELECT awaiter FROM callbacks WHERE awaited = $1 AND awaiter > $2 ORDER BY awaiter LIMIT $3";
            let after = after.as_ref().map_or("", Id::as_str);
            calls.push(Call::plain(SQL).with(awaited.as_str()).with(after).with(*limit as i64));
        }
        Read::ListenersOf { awaited, after, limit } => {
            const SQL: &str =
                "SELECT address FROM listeners WHERE awaited = $1 AND address > $2 ORDER BY address LIMIT $3";
            let after = after.as_ref().map_or("", |after| after.as_str());
            calls.push(Call::plain(SQL).with(awaited.as_str()).with(after).with(*limit as i64));
        }
        Read::HeldBy { pid, after, limit } => {
            // Only which: the core asks for each by its key, which locks it.
            const SQL: &str =
                "SELECT id FROM tasks WHERE md5(pid) = md5($1) AND pid = $1 AND id > $2 ORDER BY id LIMIT $3";
            let after = after.as_ref().map_or("", Id::as_str);
            calls.push(Call::plain(SQL).with(stored(pid)).with(after).with(*limit as i64));
        }
        Read::Branch { branch, promises_max, bytes_max } => {
            // What is summed here is never more than the weight of a promise, so that no row is missing; the exact end is found when reading.
            const SQL: &str = concat!(
                "SELECT ",
                promise_columns!(),
                " FROM (SELECT *, sum(octet_length(id) + coalesce(octet_length(param_data), 0) + \
                 coalesce(octet_length(value_data), 0)) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) \
                 AS before FROM (SELECT * FROM promises WHERE md5(branch) = md5($1) AND branch = $1 ORDER BY id LIMIT $2) AS rows) AS summed \
                 WHERE before IS NULL OR before <= $3 ORDER BY id"
            );
            let branch = Call::plain(SQL).with(stored(branch)).with(*promises_max as i64);
            calls.push(branch.with(i64::try_from(*bytes_max).unwrap_or(i64::MAX)));
        }
        Read::Promise(_)
        | Read::Task(_)
        | Read::Schedule(_)
        | Read::Message(_)
        | Read::UnblocksOf { .. }
        | Read::ReferringTo { .. }
        | Read::Promises { .. }
        | Read::Tasks { .. }
        | Read::Schedules { .. } => unreachable!("sorted out"),
    }
}

fn learn_single(read: &Read, answers: &mut impl Iterator<Item = Vec<Row>>, records: &mut Records) -> Result<(), Error> {
    match read {
        Read::CallbacksOf { awaited, limit, .. } => {
            records.learn_callbacks(awaited, all(answers, |row| rows::id_at(row, 0))?, *limit);
        }
        Read::ListenersOf { awaited, limit, .. } => {
            records.learn_listeners(awaited, all(answers, |row| rows::address_at(row, 0))?, *limit);
        }
        Read::HeldBy { pid, limit, .. } => {
            records.learn_held_ids(pid, &all(answers, |row| rows::id_at(row, 0))?, *limit);
        }
        Read::Branch { branch, bytes_max, .. } => {
            let mut bytes = 0;
            let mut promises = all(answers, rows::promise)?;
            let end = promises.iter().position(|promise: &Promise| {
                bytes += promise.weight();
                bytes > *bytes_max
            });
            promises.truncate(end.map_or(promises.len(), |end| end + 1));
            let branch: &Arc<str> = branch;
            records.learn_branch(branch, promises);
        }
        Read::Promise(_)
        | Read::Task(_)
        | Read::Schedule(_)
        | Read::Message(_)
        | Read::UnblocksOf { .. }
        | Read::ReferringTo { .. }
        | Read::Promises { .. }
        | Read::Tasks { .. }
        | Read::Schedules { .. } => unreachable!("sorted out"),
    }
    Ok(())
}
