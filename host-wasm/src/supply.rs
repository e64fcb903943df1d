//! Answers of a store on the other side of the boundary: one JSON value for each read, in the order of the reads.

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::message::OutboxEntry;
use resonate_core::promise::Promise;
use resonate_core::read::Read;
use resonate_core::records::{Page, Records};
use resonate_core::schedule::Schedule;
use resonate_core::task::Task;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fault::{Fault, parse};

/// Takes the answers to reads.
///
/// A promise, a task, a schedule or a message is answered by its record or by null; awaiters, listeners and what refers to a
/// promise by lists of texts; held tasks, the
/// promises of a branch, pages of promises and of schedules by lists of records; pages of tasks by lists of pairs of a task and its promise.
///
/// # Errors
/// When the number of answers is not that of the reads, one does not fit its read, or they contradict each other. Some answers may have been taken
/// then: begin anew.
pub(crate) fn supply(records: &mut Records, reads: &[Read], answers: &[u8]) -> Result<(), Fault> {
    let answers: Vec<&RawValue> = parse("answers", answers)?;
    if answers.len() != reads.len() {
        let why = format_args!("must be as many as the reads, {}, not {}", reads.len(), answers.len());
        return Err(Fault::bad("answers", why));
    }
    for (number, (read, answer)) in reads.iter().zip(answers).enumerate() {
        let answer = answer.get().as_bytes();
        learn(records, read, answer)
            .map_err(|fault| Fault { error: format!("answers[{number}]: {}", fault.error), ..fault })?;
    }
    match records.contradiction() {
        Some(id) => {
            let why = "contradict each other: a task is there exactly when its promise has a target, fulfilled exactly when it is settled";
            Err(Fault::bad("answers", format_args!("promise and task '{id}' {why}")))
        }
        None => Ok(()),
    }
}

fn learn(records: &mut Records, read: &Read, answer: &[u8]) -> Result<(), Fault> {
    match read {
        Read::Promise(id) => records.learn_promise(id, row("promise", answer, |row: &Promise| row.id == *id)?),
        Read::Task(id) => records.learn_task(id, row("task", answer, |row: &Task| row.id == *id)?),
        Read::Schedule(id) => records.learn_schedule(id, row("schedule", answer, |row: &Schedule| row.id == *id)?),
        Read::Message(key) => records.learn_message(key, row("message", answer, |row: &OutboxEntry| row.key == *key)?),
        Read::CallbacksOf { awaited, after, limit } => {
            let rows: Vec<Id> = parse("callbacks_of", answer)?;
            check_page("callbacks_of", rows.iter(), after.as_ref(), *limit)?;
            records.learn_callbacks(awaited, rows, *limit);
        }
        Read::ListenersOf { awaited, after, limit } => {
            let rows: Vec<Address> = parse("listeners_of", answer)?;
            check_page("listeners_of", rows.iter(), after.as_ref(), *limit)?;
            records.learn_listeners(awaited, rows, *limit);
        }
        Read::UnblocksOf { promise, after, limit } => {
            let rows: Vec<Address> = parse("unblocks_of", answer)?;
            check_page("unblocks_of", rows.iter(), after.as_ref(), *limit)?;
            records.learn_unblocks(promise, rows, *limit);
        }
        Read::ReferringTo { id, by, after, limit } => {
            let rows: Vec<Id> = parse("referring_to", answer)?;
            check_page("referring_to", rows.iter(), after.as_ref(), *limit)?;
            records.learn_referring(id, *by, rows, *limit);
        }
        Read::HeldBy { pid, after, limit } => {
            let rows: Vec<Task> = parse("held_by", answer)?;
            check_page("held_by", rows.iter().map(|row| &row.id), after.as_ref(), *limit)?;
            let held = |row: &Task| row.lease.as_ref().is_some_and(|lease| lease.pid == *pid);
            check("held_by", rows.iter().all(held))?;
            records.learn_held(pid, rows, *limit);
        }
        Read::Branch { branch, promises_max, bytes_max: _ } => {
            let rows: Vec<Promise> = parse("branch", answer)?;
            check_page("branch", rows.iter().map(|row| &row.id), None, *promises_max)?;
            check("branch", rows.iter().all(|row| row.branch() == Some(&**branch)))?;
            records.learn_branch(branch, rows);
        }
        Read::Promises { .. } => records.learn_page(read.clone(), Page::Promises(parse("promises", answer)?)),
        Read::Tasks { .. } => records.learn_page(read.clone(), Page::Tasks(parse("tasks", answer)?)),
        Read::Schedules { .. } => records.learn_page(read.clone(), Page::Schedules(parse("schedules", answer)?)),
    }
    Ok(())
}

/// A record that is the one asked for, or none.
fn row<'a, T: Deserialize<'a>>(
    name: &str,
    answer: &'a [u8],
    is_asked: impl FnOnce(&T) -> bool,
) -> Result<Option<T>, Fault> {
    let row: Option<T> = parse(name, answer)?;
    check(name, row.as_ref().is_none_or(is_asked))?;
    Ok(row)
}

fn check(name: &str, is_asked: bool) -> Result<(), Fault> {
    if is_asked { Ok(()) } else { Err(Fault::bad(name, "must be what the read asks for, it is another")) }
}

/// A page that did not go on would be asked for again and again.
fn check_page<'a, K: Ord + 'a>(
    name: &str,
    mut rows: impl ExactSizeIterator<Item = &'a K>,
    after: Option<&'a K>,
    limit: usize,
) -> Result<(), Fault> {
    let fits = rows.len() <= limit;
    let mut last = after;
    if fits && rows.all(|row| last.replace(row).is_none_or(|last| last < row)) {
        return Ok(());
    }
    Err(Fault::bad(name, format_args!("must be at most {limit} rows in ascending order, behind 'after'")))
}
