//! Answers to the core's reads. Every statement is a lookup by key or a bounded scan of an index; what matches is the core's to say.

use std::collections::BTreeMap;

use resonate_core::address::Mailbox;
use resonate_core::due::{Due, DueKind};
use resonate_core::id::Id;
use resonate_core::message::MessageKey;
use resonate_core::promise::Promise;
use resonate_core::read::{Read, Reference};
use resonate_core::records::Records;
use resonate_core::retention::Settled;
use resonate_core::time::Timestamp;
use rusqlite::{Connection, Params, Row, params};

use super::search;
use crate::store::rows::{self, message_columns, promise_columns, schedule_columns, task_columns};
use crate::store::{Error, damage};

/// Tasks that were woken and not acquired since, by what has woken them.
pub(super) type Resumed = BTreeMap<Id, Vec<Id>>;

/// Answers one read. `resumed` is what the transaction has found of that already.
pub(super) fn load(
    connection: &Connection,
    read: &Read,
    resumed: &mut Option<Resumed>,
    records: &mut Records,
) -> Result<(), Error> {
    match read {
        Read::Promise(id) => {
            const SQL: &str = concat!("SELECT ", promise_columns!(), " FROM promises WHERE id = ?1");
            records.learn_promise(id, first(connection, SQL, [id.as_str()], |row| rows::promise(row))?);
        }
        Read::Task(id) => {
            const SQL: &str = concat!("SELECT ", task_columns!(), " FROM tasks WHERE id = ?1");
            records.learn_task(id, first(connection, SQL, [id.as_str()], |row| rows::task(row))?);
        }
        Read::Schedule(id) => {
            const SQL: &str = concat!("SELECT ", schedule_columns!(), " FROM schedules WHERE id = ?1");
            records.learn_schedule(id, first(connection, SQL, [id.as_str()], |row| rows::schedule(row))?);
        }
        Read::Message(key) => {
            const SQL: &str =
                concat!("SELECT ", message_columns!(), " FROM outbox WHERE kind = ?1 AND id = ?2 AND listener = ?3");
            records.learn_message(key, first(connection, SQL, rows::key_columns(key), |row| rows::message(row))?);
        }
        Read::CallbacksOf { awaited, after, limit } => {
            const SQL: &str =
                "SELECT awaiter FROM callbacks WHERE awaited = ?1 AND awaiter > ?2 ORDER BY awaiter LIMIT ?3";
            let after = after.as_ref().map_or("", Id::as_str);
            let awaiters =
                all(connection, SQL, params![awaited.as_str(), after, *limit as i64], |row| rows::id_at(row, 0))?;
            records.learn_callbacks(awaited, awaiters, *limit);
        }
        Read::ListenersOf { awaited, after, limit } => {
            const SQL: &str =
                "SELECT address FROM listeners WHERE awaited = ?1 AND address > ?2 ORDER BY address LIMIT ?3";
            let after = after.as_ref().map_or("", |after| after.as_str());
            let addresses =
                all(connection, SQL, params![awaited.as_str(), after, *limit as i64], |row| rows::address_at(row, 0))?;
            records.learn_listeners(awaited, addresses, *limit);
        }
        Read::UnblocksOf { promise, after, limit } => {
            const SQL: &str = "SELECT listener FROM outbox WHERE kind = ?1 AND id = ?2 AND listener > ?3 \
                               ORDER BY listener LIMIT ?4";
            let after = after.as_ref().map_or("", |after| after.as_str());
            let params = params![rows::UNBLOCK, promise.as_str(), after, *limit as i64];
            let addresses = all(connection, SQL, params, |row| rows::address_at(row, 0))?;
            records.learn_unblocks(promise, addresses, *limit);
        }
        Read::ReferringTo { id, by: by @ Reference::Lineage, after, limit } => {
            const SQL: &str = "SELECT id FROM (SELECT id FROM promises WHERE parent = ?1 AND id > ?2 AND id <> ?1 ORDER BY id LIMIT ?3) \
                 UNION \
                 SELECT id FROM (SELECT id FROM promises WHERE branch = ?1 AND id > ?2 AND id <> ?1 ORDER BY id LIMIT ?3) \
                 ORDER BY id LIMIT ?3";
            let params = params![id.as_str(), after.as_ref().map_or("", Id::as_str), *limit as i64];
            records.learn_referring(id, *by, all(connection, SQL, params, |row| rows::id_at(row, 0))?, *limit);
        }
        Read::ReferringTo { id, by: by @ Reference::Callback, after, limit } => {
            const SQL: &str =
                "SELECT awaited FROM callbacks WHERE awaiter = ?1 AND awaited > ?2 ORDER BY awaited LIMIT ?3";
            let params = params![id.as_str(), after.as_ref().map_or("", Id::as_str), *limit as i64];
            records.learn_referring(id, *by, all(connection, SQL, params, |row| rows::id_at(row, 0))?, *limit);
        }
        Read::ReferringTo { id, by: by @ Reference::Resume, after, limit } => {
            let resumed = match resumed {
                Some(resumed) => resumed,
                none @ None => none.insert(load_resumed(connection)?),
            };
            let tasks = resumed.get(id).into_iter().flatten().filter(|task| Some(*task) > after.as_ref());
            records.learn_referring(id, *by, tasks.take(*limit).cloned().collect(), *limit);
        }
        Read::HeldBy { pid, after, limit } => {
            const SQL: &str =
                concat!("SELECT ", task_columns!(), " FROM tasks WHERE pid = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
            let after = after.as_ref().map_or("", Id::as_str);
            let tasks = all(connection, SQL, params![&**pid, after, *limit as i64], |row| rows::task(row))?;
            records.learn_held(pid, tasks, *limit);
        }
        Read::Branch { branch, promises_max, bytes_max } => {
            records.learn_branch(branch, first_of_branch(connection, branch, *promises_max, *bytes_max)?);
        }
        Read::Promises { search, now } => {
            records.learn_page(read.clone(), search::promises(connection, search, *now)?);
        }
        Read::Tasks { search, now } => records.learn_page(read.clone(), search::tasks(connection, search, *now)?),
        Read::Schedules { search } => records.learn_page(read.clone(), search::schedules(connection, search)?),
    }
    Ok(())
}

/// All of them at once: they are few, many promises are asked about in one transaction, and an index over their lists would cost whenever a task moves.
fn load_resumed(connection: &Connection) -> Result<Resumed, Error> {
    const SQL: &str = "SELECT id, resumes FROM tasks WHERE resumes IS NOT NULL ORDER BY id";
    let mut resumed = Resumed::new();
    for (task, awaited) in readable(connection, SQL, [], usize::MAX, |row| rows::resumed(row))? {
        awaited.into_iter().for_each(|awaited: Id| resumed.entry(awaited).or_default().push(task.clone()));
    }
    Ok(resumed)
}

fn first_of_branch(
    connection: &Connection,
    branch: &str,
    promises_max: usize,
    bytes_max: usize,
) -> Result<Vec<Promise>, Error> {
    const SQL: &str = concat!("SELECT ", promise_columns!(), " FROM promises WHERE branch = ?1 ORDER BY id LIMIT ?2");
    let mut statement = connection.prepare_cached(SQL)?;
    let mut found = statement.query(params![branch, promises_max as i64])?;
    let (mut promises, mut bytes) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        let promise = rows::promise(row)?;
        bytes += promise.weight();
        promises.push(promise);
        if bytes > bytes_max {
            break;
        }
    }
    Ok(promises)
}

