//! What a request is sure or likely to read, so that a batch loads it in one go. A hint changes how often the host loads, never an answer.

use crate::message::MessageKey;
use crate::promise::tag;
use crate::read::Read;
use crate::request::Request;

impl Request {
    /// The reads by key that deciding this request asks for first.
    #[must_use]
    pub fn hints(&self) -> Vec<Read> {
        match self {
            Self::GetPromise { id }
            | Self::TimeOutPromise { id }
            | Self::DischargePromise { id }
            | Self::PurgePromise { id, .. } => vec![Read::Promise(id.clone())],
            Self::CreatePromise(create) => {
                let task = create.tags.contains_key(tag::TARGET).then(|| Read::Task(create.id.clone()));
                [Read::Promise(create.id.clone())].into_iter().chain(task).collect()
            }
            Self::SettlePromise(settle) => vec![Read::Promise(settle.id.clone())],
            Self::RegisterCallback { awaited, awaiter } => {
                vec![Read::Promise(awaited.clone()), Read::Promise(awaiter.clone())]
            }
            Self::RegisterListener { awaited, .. } => vec![Read::Promise(awaited.clone())],
            Self::GetTask { id } | Self::HaltTask { id } | Self::ContinueTask { id } | Self::ExpireLease { id } => {
                vec![Read::Promise(id.clone()), Read::Task(id.clone())]
            }
            Self::CreateTask { promise, .. } => {
                vec![Read::Promise(promise.id.clone()), Read::Task(promise.id.clone())]
            }
            Self::AcquireTask { task, .. } | Self::ReleaseTask { task } | Self::FulfillTask { task, .. } => {
                vec![Read::Promise(task.id.clone()), Read::Task(task.id.clone())]
            }
            Self::FenceTask { task, action } => {
                vec![Read::Promise(task.id.clone()), Read::Task(task.id.clone()), Read::Promise(action.id().clone())]
            }
            Self::SuspendTask { task, awaited } => [Read::Promise(task.id.clone()), Read::Task(task.id.clone())]
                .into_iter()
                .chain(awaited.iter().map(|id| Read::Promise(id.clone())))
                .collect(),
            Self::HeartbeatTasks { tasks, .. } => {
                tasks.iter().flat_map(|task| [Read::Promise(task.id.clone()), Read::Task(task.id.clone())]).collect()
            }
            Self::DispatchTask { id } => vec![
                Read::Promise(id.clone()),
                Read::Task(id.clone()),
                Read::Message(MessageKey::Execute { task: id.clone() }),
            ],
            Self::GetSchedule { id } | Self::DeleteSchedule { id } | Self::RunSchedule { id, .. } => {
                vec![Read::Schedule(id.clone())]
            }
            Self::CreateSchedule(create) => vec![Read::Schedule(create.id.clone())],
            Self::ClaimMessage { key, .. }
            | Self::MessageDelivered { key, .. }
            | Self::MessageFailed { key, .. }
            | Self::MessageUnclaimed { key, .. } => {
                let (message, promise) = (Read::Message(key.clone()), Read::Promise(key.id().clone()));
                match key {
                    MessageKey::Execute { task } => vec![message, promise, Read::Task(task.clone())],
                    MessageKey::Unblock { .. } => vec![message, promise],
                }
            }
            Self::SearchPromises(_) | Self::SearchTasks(_) | Self::SearchSchedules(_) => Vec::new(),
        }
    }

    /// The same where a second load costs a way there and back: with the task of each promise, which a settlement fulfils. A promise that is
    /// created without a target has none.
    pub(crate) fn hints_at_a_distance(&self) -> Vec<Read> {
        let mut hints = self.hints();
        if let Self::CreatePromise(_) = self {
            return hints;
        }
        let task_of = |read: &Read| if let Read::Promise(id) = read { Some(Read::Task(id.clone())) } else { None };
        let tasks: Vec<Read> = hints.iter().filter_map(task_of).collect();
        hints.extend(tasks);
        hints
    }
}
