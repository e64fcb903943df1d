//! The machine: one pure function from a request, an instant and records to an answer and the changes that it stands for. Calling it twice is
//! harmless, nothing is kept. When it misses a record it says which; the host loads it and calls again.

mod acquire_task;
mod claim_message;
mod continue_task;
mod create_promise;
mod create_schedule;
mod create_task;
mod delete_schedule;
mod discharge_promise;
mod dispatch_task;
mod expire_lease;
mod fence_task;
mod fulfill_task;
mod halt_task;
mod heartbeat_tasks;
mod purge_promise;
mod register_callback;
mod register_listener;
mod release_task;
mod report_message;
mod run_schedule;
mod search;
mod settle_promise;
mod suspend_task;
mod transition;

use crate::effect::Effect;
use crate::id::Id;
use crate::read::Read;
use crate::records::Records;
use crate::reply::{Refusal, Reply};
use crate::request::Request;
use crate::rules::Rules;
use crate::time::Timestamp;
use crate::write::Write;

pub(crate) use transition::Transition;

/// What a request comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The answer, to be given once the writes are durable.
    pub reply: Reply,
    /// The changes, in order; all of them or none.
    pub writes: Vec<Write>,
    /// What the host should do once the writes are durable.
    pub effects: Vec<Effect>,
    /// Background requests that are due because of the writes; they may run in the same batch. A sweep finds them again.
    pub follow_ups: Vec<Request>,
    /// Promises that the answer shows settled by a deadline that no write stands for. Only a reader that has seen every settlement may give
    /// such an answer: the writer.
    pub projected: Vec<Id>,
}

/// Records that must be loaded before the request can be decided. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub Vec<Read>);

/// Why a handler stops early.
pub(crate) enum Stop {
    Missing(Vec<Read>),
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The outcome of a handler.
pub(crate) type Decided<T = Reply> = Result<T, Stop>;

/// Decides a request at the instant `now`.
///
/// # Errors
/// [`Missing`] names what must be loaded first. The same call with those records gets further; the number of such rounds is bounded by the
/// number of records that the request touches.
pub fn decide(rules: &Rules, request: &Request, now: Timestamp, records: &Records) -> Result<Decision, Missing> {
    let mut transition = Transition::new(rules, now, records);
    let reply = match dispatch(&mut transition, request) {
        Ok(reply) => reply,
        // What was settled by its deadline on the way stays settled.
        Err(Stop::Refused(refusal)) => Reply::Refused(refusal),
        Err(Stop::Missing(reads)) => return Err(Missing(reads)),
    };
    match transition.finish() {
        Ok(changes) => Ok(changes.into_decision(reply)),
        Err(reads) => Err(Missing(reads)),
    }
}

fn dispatch(t: &mut Transition<'_>, request: &Request) -> Decided {
    match request {
        Request::GetPromise { id } => get_promise(t, id),
        Request::CreatePromise(create) => create_promise::decide(t, create),
        Request::SettlePromise(settle) => settle_promise::decide(t, settle),
        Request::RegisterCallback { awaited, awaiter } => register_callback::decide(t, awaited, awaiter),
        Request::RegisterListener { awaited, address } => register_listener::decide(t, awaited, address),
        Request::SearchPromises(search) => search::promises(t, search),
        Request::GetTask { id } => get_task(t, id),
        Request::CreateTask { pid, ttl, promise } => create_task::decide(t, pid, *ttl, promise),
        Request::AcquireTask { task, pid, ttl } => acquire_task::decide(t, task, pid, *ttl),
        Request::FenceTask { task, action } => fence_task::decide(t, task, action),
        Request::HeartbeatTasks { pid, tasks, prefix } => heartbeat_tasks::decide(t, pid, tasks, prefix.as_deref()),
        Request::SuspendTask { task, awaited } => suspend_task::decide(t, task, awaited),
        Request::FulfillTask { task, settle } => fulfill_task::decide(t, task, settle),
        Request::ReleaseTask { task } => release_task::decide(t, task),
        Request::HaltTask { id } => halt_task::decide(t, id),
        Request::ContinueTask { id } => continue_task::decide(t, id),
        Request::SearchTasks(search) => search::tasks(t, search),
        Request::GetSchedule { id } => get_schedule(t, id),
        Request::CreateSchedule(create) => create_schedule::decide(t, create),
        Request::DeleteSchedule { id } => delete_schedule::decide(t, id),
        Request::SearchSchedules(search) => search::schedules(t, search),
        Request::TimeOutPromise { id } => t.promise(id).map(|_| t.background_reply()),
        Request::DischargePromise { id } => discharge_promise::decide(t, id),
        Request::ExpireLease { id } => expire_lease::decide(t, id),
        Request::DispatchTask { id } => dispatch_task::decide(t, id),
        Request::RunSchedule { id, runs_left } => run_schedule::decide(t, id, *runs_left),
        Request::PurgePromise { id, settled_before, dry_run } => {
            purge_promise::decide(t, id, *settled_before, *dry_run)
        }
        Request::ClaimMessage { key, claim } => claim_message::decide(t, key, *claim),
        Request::MessageDelivered { key, version } => report_message::delivered(t, key, *version),
        Request::MessageFailed { key, version, jitter_permille } => {
            report_message::failed(t, key, *version, *jitter_permille)
        }
        Request::MessageUnclaimed { key, version } => report_message::unclaimed(t, key, *version),
    }
}

fn get_promise(t: &mut Transition<'_>, id: &Id) -> Decided {
    let promise = t.promise(id)?.ok_or(Refusal::NotFound("promise not found"))?;
    Ok(Reply::Promise(promise))
}

fn get_task(t: &mut Transition<'_>, id: &Id) -> Decided {
    let (task, _) = t.task(id)?.ok_or(Refusal::NotFound("task not found"))?;
    Ok(Reply::Task(task))
}

fn get_schedule(t: &mut Transition<'_>, id: &Id) -> Decided {
    let schedule = t.schedule(id)?.ok_or(Refusal::NotFound("schedule not found"))?;
    Ok(Reply::Schedule(schedule))
}