/// The first rows of a kind that are due.
pub(super) fn due(connection: &Connection, kind: DueKind, until: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
    let sql = match kind {
        DueKind::Deadline => {
            "SELECT timeout_at, id FROM promises WHERE state = 0 AND timeout_at <= ?1 ORDER BY timeout_at "
        }
        DueKind::Discharge => {
            "SELECT settled_at, id FROM promises WHERE has_waiters = 1 AND state <> 0 AND settled_at <= ?1 \
             ORDER BY settled_at "
        }
        DueKind::Lease => {
            "SELECT expires_at, id FROM tasks WHERE expires_at IS NOT NULL AND expires_at <= ?1 \
             ORDER BY expires_at "
        }
        DueKind::Retry => {
            "SELECT retry_at, id FROM tasks WHERE retry_at IS NOT NULL AND retry_at <= ?1 ORDER BY retry_at "
        }
        DueKind::Schedule => "SELECT next_run_at, id FROM schedules WHERE next_run_at <= ?1 ORDER BY next_run_at ",
        DueKind::Message => return due_messages(connection, until, limit),
    };
    // What is due never is not due: the last instant stands for it.
    let until = until.as_millis().min(Timestamp::MAX.as_millis() - u64::from(kind == DueKind::Schedule));
    readable(connection, sql, [until as i64], limit, |row| rows::due(row, kind))
}

