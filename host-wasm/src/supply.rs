//! Answers of a store on the other side of the boundary: one JSON value for each read, in the order of the reads.

use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::promise::Promise;
use resonate_core::read::Read;
use resonate_core::records::{Page, Records};
use resonate_core::task::Task;
use serde_json::value::RawValue;

use crate::fault::{Fault, parse};

/// Takes the answers to reads.
///
/// A promise, a task, a schedule or a message is answered by its record or by null; awaiters, listeners by lists of texts; held tasks, the
/// promises of a branch, pages of promises and of schedules by lists of records; pages of tasks by lists of pairs of a task and its promise.
///
/// # Errors
/// When the number of answers is not that of the reads, or one does not fit its read. Some answers may have been taken then: begin anew.
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
    Ok(())
}

fn learn(records: &mut Records, read: &Read, answer: &[u8]) -> Result<(), Fault> {
    match read {
        Read::Promise(id) => records.learn_promise(id, parse("promise", answer)?),
        Read::Task(id) => records.learn_task(id, parse("task", answer)?),
        Read::Schedule(id) => records.learn_schedule(id, parse("schedule", answer)?),
        Read::Message(key) => records.learn_message(key, parse("message", answer)?),
        Read::CallbacksOf { awaited, after: _, limit } => {
            records.learn_callbacks(awaited, parse::<Vec<Id>>("callbacks_of", answer)?, *limit);
        }
        Read::ListenersOf { awaited, after: _, limit } => {
            records.learn_listeners(awaited, parse::<Vec<Address>>("listeners_of", answer)?, *limit);
        }
        Read::HeldBy { pid, after: _, limit } => {
            records.learn_held(pid, parse::<Vec<Task>>("held_by", answer)?, *limit);
        }
        Read::Branch { branch, promises_max: _, bytes_max: _ } => {
            records.learn_branch(branch, parse::<Vec<Promise>>("branch", answer)?);
        }
        Read::Promises { .. } => records.learn_page(read.clone(), Page::Promises(parse("promises", answer)?)),
        Read::Tasks { .. } => records.learn_page(read.clone(), Page::Tasks(parse("tasks", answer)?)),
        Read::Schedules { .. } => records.learn_page(read.clone(), Page::Schedules(parse("schedules", answer)?)),
    }
    Ok(())
}
