//! What kind of thing a request is: its name, who asks for it, whether it reads. One match each, so that a new request is seen everywhere.

use super::Request;
use crate::due::DueKind;

impl Request {
    /// Every [`Self::kind`].
    pub const KINDS: [&'static str; 31] = [
        "promise.get",
        "promise.create",
        "promise.settle",
        "promise.register_callback",
        "promise.register_listener",
        "promise.search",
        "task.get",
        "task.create",
        "task.acquire",
        "task.fence",
        "task.heartbeat",
        "task.suspend",
        "task.fulfill",
        "task.release",
        "task.halt",
        "task.continue",
        "task.search",
        "schedule.get",
        "schedule.create",
        "schedule.delete",
        "schedule.search",
        "internal.time_out_promise",
        "internal.discharge_promise",
        "internal.expire_lease",
        "internal.dispatch_task",
        "internal.run_schedule",
        "internal.purge_promise",
        "internal.claim_message",
        "internal.message_delivered",
        "internal.message_failed",
        "internal.message_unclaimed",
    ];

    /// Whether no client asked for it: work of the background, and reports of the host.
    #[must_use]
    pub const fn is_background(&self) -> bool {
        match self {
            Self::TimeOutPromise { .. }
            | Self::DischargePromise { .. }
            | Self::ExpireLease { .. }
            | Self::DispatchTask { .. }
            | Self::RunSchedule { .. }
            | Self::PurgePromise { .. }
            | Self::ClaimMessage { .. }
            | Self::MessageDelivered { .. }
            | Self::MessageFailed { .. }
            | Self::MessageUnclaimed { .. } => true,
            Self::GetPromise { .. }
            | Self::CreatePromise(_)
            | Self::SettlePromise(_)
            | Self::RegisterCallback { .. }
            | Self::RegisterListener { .. }
            | Self::SearchPromises(_)
            | Self::GetTask { .. }
            | Self::CreateTask { .. }
            | Self::AcquireTask { .. }
            | Self::FenceTask { .. }
            | Self::HeartbeatTasks { .. }
            | Self::SuspendTask { .. }
            | Self::FulfillTask { .. }
            | Self::ReleaseTask { .. }
            | Self::HaltTask { .. }
            | Self::ContinueTask { .. }
            | Self::SearchTasks(_)
            | Self::GetSchedule { .. }
            | Self::CreateSchedule(_)
            | Self::DeleteSchedule { .. }
            | Self::SearchSchedules(_) => false,
        }
    }

    /// Whether the request only reads, so that it can be answered beside the writer, see [`crate::drive::read`].
    #[must_use]
    pub const fn is_read(&self) -> bool {
        matches!(
            self,
            Self::GetPromise { .. }
                | Self::GetTask { .. }
                | Self::GetSchedule { .. }
                | Self::SearchPromises(_)
                | Self::SearchTasks(_)
                | Self::SearchSchedules(_)
        )
    }

    /// The name of the request: that of today's protocol, or `internal.…` for work of the background and reports of the host.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::GetPromise { .. } => "promise.get",
            Self::CreatePromise(_) => "promise.create",
            Self::SettlePromise(_) => "promise.settle",
            Self::RegisterCallback { .. } => "promise.register_callback",
            Self::RegisterListener { .. } => "promise.register_listener",
            Self::SearchPromises(_) => "promise.search",
            Self::GetTask { .. } => "task.get",
            Self::CreateTask { .. } => "task.create",
            Self::AcquireTask { .. } => "task.acquire",
            Self::FenceTask { .. } => "task.fence",
            Self::HeartbeatTasks { .. } => "task.heartbeat",
            Self::SuspendTask { .. } => "task.suspend",
            Self::FulfillTask { .. } => "task.fulfill",
            Self::ReleaseTask { .. } => "task.release",
            Self::HaltTask { .. } => "task.halt",
            Self::ContinueTask { .. } => "task.continue",
            Self::SearchTasks(_) => "task.search",
            Self::GetSchedule { .. } => "schedule.get",
            Self::CreateSchedule(_) => "schedule.create",
            Self::DeleteSchedule { .. } => "schedule.delete",
            Self::SearchSchedules(_) => "schedule.search",
            Self::TimeOutPromise { .. } => "internal.time_out_promise",
            Self::DischargePromise { .. } => "internal.discharge_promise",
            Self::ExpireLease { .. } => "internal.expire_lease",
            Self::DispatchTask { .. } => "internal.dispatch_task",
            Self::RunSchedule { .. } => "internal.run_schedule",
            Self::PurgePromise { .. } => "internal.purge_promise",
            Self::ClaimMessage { .. } => "internal.claim_message",
            Self::MessageDelivered { .. } => "internal.message_delivered",
            Self::MessageFailed { .. } => "internal.message_failed",
            Self::MessageUnclaimed { .. } => "internal.message_unclaimed",
        }
    }

    /// Whether the request searches, which may take long.
    #[must_use]
    pub const fn is_search(&self) -> bool {
        matches!(self, Self::SearchPromises(_) | Self::SearchTasks(_) | Self::SearchSchedules(_))
    }

    /// The kind of background work that the request does; none for requests of clients and for reports.
    #[must_use]
    pub const fn due_kind(&self) -> Option<DueKind> {
        match self {
            Self::TimeOutPromise { .. } => Some(DueKind::Deadline),
            Self::DischargePromise { .. } => Some(DueKind::Discharge),
            Self::ExpireLease { .. } => Some(DueKind::Lease),
            Self::DispatchTask { .. } => Some(DueKind::Retry),
            Self::RunSchedule { .. } => Some(DueKind::Schedule),
            Self::ClaimMessage { .. } => Some(DueKind::Message),
            Self::PurgePromise { .. }
            | Self::MessageDelivered { .. }
            | Self::MessageFailed { .. }
            | Self::MessageUnclaimed { .. } => None,
            Self::GetPromise { .. }
            | Self::CreatePromise(_)
            | Self::SettlePromise(_)
            | Self::RegisterCallback { .. }
            | Self::RegisterListener { .. }
            | Self::SearchPromises(_)
            | Self::GetTask { .. }
            | Self::CreateTask { .. }
            | Self::AcquireTask { .. }
            | Self::FenceTask { .. }
            | Self::HeartbeatTasks { .. }
            | Self::SuspendTask { .. }
            | Self::FulfillTask { .. }
            | Self::ReleaseTask { .. }
            | Self::HaltTask { .. }
            | Self::ContinueTask { .. }
            | Self::SearchTasks(_)
            | Self::GetSchedule { .. }
            | Self::CreateSchedule(_)
            | Self::DeleteSchedule { .. }
            | Self::SearchSchedules(_) => None,
        }
    }
}
