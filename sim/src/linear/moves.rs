//! What may happen next: an operation, or something between operations that nobody has seen and that is due. Owns when the latter matters: when it
//! concerns a row that the operation behind it is about. What does not can wait until it does.

use resonate_core::id::Id;
use resonate_core::promise::PromiseState;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::schedule::Schedule;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;

use super::component::{Component, Item, Key, makes};
use super::state::State;

/// Something between operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A promise is settled by its deadline.
    TimeOut(Id),
    /// Waiters of a settled promise are discharged.
    Discharge(Id),
    /// A lease ends.
    Expire(Id),
    /// A schedule fires, at this instant.
    Fire(Id, Timestamp),
    /// A settled promise is removed.
    Purge(Id),
}

/// Something that may happen next.
#[derive(Clone, Debug)]
pub(super) enum Move {
    /// This item, at this instant.
    Take(usize, Timestamp),
    /// Something for the sake of this item, which must come next.
    Step(usize, Step),
}

/// What may have happened before an item, no later than `until`, so that it makes a difference to it.
pub(super) fn steps(state: &State, component: &Component, item: &Item, until: Timestamp, purges: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    for key in &item.keys {
        match key {
            Key::Schedule(id) => of_schedule(state, component, id, item, until, purges, &mut steps),
            Key::Promise(id) => {
                of_promise(state, id, item, until, purges, &mut steps);
                of_task(state, id, until, &mut steps);
            }
        }
    }
    if let Request::HeartbeatTasks { tasks, .. } = &item.request
        && tasks.is_empty()
    {
        // Every task of the component that the worker may hold.
        component.promises.iter().for_each(|id| of_task(state, id, until, &mut steps));
    }
    steps
}

fn of_schedule(
    state: &State,
    component: &Component,
    id: &Id,
    item: &Item,
    until: Timestamp,
    purges: bool,
    steps: &mut Vec<Step>,
) {
    let Some(schedule) = state.schedule(id) else { return };
    steps.extend(firing(schedule, until));
    if purges {
        // It fires in vain while the promise that it would create is there.
        let made = component.promises.iter().filter(|promise| makes(&schedule.promise_id, id, promise));
        made.filter(|promise| state.promise(promise).is_some())
            .for_each(|promise| of_promise(state, promise, item, until, purges, steps));
    }
}

fn of_promise(state: &State, id: &Id, item: &Item, until: Timestamp, purges: bool, steps: &mut Vec<Step>) {
    let makers = state.schedules().filter(|schedule| makes(&schedule.promise_id, &schedule.id, id));
    let firings = makers.flat_map(|schedule| firing(schedule, until));
    let Some(promise) = state.promise(id) else {
        steps.extend(firings);
        return;
    };
    if promise.state == PromiseState::Pending {
        // Who looks at one that is overdue settles it; a clock that is behind does not see that it is.
        let sees_it = item.nows.iter().all(|now| promise.is_overdue(*now));
        if promise.is_overdue(until) && (purges || !sees_it) {
            steps.push(Step::TimeOut(id.clone()));
        }
    } else if purges {
        steps.push(if promise.has_waiters { Step::Discharge(id.clone()) } else { Step::Purge(id.clone()) });
        // They are in vain as long as it is there.
        steps.extend(firings);
    }
}

fn of_task(state: &State, id: &Id, until: Timestamp, steps: &mut Vec<Step>) {
    let Some(task) = state.task(id) else { return };
    if task.lease.as_ref().is_some_and(|lease| lease.expires_at <= until) {
        steps.push(Step::Expire(id.clone()));
    }
    for awaited in state.awaited_by(id) {
        let Some(promise) = state.promise(awaited) else { continue };
        if promise.is_overdue(until) {
            steps.push(Step::TimeOut(awaited.clone()));
        } else if promise.state != PromiseState::Pending && promise.has_waiters {
            steps.push(Step::Discharge(awaited.clone()));
        }
    }
}

/// A firing at once, and one so late that its promise is overdue already.
fn firing(schedule: &Schedule, until: Timestamp) -> Vec<Step> {
    let at = schedule.next_run_at;
    let late = at + schedule.promise_timeout;
    let mut instants = vec![at, late];
    instants.dedup();
    instants.into_iter().filter(|at| *at <= until).map(|at| Step::Fire(schedule.id.clone(), at)).collect()
}

impl Step {
    /// What it changes.
    pub(super) fn writes(&self, state: &State, component: &Component, rules: &Rules) -> Vec<Write> {
        let decide = |request: Request, at: Timestamp| state.decide(rules, &request, at).writes;
        match self {
            Self::TimeOut(id) => {
                let at = state.promise(id).map_or(Timestamp::ZERO, |promise| promise.timeout_at);
                decide(Request::TimeOutPromise { id: id.clone() }, at)
            }
            Self::Discharge(id) => {
                let at = state.promise(id).and_then(|promise| promise.settled_at).unwrap_or(Timestamp::ZERO);
                decide(Request::DischargePromise { id: id.clone() }, at)
            }
            Self::Expire(id) => {
                let lease = state.task(id).and_then(|task| task.lease.as_ref());
                decide(Request::ExpireLease { id: id.clone() }, lease.map_or(Timestamp::ZERO, |lease| lease.expires_at))
            }
            Self::Fire(id, at) => {
                let mut writes = decide(Request::RunSchedule { id: id.clone(), runs_left: 1 }, *at);
                // What nobody asks for need not be there.
                writes.retain(|write| match write {
                    Write::InsertPromise(promise) => component.promises.contains(&promise.id),
                    Write::InsertTask(task) => component.promises.contains(&task.id),
                    _ => true,
                });
                writes
            }
            Self::Purge(id) => state.removal(id),
        }
    }
}