fn due_messages(connection: &Connection, until: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
    const SQL: &str = "SELECT due_at, kind, id, address FROM outbox WHERE due_at <= ?1 ORDER BY due_at";
    let until = until.as_millis().min(Timestamp::MAX.as_millis() - 1);
    readable(connection, SQL, [until as i64], limit, |row| rows::due(row, DueKind::Message))
}

/// The first settled promises in the order of their settlement.
pub(super) fn settled(
    connection: &Connection,
    after: Option<&Settled>,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<Settled>, Error> {
    const SQL: &str = "SELECT settled_at, id FROM promises WHERE settled_at IS NOT NULL \
                       AND (settled_at, id) > (?1, ?2) AND settled_at < ?3 ORDER BY settled_at, id";
    let (at, id) = after.map_or((-1, ""), |(at, id)| (at.as_millis() as i64, id.as_str()));
    readable(connection, SQL, params![at, id, before.as_millis() as i64], limit, |row| rows::settled(row))
}

/// The first parked messages of a mailbox.
pub(super) fn parked(
    connection: &Connection,
    mailbox: &Mailbox,
    prefix: Option<&str>,
    limit: usize,
) -> Result<Vec<MessageKey>, Error> {
    const BY_AGE: &str = concat!(
        "SELECT ",
        message_columns!(),
        " FROM outbox WHERE mailbox = ?1 ORDER BY created_at, kind, id, listener"
    );
    const BY_ID: &str = concat!(
        "SELECT ",
        message_columns!(),
        " FROM outbox WHERE mailbox = ?1 AND id >= ?2 ORDER BY id, kind, listener"
    );
    let mut statement = connection.prepare_cached(if prefix.is_none() { BY_AGE } else { BY_ID })?;
    let mut found = match prefix {
        None => statement.query([mailbox.as_str()])?,
        Some(prefix) => statement.query([mailbox.as_str(), prefix])?,
    };
    let prefix = prefix.unwrap_or("");
    let mut keys = Vec::new();
    while keys.len() < limit {
        let Some(row) = found.next()? else { break };
        match rows::message(row) {
            Ok(entry) if !entry.key.id().starts_with(prefix) => break,
            Ok(entry) => keys.push(entry.key),
            Err(error) if error.is_row() => damage::report(&error),
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
}

/// The first `limit` rows that can be read. One that cannot is passed over: it must not stop the others.
fn readable<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    limit: usize,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(row) = found.next()? else { break };
        match read(row) {
            Ok(row) => rows.push(row),
            Err(error) if error.is_row() => damage::report(&error),
            Err(error) => return Err(error),
        }
    }
    Ok(rows)
}

/// The first row, if there is one.
fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    found.next()?.map(read).transpose()
}

/// Every row.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(read(row)?);
    }
    Ok(rows)
}
