//! The promise: its record, the tags that the machine reads, and how it looks at an instant. Knows nothing of requests, stores or answers.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::{Address, InvalidAddress};
use crate::id::Id;
use crate::rules::Rules;
use crate::time::Timestamp;
use crate::value::{Value, map_weight};

/// Tags of a promise, ordered by name.
pub type Tags = BTreeMap<String, String>;

/// Names of the tags that the machine reads or sets (spec: "Tags the server understands").
pub mod tag {
    /// Where the promise's task is dispatched.
    pub const TARGET: &str = "resonate:target";
    /// `"true"`: resolved at its timeout instead of rejected.
    pub const TIMER: &str = "resonate:timer";
    /// Instant before which the task is not dispatched.
    pub const DELAY: &str = "resonate:delay";
    /// Id of the root of the call tree.
    pub const ORIGIN: &str = "resonate:origin";
    /// Id of the task that runs the promise; selects `preload`.
    pub const BRANCH: &str = "resonate:branch";
    /// Id of the caller.
    pub const PARENT: &str = "resonate:parent";
    /// Prefix of the ids below.
    pub const PREFIX: &str = "resonate:prefix";
    /// `local`: private to its worker.
    pub const SCOPE: &str = "resonate:scope";
    /// `"true"`: may be awaited.
    pub const EXTERNAL: &str = "resonate:external";
    /// Id of the schedule that created the promise.
    pub const SCHEDULE: &str = "resonate:schedule";
}

/// The state of a promise. Only [`PromiseState::Pending`] is not final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromiseState {
    /// Nobody has settled it, and its deadline has not passed.
    Pending,
    /// Settled with success; a timer at its deadline too.
    Resolved,
    /// Settled with failure.
    Rejected,
    /// Settled as cancelled.
    RejectedCanceled,
    /// Settled by its deadline; clients cannot ask for it.
    RejectedTimedout,
}

impl PromiseState {
    /// Every state, in the order of their numbers on disk and on gRPC's wire.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Resolved, Self::Rejected, Self::RejectedCanceled, Self::RejectedTimedout];

    /// The name in today's protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Resolved => "resolved",
            Self::Rejected => "rejected",
            Self::RejectedCanceled => "rejected_canceled",
            Self::RejectedTimedout => "rejected_timedout",
        }
    }
}

/// A promise as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Its address among all promises.
    pub id: Id,
    /// The stored state; a pending promise past its deadline is settled for every reader, see [`Promise::as_of`].
    pub state: PromiseState,
    /// What it was created with.
    pub param: Value,
    /// What it was settled with; absent while pending and after a deadline.
    pub value: Value,
    /// Tags, some of which the machine reads: see [`tag`].
    pub tags: Tags,
    /// Its deadline.
    pub timeout_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was settled; there exactly when it is not pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// The idempotency key of its creation; only the 2023 API sets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_key: Option<String>,
    /// The idempotency key of its settlement; only the 2023 API sets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_key: Option<String>,
    /// Whether a callback or a listener may be registered on it: false means that there is none. A settled promise with `true` is due for discharge.
    #[serde(default)]
    pub has_waiters: bool,
}

impl Promise {
    /// Whether the stored row is pending although its deadline has passed.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.state == PromiseState::Pending && self.timeout_at <= now
    }

    /// The promise as every reader sees it at `now` (spec §4, projection): past its deadline it is settled by it.
    #[must_use]
    pub fn as_of(self: &Arc<Self>, now: Timestamp) -> Arc<Self> {
        if self.is_overdue(now) { Arc::new(self.settled_by_deadline()) } else { Arc::clone(self) }
    }

    /// The state as every reader sees it at `now`.
    #[must_use]
    pub fn state_as_of(&self, now: Timestamp) -> PromiseState {
        if self.is_overdue(now) { verdict_at_deadline(&self.tags) } else { self.state }
    }

    /// The after-image of a settlement by the deadline.
    #[must_use]
    pub fn settled_by_deadline(&self) -> Self {
        Self {
            state: verdict_at_deadline(&self.tags),
            value: Value::default(),
            settled_at: Some(self.timeout_at),
            ..self.clone()
        }
    }

    /// The address of its task, where it has one.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.tags.get(tag::TARGET).map(String::as_str)
    }

    /// The branch it belongs to, which selects `preload`.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.tags.get(tag::BRANCH).map(String::as_str)
    }

    /// The promises that it was created for, as its tags name them, itself left out: its parent, its branch.
    #[must_use]
    pub fn callers(&self) -> Vec<Id> {
        self.named(&[tag::PARENT, tag::BRANCH])
    }

    /// Every promise that its lineage names, itself left out. Nobody has checked that they exist.
    #[must_use]
    pub fn lineage(&self) -> Vec<Id> {
        self.named(&[tag::PARENT, tag::BRANCH, tag::ORIGIN, tag::PREFIX])
    }

    fn named(&self, tags: &[&str]) -> Vec<Id> {
        let mut named = Vec::new();
        for name in tags.iter().filter_map(|tag| self.tags.get(*tag)) {
            match Id::parse(name) {
                Ok(id) if id != self.id && !named.contains(&id) => named.push(id),
                Ok(_) | Err(_) => {}
            }
        }
        named
    }

    /// Whether it takes callbacks and listeners (spec §4, awaitable).
    #[must_use]
    pub fn is_awaitable(&self, rules: &Rules) -> bool {
        let is = |name: &str, text: &str| self.tags.get(name).is_some_and(|tag| tag == text);
        let external = self.target().is_some() || is(tag::TIMER, "true") || is(tag::EXTERNAL, "true");
        external || (!rules.strict && !is(tag::SCOPE, "local"))
    }

    /// Bytes that the record occupies, roughly: the sum of its strings.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.id.len() + self.param.weight() + self.value.weight() + map_weight(&self.tags)
    }
}

