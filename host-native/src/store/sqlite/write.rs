//! The core's writes as statements, each with its guard. One that changes no row has lost its guard: a conflict.

use resonate_core::address::Mailbox;
use resonate_core::drive::TxError;
use resonate_core::message::OutboxEntry;
use resonate_core::promise::Promise;
use resonate_core::schedule::Schedule;
use resonate_core::task::{Task, TaskState};
use resonate_core::write::Write;
use rusqlite::{Connection, ErrorCode, Params, params};

use crate::store::Error;
use crate::store::rows::{json, key_columns, millis, resumes};

type Written<T = ()> = Result<T, TxError<Error>>;

/// Makes one change.
pub(super) fn write(connection: &Connection, write: &Write) -> Written {
    match write {
        Write::InsertPromise(promise) => insert_promise(connection, promise),
        Write::SettlePromise(promise) => settle_promise(connection, promise),
        Write::SetHasWaiters { id, has_waiters } => {
            let sql = "UPDATE promises SET has_waiters = ?2 WHERE id = ?1";
            guarded(connection, sql, params![id.as_str(), has_waiters])
        }
        Write::DeletePromise { id } => {
            guarded(connection, "DELETE FROM promises WHERE id = ?1 AND state <> 0", [id.as_str()])
        }
        Write::InsertTask(task) => insert_task(connection, task),
        Write::UpdateTask { from, version, task } => update_task(connection, *from, *version, task),
        Write::DeleteTask { id } => {
            let sql = "DELETE FROM tasks WHERE id = ?1 AND state = ?2";
            guarded(connection, sql, params![id.as_str(), TaskState::Fulfilled as i64])
        }
        Write::InsertCallback { awaited, awaiter } => {
            let sql = "INSERT INTO callbacks (awaited, awaiter) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            free(connection, sql, [awaited.as_str(), awaiter.as_str()])
        }
        Write::DeleteCallback { awaited, awaiter } => {
            let sql = "DELETE FROM callbacks WHERE awaited = ?1 AND awaiter = ?2";
            free(connection, sql, [awaited.as_str(), awaiter.as_str()])
        }
        Write::InsertListener { awaited, address } => {
            let sql = "INSERT INTO listeners (awaited, address) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            free(connection, sql, [awaited.as_str(), address.as_str()])
        }
        Write::DeleteListener { awaited, address } => {
            let sql = "DELETE FROM listeners WHERE awaited = ?1 AND address = ?2";
            free(connection, sql, [awaited.as_str(), address.as_str()])
        }
        Write::InsertSchedule(schedule) => insert_schedule(connection, schedule),
        Write::AdvanceSchedule { id, from, last_run_at, next_run_at } => {
            let sql = "UPDATE schedules SET last_run_at = ?3, next_run_at = ?4 WHERE id = ?1 AND next_run_at = ?2";
            let params = params![id.as_str(), millis(*from), last_run_at.map(millis), millis(*next_run_at)];
            guarded(connection, sql, params)
        }
        Write::DeleteSchedule { id } => guarded(connection, "DELETE FROM schedules WHERE id = ?1", [id.as_str()]),
        Write::PutMessage(entry) => put_message(connection, entry),
        Write::DeleteMessage { key } => {
            let sql = "DELETE FROM outbox WHERE kind = ?1 AND id = ?2 AND listener = ?3";
            free(connection, sql, key_columns(key))
        }
    }
}

fn insert_promise(connection: &Connection, promise: &Promise) -> Written {
    let sql = "INSERT INTO promises (id, state, timeout_at, created_at, settled_at, has_waiters, create_key, \
               complete_key, branch, tags, param_headers, param_data, value_headers, value_data) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    let tags = Some(&promise.tags).filter(|tags| !tags.is_empty());
    let params = params![
        promise.id.as_str(),
        promise.state as i64,
        millis(promise.timeout_at),
        millis(promise.created_at),
        promise.settled_at.map(millis),
        promise.has_waiters,
        promise.create_key,
        promise.complete_key,
        promise.branch(),
        tags.map(json),
        promise.param.headers.as_ref().map(json),
        promise.param.data,
        promise.value.headers.as_ref().map(json),
        promise.value.data,
    ];
    guarded(connection, sql, params)
}

