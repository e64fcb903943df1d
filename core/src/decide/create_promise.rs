//! `promise.create` (spec §4, create).

use std::sync::Arc;

use super::{Decided, Transition};
use crate::promise::{Birth, Promise, PromiseState, check_tags, verdict_at_deadline};
use crate::read::Read;
use crate::reply::{Refusal, Reply};
use crate::request::CreatePromise;
use crate::task::{Task, TaskState};
use crate::time::Timestamp;
use crate::value::Value;

pub(super) fn decide(t: &mut Transition<'_>, create: &CreatePromise) -> Decided {
    let birth = check(create)?;
    if let Some(promise) = t.promise(&create.id)? {
        return Ok(Reply::Created { promise, fresh: false });
    }
    let created_at = t.now;
    let promise = give_birth(t, create, created_at)?;
    if birth.target.is_some() {
        let task = Task::new(create.id.clone(), TaskState::Fulfilled);
        let pending = promise.state == PromiseState::Pending;
        let due = birth.delay.unwrap_or(t.now).max(t.now);
        t.insert_task(if pending { task.pending(due) } else { task });
    }
    Ok(Reply::Created { promise, fresh: true })
}

/// Refuses what can never be created.
pub(super) fn check(create: &CreatePromise) -> Result<Birth, Refusal> {
    check_tags(&create.tags, create.timeout_at).map_err(|why| Refusal::Invalid(why.to_string()))
}

/// Inserts the promise: pending, or settled by a deadline that has passed already. The id is free.
pub(super) fn give_birth(
    t: &mut Transition<'_>,
    create: &CreatePromise,
    created_at: Timestamp,
) -> Decided<Arc<Promise>> {
    if check(create)?.target.is_some() {
        // An insertion of the task will follow: its absence is a guard that the store must have been asked for.
        t.prefetch([Read::Task(create.id.clone())])?;
    }
    let dead = create.timeout_at <= t.now;
    let promise = Promise {
        id: create.id.clone(),
        state: if dead { verdict_at_deadline(&create.tags) } else { PromiseState::Pending },
        param: create.param.clone(),
        value: Value::default(),
        tags: create.tags.clone(),
        timeout_at: create.timeout_at,
        created_at: if dead { create.timeout_at } else { created_at },
        settled_at: dead.then_some(create.timeout_at),
        create_key: create.key.clone(),
        complete_key: None,
        has_waiters: false,
    };
    Ok(t.insert_promise(promise))
}