/// The state that a promise with these tags takes at its deadline.
#[must_use]
pub fn verdict_at_deadline(tags: &Tags) -> PromiseState {
    if is_timer(tags) { PromiseState::Resolved } else { PromiseState::RejectedTimedout }
}

/// Whether the tags make a timer.
#[must_use]
pub fn is_timer(tags: &Tags) -> bool {
    tags.get(tag::TIMER).is_some_and(|text| text == "true")
}

/// Whether the tags make a timer that names a target, which is refused (spec §2), or is the sleep of a released SDK.
#[must_use]
pub fn is_targeted_timer(tags: &Tags) -> bool {
    is_timer(tags) && tags.contains_key(tag::TARGET)
}

/// Whether the tags are those of a workflow's sleep. Released SDKs give it a target too, since a public server arms the deadlines of targeted
/// promises only; what tells it from a mistake is the lineage that they give to whatever a workflow creates.
fn is_sleep(tags: &Tags) -> bool {
    is_timer(tags) && tags.contains_key(tag::BRANCH)
}

/// What the tags of a new promise ask of the machine, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The address of the task that is born with the promise.
    pub target: Option<Address>,
    /// The instant before which that task is not dispatched.
    pub delay: Option<Timestamp>,
}

/// Why tags cannot belong to a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidTags {
    /// The target is not a routable address.
    Target(InvalidAddress),
    /// A timer with a target, where that is refused.
    TimerWithTarget,
    /// A delay without a target.
    DelayWithoutTarget,
    /// A delay that is not an integer from 0 to below the deadline.
    Delay,
    /// A delay on a schedule, whose promises are born due.
    DelayOnSchedule,
}

impl std::fmt::Display for InvalidTags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Target(why) => write!(f, "tag 'resonate:target' {why}"),
            Self::TimerWithTarget => f.write_str("tags 'resonate:timer' and 'resonate:target' exclude each other"),
            Self::DelayWithoutTarget => f.write_str("tag 'resonate:delay' needs a 'resonate:target' tag"),
            Self::Delay => {
                f.write_str("tag 'resonate:delay' must be an instant in milliseconds, not negative and below timeoutAt")
            }
            Self::DelayOnSchedule => f.write_str("tag 'resonate:delay' has no place on a schedule"),
        }
    }
}

/// Checks the tags of a promise that is about to be created. The target of a sleep is checked and then none: a timer runs nothing.
///
/// # Errors
/// [`InvalidTags`] names the tag that does not fit (spec §2).
pub fn check_tags(tags: &Tags, timeout_at: Timestamp) -> Result<Birth, InvalidTags> {
    if is_targeted_timer(tags) && !is_sleep(tags) {
        return Err(InvalidTags::TimerWithTarget);
    }
    let target = parse_target(tags)?.filter(|_| !is_timer(tags));
    let Some(text) = tags.get(tag::DELAY) else { return Ok(Birth { target, delay: None }) };
    if target.is_none() {
        return Err(InvalidTags::DelayWithoutTarget);
    }
    match parse_delay(text).filter(|delay| *delay < timeout_at) {
        Some(delay) => Ok(Birth { target, delay: Some(delay) }),
        None => Err(InvalidTags::Delay),
    }
}

/// The instant that a delay's tag names: digits only, no sign.
pub(crate) fn parse_delay(text: &str) -> Option<Timestamp> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<u64>().ok().filter(|_| is_digits).and_then(|millis| Timestamp::try_from(millis).ok())
}

/// Checks the tags that a schedule gives to its promises.
///
/// # Errors
/// [`InvalidTags`] names the tag that does not fit (spec §3, `schedule.create`).
pub fn check_schedule_tags(tags: &Tags) -> Result<(), InvalidTags> {
    if is_targeted_timer(tags) {
        return Err(InvalidTags::TimerWithTarget);
    }
    parse_target(tags)?;
    if tags.contains_key(tag::DELAY) { Err(InvalidTags::DelayOnSchedule) } else { Ok(()) }
}

fn parse_target(tags: &Tags) -> Result<Option<Address>, InvalidTags> {
    tags.get(tag::TARGET).map(|text| Address::parse(text)).transpose().map_err(InvalidTags::Target)
}
