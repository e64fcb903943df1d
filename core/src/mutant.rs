//! Guards that are left out on purpose, one at a time, to see that somebody notices. Owns their list; each is looked for where its guard stands. Only a
//! build with the feature `mutants` can leave one out: in every other `Rules::mutated` is the constant `false`.

macro_rules! mutants {
    ($($mutant:ident $rooms:ident $what:literal),+ $(,)?) => {
        /// A guard that can be left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $(#[doc = $what] $mutant,)+
        }

        #[cfg(feature = "mutants")]
        impl Mutant {
            /// Every mutant.
            pub const ALL: &[Self] = &[$(Self::$mutant),+];

            /// What it does.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$mutant => $what,)+
                }
            }

            /// Where its guard stands.
            #[must_use]
            pub const fn room(self) -> Room {
                match self {
                    $(Self::$mutant => Room::$rooms,)+
                }
            }
        }
    };
}

/// Where guards stand.
#[cfg(feature = "mutants")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// In the machine, which whoever compares with the machine has in common with it.
    Machine,
    /// In what runs batches of requests over a store.
    Driver,
    /// In a store, or in a server over it.
    Store,
}

mutants! {
    SettleOverwrites Machine "a settle overwrites a verdict",
    SettleKeepsTask Machine "a settle leaves its task as it is",
    SettleKeepsResumes Machine "a fulfilled task keeps its resumes",
    SettleForgetsValue Machine "a settle forgets the value",
    SettleForgetsKey Machine "a settle forgets its idempotency key",
    CreateReplaces Machine "a create replaces what is there",
    CreateForgetsTask Machine "a create with a target forgets the task",
    CreateForgetsKey Machine "a create forgets its idempotency key",
    CreateIgnoresDelay Machine "a create makes a task due before its delay",
    CreateIgnoresDeadline Machine "a create past its deadline is pending",
    DeadlineTooSoon Machine "a promise times out before its deadline",
    DeadlineIgnored Machine "a promise past its deadline is pending for its readers",
    DeadlineStampedNow Machine "a timeout is stamped with the instant at which it was noticed",
    TimerRejects Machine "a timer rejects",
    CallbackForgotten Machine "a callback is not registered",
    ListenerForgotten Machine "a listener is not registered",
    CallbackOnSettled Machine "a callback is registered on a settled promise",
    CallbackOnPrivate Machine "a callback is registered on a promise that is private to its worker",
    CallbackOnItself Machine "a callback lets a promise await itself",
    CallbackOfTargetless Machine "a callback is registered for a promise without a task",
    ListenerOnSettled Machine "a listener is registered on a settled promise",
    ListenerOnPrivate Machine "a listener is registered on a promise that is private to its worker",
    StrictAwaitsAll Machine "strict rules let a promise be awaited that has no tag for it",
    WaiterNotNoted Machine "a promise does not know that it has got a waiter",
    DischargeForgetsCallback Machine "a discharge drops a callback without a wake-up",
    DischargeForgetsListener Machine "a discharge drops a listener without a message",
    DischargeKeepsCallback Machine "a discharge leaves the callback",
    DischargeEndsEarly Machine "a discharge with more waiters than it may take forgets the rest",
    UnblockGoesAstray Machine "an unblock goes to another address",
    WakeOfTheRunning Machine "a task that runs is woken, and runs twice",
    WakeOfTheHalted Machine "a halted task is woken",
    WakeOfTheDead Machine "a task past its promise's deadline is woken",
    WakeTellsNothing Machine "a task that is not suspended is not told what was settled",
    AcquireIgnoresVersion Machine "an acquire does not look at the version",
    AcquireTakesHeld Machine "an acquire takes a task that another worker holds",
    AcquireKeepsVersion Machine "an acquire leaves the version",
    AcquireKeepsResumes Machine "an acquire leaves the resumes",
    TaskCreateTakesHeld Machine "a task.create takes a task that another worker holds",
    TaskCreateTakesSuspended Machine "a task.create takes a task that is suspended",
    TaskCreateTakesHalted Machine "a task.create takes a task that is halted",
    HoldIgnoresVersion Machine "who held a task once may fence, suspend, fulfil and release it",
    HoldIgnoresState Machine "who holds no task may fence, suspend, fulfil and release it",
    FenceUnguarded Machine "a fence lets everything through",
    FenceOfItself Machine "a fence settles the promise of its own task",
    FulfillOfAnother Machine "a fulfil takes a verdict about another promise",
    SuspendIgnoresSettled Machine "a suspend does not see what is settled already",
    SuspendOnPrivate Machine "a suspend awaits a promise that is private to its worker",
    SuspendOnNothing Machine "a suspend awaits nothing",
    SuspendOnItself Machine "a suspend awaits the promise of its own task",
    SuspendForgetsCallback Machine "a suspend registers no callback",
    RedirectKeepsResumes Machine "a suspend that goes on leaves the resumes",
    SuspendKeepsLease Machine "a suspended task keeps its lease",
    ReleaseDoesNothing Machine "a release leaves its task with its worker",
    ReleaseBumpsVersion Machine "a release moves the version",
    RetryNeverSet Machine "a released task is not due",
    LeaseNeverEnds Machine "a lease never ends",
    LeaseEndsEarly Machine "a lease ends before its deadline",
    HeartbeatDoesNothing Machine "a heartbeat extends nothing",
    HeartbeatOfAnyone Machine "a heartbeat extends the leases of other workers",
    HeartbeatIgnoresVersion Machine "a heartbeat does not look at the version",
    StrictHeartbeatOfAll Machine "under strict a heartbeat of nothing extends every lease of its worker",
    HeartbeatRevives Machine "a heartbeat revives a lease that has ended",
    HaltDoesNothing Machine "a halt stops nothing",
    ContinueDoesNothing Machine "a continue leaves its task halted",
    HaltKeepsLease Machine "a halted task keeps its lease",
    HaltOfTheFulfilled Machine "a fulfilled task is halted",
    ContinueOfAnything Machine "a task that is not halted is continued",
    DispatchForgetsMessage Machine "a dispatch forgets its message",
    DispatchNotDue Machine "a task is dispatched again before it is due",
    DispatchAtOnce Machine "a worker that keeps failing is told again at once",
    WithdrawnExecuteCounts Machine "an execute that was withdrawn before it left holds back the next",
    DispatchIgnoresDelay Machine "a task that was continued is dispatched before its delay",
    ExecuteOfTheGone Machine "an execute leaves for a task that does not wait for it any more",
    ReportIgnoresVersion Machine "a late report is taken for one of the message that is there",
    ReportOfTheHeldBack Machine "a late report is taken for one of an execute that has yet to leave",
    FailureDropsMessage Machine "a message is dropped when a delivery fails",
    ClaimOfTheClaimed Machine "a message that somebody has claimed is claimed again",
    UnblockNeverExpires Machine "an unblock is tried for ever",
    UnblockExpiresAtOnce Machine "an unblock is dropped instead of delivered",
    ScheduleRunsTwice Machine "a schedule fires an occurrence again and again",
    ScheduleNotDue Machine "a schedule fires before its occurrence",
    ScheduleSkips Machine "a schedule skips occurrences that were missed",
    ScheduleForgetsPromise Machine "a schedule goes on without its promise",
    ScheduleOverwrites Machine "a schedule overwrites a promise that has its id already",
    ScheduleForgetsTags Machine "a schedule forgets the tags that the server sets",
    ScheduleCreateDoesNothing Machine "a schedule.create creates nothing",
    ScheduleDeleteDoesNothing Machine "a schedule.delete deletes nothing",
    ScheduleCreateReplaces Machine "a schedule.create replaces what is there",
    PreloadShowsStale Machine "a preload shows stored rows past their deadlines",
    SearchShowsStale Machine "a search shows stored rows past their deadlines",
    PurgeIgnoresAge Machine "a purge removes what was settled just now",
    PurgeIgnoresRuns Machine "a purge removes a step of a workflow that runs",
    PurgeIgnoresChildren Machine "a purge removes a promise whose children are there",
    PurgeIgnoresMessages Machine "a purge removes a promise that has yet to be told of",
    PurgeKeepsTask Machine "a purge leaves the task",
    OverlayForgotten Driver "a request does not see the writes of those before it in the batch",
    FollowUpsForgotten Driver "what follows from a batch is not done",
    ConflictAcknowledged Driver "a batch that conflicted is acknowledged",
    FailureAcknowledged Driver "a commit that failed is acknowledged",
    EffectsBeforeCommit Store "messages leave before the commit",
    SyncSkipped Store "a crash undoes what was acknowledged",
    WriteHalfApplied Store "a crash leaves half of a transaction",
    LastWriteDropped Store "a commit loses its last write",
    RowNotLocked Store "the rows of promises are not locked",
    RowNotCompared Store "the rows of promises are not compared at the commit",
    ScanNotCompared Store "scans are not compared at the commit",
    DeadlinesOfTargetsOnly Store "only the deadlines of promises with a target are swept",
    LeasesNotSwept Store "leases that have ended are not swept",
    ClockBehindRows Store "the instant of a transaction lies before what is in its rows",
    ParkedNotFound Store "a connection does not find what waits for it",
}
