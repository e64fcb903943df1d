//! The searches: pages of records as of now. A closed set answers by itself, an open one has loaded the page.

use std::sync::Arc;

use super::{Decided, Stop, Transition};
use crate::memory;
use crate::promise::{Promise, PromiseState};
use crate::read::Read;
use crate::records::Page;
use crate::reply::Reply;
use crate::search::{SearchPromises, SearchSchedules, SearchTasks, page_length};
use crate::task::{Task, TaskState};

pub(super) fn promises(t: &mut Transition<'_>, search: &SearchPromises) -> Decided {
    let Page::Promises(rows) = page(t, Read::Promises { search: search.clone(), now: t.now })? else {
        unreachable!("a search of promises loads promises")
    };
    let length = page_length(search.limit, rows.iter().map(|promise| promise.weight()));
    let promises = rows.iter().take(length).map(|promise| t.project(promise)).collect();
    Ok(Reply::Promises { promises, more: rows.len() > length })
}

pub(super) fn tasks(t: &mut Transition<'_>, search: &SearchTasks) -> Decided {
    let Page::Tasks(rows) = page(t, Read::Tasks { search: search.clone(), now: t.now })? else {
        unreachable!("a search of tasks loads tasks")
    };
    let length = page_length(search.limit, rows.iter().map(|(_, promise)| promise.weight()));
    let tasks = rows.iter().take(length).map(|(task, promise)| project_task(t, task, promise)).collect();
    Ok(Reply::Tasks { tasks, more: rows.len() > length })
}

pub(super) fn schedules(t: &mut Transition<'_>, search: &SearchSchedules) -> Decided {
    let Page::Schedules(mut schedules) = page(t, Read::Schedules { search: search.clone() })? else {
        unreachable!("a search of schedules loads schedules")
    };
    let length = page_length(search.limit, schedules.iter().map(|schedule| schedule.weight()));
    let more = schedules.len() > length;
    schedules.truncate(length);
    Ok(Reply::Schedules { schedules, more })
}

fn page(t: &Transition<'_>, read: Read) -> Decided<Page> {
    if t.records.is_closed() {
        return Ok(memory::search(t.records, &read));
    }
    match t.records.pages.get(&read) {
        Some(page) => Ok(page.clone()),
        None => Err(Stop::Missing(vec![read])),
    }
}

fn project_task(t: &mut Transition<'_>, task: &Arc<Task>, promise: &Arc<Promise>) -> Arc<Task> {
    let settled = t.project(promise).state != PromiseState::Pending;
    if settled && task.state != TaskState::Fulfilled { Arc::new(task.fulfilled()) } else { Arc::clone(task) }
}
