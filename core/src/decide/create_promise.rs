//! `promise.create` (spec §4, create).

use std::sync::Arc;

use super::{Decided, Transition};
use crate::mutant::Mutant;
use crate::promise::{
    Birth, InvalidTags, Promise, PromiseState, Tags, check_tags, is_targeted_timer, tag, verdict_at_deadline,
};
use crate::read::Read;
use crate::reply::{Refusal, Reply};
use crate::request::CreatePromise;
use crate::task::{Task, TaskState};
use crate::time::Timestamp;
use crate::value::Value;

pub(super) fn decide(t: &mut Transition<'_>, create: &CreatePromise) -> Decided {
    let birth = check(t, create)?;
    if let Some(promise) = t.promise(&create.id)?.filter(|_| !t.mutated(Mutant::CreateReplaces)) {
        return Ok(Reply::Created { promise, fresh: false });
    }
    let now = t.now;
    let due = birth.delay.filter(|_| !t.mutated(Mutant::CreateIgnoresDelay)).unwrap_or(now).max(now);
    let (promise, _) = give_birth(t, create, &birth, now, |task| task.pending(due))?;
    Ok(Reply::Created { promise, fresh: true })
}

/// Refuses what can never be created.
pub(super) fn check(t: &Transition<'_>, create: &CreatePromise) -> Result<Birth, Refusal> {
    let invalid = |why: InvalidTags| Refusal::Invalid(why.to_string());
    if t.rules.strict && is_targeted_timer(&create.tags) {
        return Err(invalid(InvalidTags::TimerWithTarget));
    }
    check_tags(&create.tags, create.timeout_at).map_err(invalid)
}

/// The tags that are kept: a sleep loses its target. A task of it would be sent to a worker that has nothing to run.
fn kept(tags: &Tags) -> Tags {
    let mut kept = tags.clone();
    if is_targeted_timer(tags) {
        kept.remove(tag::TARGET);
    }
    kept
}

/// Inserts the promise: pending, or settled by a deadline that has passed already. With a target its task comes with it: as `alive` makes it,
/// or fulfilled with its promise. The id is free.
pub(super) fn give_birth(
    t: &mut Transition<'_>,
    create: &CreatePromise,
    birth: &Birth,
    created_at: Timestamp,
    alive: impl FnOnce(Task) -> Task,
) -> Decided<(Arc<Promise>, Option<Arc<Task>>)> {
    if birth.target.is_some() {
        // The task's absence is a guard that the store must have been asked for.
        t.prefetch([Read::Task(create.id.clone())])?;
    }
    let dead = create.timeout_at <= t.now && !t.mutated(Mutant::CreateIgnoresDeadline);
    let promise = t.insert_promise(Promise {
        id: create.id.clone(),
        state: if dead { verdict_at_deadline(&create.tags) } else { PromiseState::Pending },
        param: create.param.clone(),
        value: Value::default(),
        tags: kept(&create.tags),
        timeout_at: create.timeout_at,
        created_at: if dead { create.timeout_at } else { created_at },
        settled_at: dead.then_some(create.timeout_at),
        create_key: create.key.clone().filter(|_| !t.mutated(Mutant::CreateForgetsKey)),
        complete_key: None,
        has_waiters: false,
    });
    let with_task = birth.target.is_some() && !t.mutated(Mutant::CreateForgetsTask);
    let task = with_task.then(|| Task::new(create.id.clone(), TaskState::Fulfilled));
    let task = task.map(|task| t.insert_task(if dead { task } else { alive(task) }));
    Ok((promise, task))
}
