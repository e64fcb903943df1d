//! What clients ask for: any request that changes or shows a promise or a task, of few ids, with deadlines and leases that end within a history.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use resonate_core::address::Address;
use resonate_core::id::Id;
use resonate_core::promise::{Tags, tag};
use resonate_core::request::{CreatePromise, FencedAction, Request, SettlePromise, TaskRef, Verdict};
use resonate_core::time::{Millis, Timestamp};
use resonate_core::value::Value;

use crate::server::FAR;

/// Promises with a task.
const TASKS: usize = 3;
/// Promises without one.
const PLAIN: usize = 3;

/// What the clients of a history have in common.
#[derive(Debug)]
pub(super) struct World {
    /// What their ids begin with.
    name: String,
    /// The last version of each task that anybody was told.
    versions: [AtomicU64; TASKS],
}

impl World {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), versions: [const { AtomicU64::new(0) }; TASKS] }
    }

    /// Somebody was told that a task is at a version.
    pub(super) fn learn(&self, id: &str, version: u64) {
        let number = id.strip_prefix(&format!("{}.t", self.name)).and_then(|number| number.parse::<usize>().ok());
        if let Some(known) = number.and_then(|number| self.versions.get(number)) {
            known.fetch_max(version, Ordering::Relaxed);
        }
    }

    fn id(&self, kind: char, number: usize) -> Id {
        Id::parse(&format!("{}.{kind}{number}", self.name)).expect("an id")
    }

    fn any(&self, rng: &mut Rng) -> Id {
        if rng.bool() { self.id('t', rng.usize(..TASKS)) } else { self.id('q', rng.usize(..PLAIN)) }
    }

    fn task(&self, rng: &mut Rng) -> TaskRef {
        let number = rng.usize(..TASKS);
        let known = self.versions[number].load(Ordering::Relaxed);
        let version = if rng.u8(..5) == 0 { rng.u64(..3) } else { known };
        TaskRef { id: self.id('t', number), version }
    }

    /// A creation; what has the id of a task has a target.
    fn creation(&self, id: Id, now: u64, rng: &mut Rng) -> CreatePromise {
        let timeout_at = if rng.u8(..3) == 0 { now + rng.u64(..40) } else { FAR };
        let is_task = id.as_str().contains(".t");
        let mut tags = Tags::new();
        if is_task {
            tags.insert(tag::TARGET.to_owned(), "poll://any@nobody".to_owned());
        } else if rng.u8(..3) == 0 {
            tags.insert(tag::TIMER.to_owned(), "true".to_owned());
        }
        CreatePromise { id, timeout_at: Timestamp::saturating(timeout_at), param: value(rng), tags, key: key(rng) }
    }

    fn settlement(id: Id, rng: &mut Rng) -> SettlePromise {
        let verdict = [Verdict::Resolved, Verdict::Rejected, Verdict::RejectedCanceled][rng.usize(..3)];
        SettlePromise { id, verdict, value: value(rng), key: key(rng) }
    }

    /// A wish at this instant.
    pub(super) fn wish(&self, now: u64, rng: &mut Rng) -> Request {
        match rng.u8(..100) {
            0..12 => Request::GetPromise { id: self.any(rng) },
            12..24 => Request::CreatePromise(self.creation(self.any(rng), now, rng)),
            24..32 => Request::SettlePromise(Self::settlement(self.any(rng), rng)),
            32..36 => {
                let address = Address::parse("poll://any@nobody").expect("an address");
                Request::RegisterListener { awaited: self.any(rng), address }
            }
            36..42 => Request::RegisterCallback { awaited: self.any(rng), awaiter: self.task(rng).id },
            _ => self.wish_of_task(now, rng),
        }
    }

    fn wish_of_task(&self, now: u64, rng: &mut Rng) -> Request {
        let pid = ["one", "two"][rng.usize(..2)].into();
        let ttl = Millis::saturating([3, 20, 60_000][rng.usize(..3)]);
        let task = self.task(rng);
        match rng.u8(..60) {
            0..8 => Request::GetTask { id: task.id },
            8..14 => Request::CreateTask { pid, ttl, promise: self.creation(task.id, now, rng) },
            14..28 => Request::AcquireTask { task, pid, ttl },
            28..36 => {
                let id = self.id('q', rng.usize(..PLAIN));
                let settles = rng.bool();
                let settle = |rng: &mut Rng| FencedAction::Settle(Self::settlement(id.clone(), rng));
                let create = |rng: &mut Rng| FencedAction::Create(self.creation(id.clone(), now, rng));
                Request::FenceTask { task, action: if settles { settle(rng) } else { create(rng) } }
            }
            36..40 => {
                let tasks = (0..rng.usize(..3)).map(|_| self.task(rng)).collect();
                Request::HeartbeatTasks { pid, tasks, prefix: None }
            }
            40..47 => {
                let awaited = (0..rng.usize(1..3)).map(|_| self.id('q', rng.usize(..PLAIN))).collect();
                Request::SuspendTask { task, awaited }
            }
            47..49 => Request::FulfillTask { settle: Self::settlement(task.id.clone(), rng), task },
            49..54 => Request::ReleaseTask { task },
            54..56 => Request::HaltTask { id: task.id },
            _ => Request::ContinueTask { id: task.id },
        }
    }
}

/// What base64 can carry, so that both spellings show it in the same way.
fn value(rng: &mut Rng) -> Value {
    let data = ["b25l", "dHdv", "dGhyZWU="][rng.usize(..3)];
    Value { headers: None, data: rng.bool().then(|| data.to_owned()) }
}

/// An idempotency key, which only the API of 2023 can carry.
fn key(rng: &mut Rng) -> Option<String> {
    (rng.u8(..3) > 0).then(|| ["k1", "k2"][rng.usize(..2)].to_owned())
}