fn settle_promise(connection: &Connection, promise: &Promise) -> Written {
    let sql = "UPDATE promises SET state = ?2, settled_at = ?3, complete_key = ?4, value_headers = ?5, value_data = ?6 \
               WHERE id = ?1 AND state = 0";
    let params = params![
        promise.id.as_str(),
        promise.state as i64,
        promise.settled_at.map(millis),
        promise.complete_key,
        promise.value.headers.as_ref().map(json),
        promise.value.data,
    ];
    guarded(connection, sql, params)
}

/// The columns of a task as parameters 1 to 10, and what a statement needs besides.
macro_rules! task_params {
    ($task:expr $(, $besides:expr)*) => {
        params![
            $task.id.as_str(),
            $task.state as i64,
            $task.version as i64,
            resumes($task),
            $task.lease.as_ref().map(|lease| &*lease.pid),
            $task.lease.as_ref().map(|lease| lease.ttl.as_millis() as i64),
            $task.lease.as_ref().map(|lease| millis(lease.expires_at)),
            $task.retry_at.map(millis),
            $task.executes,
            $task.execute_at.map(millis)
            $(, $besides)*
        ]
    };
}

fn insert_task(connection: &Connection, task: &Task) -> Written {
    let sql = "INSERT INTO tasks (id, state, version, resumes, pid, ttl, expires_at, retry_at, executes, execute_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    guarded(connection, sql, task_params!(task))
}

fn update_task(connection: &Connection, from: TaskState, version: u64, task: &Task) -> Written {
    let sql = "UPDATE tasks SET state = ?2, version = ?3, resumes = ?4, pid = ?5, ttl = ?6, expires_at = ?7, \
               retry_at = ?8, executes = ?9, execute_at = ?10 WHERE id = ?1 AND state = ?11 AND version = ?12";
    guarded(connection, sql, task_params!(task, from as i64, version as i64))
}

fn insert_schedule(connection: &Connection, schedule: &Schedule) -> Written {
    let sql = "INSERT INTO schedules (id, cron, promise_id, promise_timeout, promise_param_headers, promise_param_data, \
               promise_tags, created_at, next_run_at, last_run_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let tags = Some(&schedule.promise_tags).filter(|tags| !tags.is_empty());
    let params = params![
        schedule.id.as_str(),
        schedule.cron,
        schedule.promise_id,
        schedule.promise_timeout.as_millis() as i64,
        schedule.promise_param.headers.as_ref().map(json),
        schedule.promise_param.data,
        tags.map(json),
        millis(schedule.created_at),
        millis(schedule.next_run_at),
        schedule.last_run_at.map(millis),
    ];
    guarded(connection, sql, params)
}

fn put_message(connection: &Connection, entry: &OutboxEntry) -> Written {
    let sql = "INSERT OR REPLACE INTO outbox (kind, id, listener, address, version, created_at, due_at, failures, waits, mailbox) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let mailbox = entry.parked.then(|| entry.address.route().mailbox());
    let (kind, id, listener) = key_columns(&entry.key);
    let params = params![
        kind,
        id,
        listener,
        entry.address.as_str(),
        entry.version as i64,
        millis(entry.created_at),
        millis(entry.due_at),
        entry.failures,
        entry.waits,
        mailbox.as_ref().map(Mailbox::as_str),
    ];
    free(connection, sql, params)
}

/// Runs a statement that must change exactly one row.
fn guarded(connection: &Connection, sql: &str, params: impl Params) -> Written {
    match connection.prepare_cached(sql).map_err(Error::from)?.execute(params) {
        Ok(1) => Ok(()),
        Ok(_) => Err(TxError::Conflict),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Err(TxError::Conflict),
        Err(error) => Err(TxError::Store(error.into())),
    }
}

/// Runs a statement that may find its work done.
fn free(connection: &Connection, sql: &str, params: impl Params) -> Written {
    connection.prepare_cached(sql).map_err(Error::from)?.execute(params).map_err(Error::from)?;
    Ok(())
}
