//! The searches. SQL narrows to what an index or a cheap comparison can tell; the core says what matches.

use std::sync::Arc;

use resonate_core::promise::{Promise, PromiseState};
use resonate_core::records::Page;
use resonate_core::schedule::Schedule;
use resonate_core::search::{
    PageRoom, PromiseOrder, SearchPromises, SearchSchedules, SearchTasks, StateFilter, has_all,
};
use resonate_core::task::Task;
use resonate_core::time::Timestamp;
use rusqlite::{Connection, Params, Row};

use crate::store::rows::{self, promise_columns, schedule_columns, task_columns};
use crate::store::{Error, damage};

/// A page of promises and one more.
pub(super) fn promises(connection: &Connection, search: &SearchPromises, now: Timestamp) -> Result<Page, Error> {
    let states = state_bound(search.state, now);
    let matching = |row: &Row<'_>| {
        let id = row.get_ref(0)?;
        // The id is looked at first: a row that is passed over costs no decoding.
        if !id.as_str().is_ok_and(|id| search.matches_id(id)) {
            return Ok(None);
        }
        let promise = rows::promise(row)?;
        Ok(search.matches(&promise, now).then(|| Arc::new(promise)))
    };
    let weight = |promise: &Arc<Promise>| promise.weight();
    let found = match &search.order {
        PromiseOrder::ById { after } => {
            let sql = format!("SELECT {} FROM promises WHERE {states} AND id > ?1 ORDER BY id", promise_columns!());
            page(connection, &sql, [after.as_deref().unwrap_or("")], search.limit, matching, weight)?
        }
        PromiseOrder::Newest { after: None } => {
            let sql =
                format!("SELECT {} FROM promises WHERE {states} ORDER BY created_at DESC, id DESC", promise_columns!());
            page(connection, &sql, [], search.limit, matching, weight)?
        }
        PromiseOrder::Newest { after: Some((created_at, id)) } => {
            let sql = format!(
                "SELECT {} FROM promises WHERE {states} AND created_at <= ?1 AND (created_at < ?1 OR id < ?2) \
                 ORDER BY created_at DESC, id DESC",
                promise_columns!()
            );
            page(connection, &sql, (created_at.as_millis() as i64, id.as_str()), search.limit, matching, weight)?
        }
    };
    Ok(Page::Promises(found))
}

/// Every stored state that may look wanted at `now`: the states themselves, and rows past their deadline, of which the core decides.
fn state_bound(wanted: Option<StateFilter>, now: Timestamp) -> String {
    let Some(wanted) = wanted else { return "1".to_owned() };
    let numbers: Vec<String> = PromiseState::ALL
        .iter()
        .enumerate()
        .filter(|(_, state)| wanted.wants(**state))
        .map(|(number, _)| number.to_string())
        .collect();
    format!("(state IN ({}) OR (state = 0 AND timeout_at <= {now}))", numbers.join(","))
}

/// A page of tasks with their promises, and one more.
pub(super) fn tasks(connection: &Connection, search: &SearchTasks, now: Timestamp) -> Result<Page, Error> {
    let columns = |columns: &str, table: &str| {
        columns.split(", ").map(|column| format!("{table}.{}", column.trim())).collect::<Vec<_>>().join(", ")
    };
    let sql = format!(
        "SELECT {}, {} FROM tasks t JOIN promises p ON p.id = t.id WHERE t.id > ?1 ORDER BY t.id",
        columns(promise_columns!(), "p"),
        columns(task_columns!(), "t")
    );
    let prefix = search.prefix.as_deref().unwrap_or("");
    let matching = |row: &Row<'_>| {
        if !row.get_ref(0)?.as_str().is_ok_and(|id| id.starts_with(prefix)) {
            return Ok(None);
        }
        let (promise, task) = (rows::promise(row)?, rows::task_behind_promise(row)?);
        let wanted = search.state.is_none_or(|state| task.state_as_of(&promise, now) == state);
        Ok(wanted.then(|| (Arc::new(task), Arc::new(promise))))
    };
    let weight = |(_, promise): &(Arc<Task>, Arc<Promise>)| promise.weight();
    let found = page(connection, &sql, [search.after.as_deref().unwrap_or("")], search.limit, matching, weight)?;
    Ok(Page::Tasks(found))
}

/// A page of schedules and one more.
pub(super) fn schedules(connection: &Connection, search: &SearchSchedules) -> Result<Page, Error> {
    let sql = format!("SELECT {} FROM schedules WHERE id > ?1 ORDER BY id", schedule_columns!());
    let prefix = search.prefix.as_deref().unwrap_or("");
    let matching = |row: &Row<'_>| {
        let schedule = rows::schedule(row)?;
        let wanted = schedule.id.starts_with(prefix) && has_all(&schedule.promise_tags, &search.tags);
        Ok(wanted.then(|| Arc::new(schedule)))
    };
    let weight = |schedule: &Arc<Schedule>| schedule.weight();
    let found = page(connection, &sql, [search.after.as_deref().unwrap_or("")], search.limit, matching, weight)?;
    Ok(Page::Schedules(found))
}

/// The first rows that match and find room. A row that cannot be read is passed over and logged.
fn page<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    limit: usize,
    matching: impl Fn(&Row<'_>) -> Result<Option<T>, Error>,
    weight: impl Fn(&T) -> usize,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params)?;
    let (mut found, mut room) = (Vec::new(), PageRoom::of(limit));
    while let Some(row) = rows.next()? {
        match matching(row) {
            Ok(None) => {}
            Ok(Some(matched)) => {
                let another = room.take(weight(&matched));
                found.push(matched);
                if !another {
                    break;
                }
            }
            Err(error) if error.is_row() => damage::report(&error),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
