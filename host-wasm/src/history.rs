//! Everything that happened to a server, step by step: what the playground walks through, forwards and backwards, and goes on from. A step is a
//! line of a recording; its state, its answer and its changes are found again by replaying, since the same request makes the same of the same
//! state. Owns the steps and how they are found again; how they look is in the rooms below.

mod shown;
#[cfg(test)]
mod tests;
mod text;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use resonate_core::effect::Effect;
use resonate_core::id::Id;
use resonate_core::local::Happened;
use resonate_core::memory::MemoryStore;
use resonate_core::message::Delivery;
use resonate_core::recording::{Entry, Header};
use resonate_core::reply::Reply;
use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::Timestamp;

use crate::face::Face;
use crate::fault::{Fault, instant};
use world::World;

/// Steps between two states that are kept, at first. It doubles whenever too many are kept.
const STRIDE_MIN: usize = 64;
/// States that are kept at most.
const KEPT_MAX: usize = 32;
/// Ticks of the server after which a tick of the history is over.
const TICKS_MAX: usize = 1_000;

/// What happened in a step.
#[derive(Debug)]
enum What {
    Did(Box<Request>),
    /// The store was emptied.
    Emptied,
    /// A recording began anew, from another state.
    Began(Box<Header>),
}

/// Something that happened, and what there is to know of it at a glance.
#[derive(Debug)]
struct Step {
    now: Timestamp,
    what: What,
    /// The worker that asked for it, where one did.
    worker: Option<Arc<str>>,
    /// What became of it, in a word.
    outcome: &'static str,
    /// Why it was refused.
    refusal: Option<String>,
    /// Messages that left.
    sent: Vec<Delivery>,
    /// The recorded answer, where it is another one than the machine gives now.
    recorded: Option<Box<Recorded>>,
}

#[derive(Debug)]
struct Recorded {
    entry: Entry,
    difference: String,
}

/// A history: a state at the start, the steps since, and a server that goes on from the last one.
#[derive(Debug)]
pub(crate) struct History {
    /// Who recorded it, when, with which dials. Its snapshot is left empty: the first kept state has it.
    header: Header,
    steps: Vec<Step>,
    /// States after every `stride` steps, the first one before them all.
    kept: Vec<World>,
    stride: usize,
    /// The state after the last step.
    last: World,
    /// Where somebody looked last: that many steps, and the state after them.
    looked: (usize, World),
    /// Who acquired a task at a version.
    holders: BTreeMap<(Id, u64), Arc<str>>,
    live: Face,
}

impl History {
    /// A history in which nothing has happened yet.
    pub(crate) fn new(rules: Rules, now: u64) -> Result<Self, Fault> {
        let header = Header::new(env!("CARGO_PKG_VERSION"), instant(now)?, rules, Default::default());
        Ok(Self::from(header, MemoryStore::new()))
    }

    /// A history that begins with this state.
    fn from(header: Header, store: MemoryStore) -> Self {
        let world = World::new(header.rules.clone(), store);
        let mut holders = BTreeMap::new();
        for task in header.snapshot.tasks.values() {
            if let Some(lease) = &task.lease {
                holders.insert((task.id.clone(), task.version), Arc::clone(&lease.pid));
            }
        }
        Self {
            holders,
            header: Header { snapshot: Default::default(), ..header },
            steps: Vec::new(),
            kept: vec![world.clone()],
            stride: STRIDE_MIN,
            live: world.live(),
            looked: (0, world.clone()),
            last: world,
        }
    }

    /// How many steps there are.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// When the last step was, or when the history began.
    fn now(&self) -> Timestamp {
        self.steps.last().map_or(self.header.now, |step| step.now)
    }

    /// Lets something happen to the server at an instant, not before the last step. All that came of it is among the steps.
    fn live<T>(&mut self, now: u64, act: impl FnOnce(&mut Face, u64) -> Result<T, Fault>) -> Result<T, Fault> {
        let now = instant(now)?.max(self.now());
        let done = act(&mut self.live, now.as_millis());
        for happened in self.live.take_log() {
            match happened {
                Happened::Answered { now, request, reply: _ } => self.push(now, What::Did(Box::new(request)), None),
                Happened::Emptied { now } => self.push(now, What::Emptied, None),
            }
        }
        done
    }

    /// Answers an envelope of today's protocol.
    pub(crate) fn perform(&mut self, envelope: &[u8], now: u64) -> Result<Vec<u8>, Fault> {
        self.live(now, |live, now| live.process(envelope, now))
    }

    /// The status of the last answer, HTTP's.
    pub(crate) fn status(&self) -> u16 {
        self.live.status()
    }

    /// Does everything that is due, as far as it ends within [`TICKS_MAX`].
    pub(crate) fn tick(&mut self, now: u64) -> Result<(), Fault> {
        for _ in 0..TICKS_MAX {
            let more = self.live(now, |live, now| {
                live.tick(now)?;
                live.is_due(now)
            })?;
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// See [`Face::report`].
    pub(crate) fn report(&mut self, report: &[u8], now: u64) -> Result<(), Fault> {
        self.live(now, |live, now| live.report(report, now))
    }

    /// See [`Face::connected`].
    pub(crate) fn connected(&mut self, connected: &[u8], now: u64) -> Result<(), Fault> {
        self.live(now, |live, now| live.connected(connected, now))
    }

    /// See [`Face::adopt_orphans`].
    pub(crate) fn adopt_orphans(&mut self, now: u64) -> Result<(), Fault> {
        self.live(now, Face::adopt_orphans)
    }

    /// See [`Face::events`].
    pub(crate) fn events(&mut self) -> Vec<u8> {
        self.live.events()
    }

    /// When something is due next, in milliseconds since the epoch.
    pub(crate) fn next_wakeup(&mut self) -> Result<Option<u64>, Fault> {
        self.live.next_wakeup()
    }

    /// Forgets all steps behind the first `length`; the server goes on from there. What it had sent and not reported is claimed again by
    /// [`Self::adopt_orphans`].
    pub(crate) fn truncate(&mut self, length: usize) -> Result<(), Fault> {
        let world = self.world_at(length)?.clone();
        self.steps.truncate(length);
        self.kept.truncate(length / self.stride + 1);
        self.live = world.live();
        self.last = world;
        Ok(())
    }

    /// Adds a step: the last state moves on by it.
    fn push(&mut self, now: Timestamp, what: What, entry: Option<Entry>) {
        let worker = if let What::Did(request) = &what { self.worker_of(request) } else { None };
        let decision = self.last.apply(now, &what);
        let mut step = Step { now, what, worker, outcome: "done", refusal: None, sent: Vec::new(), recorded: None };
        if let Some(decision) = decision {
            (step.outcome, step.refusal) = shown::outcome(&decision.reply);
            if let (Reply::Acquired { task, .. }, Some(pid)) = (&decision.reply, &step.worker) {
                self.holders.insert((task.id.clone(), task.version), Arc::clone(pid));
            }
            step.recorded = entry.and_then(|entry| text::recorded(self.steps.len(), entry, &decision.reply));
            let deliveries = decision.effects.into_iter().filter_map(|effect| match effect {
                Effect::Deliver(delivery) => Some(delivery),
                Effect::Parked(_) | Effect::WakeAt(_) => None,
            });
            step.sent = deliveries.collect();
        }
        self.steps.push(step);
        if self.steps.len().is_multiple_of(self.stride) {
            self.keep();
        }
    }

    /// Keeps the last state. When there are too many, every other one goes.
    fn keep(&mut self) {
        self.kept.push(self.last.clone());
        if self.kept.len() > KEPT_MAX {
            let mut place = 0;
            self.kept.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// The worker that asks for something: the one that it names, or the one that has acquired what it speaks of.
    fn worker_of(&self, request: &Request) -> Option<Arc<str>> {
        match request {
            Request::CreateTask { pid, .. }
            | Request::AcquireTask { pid, .. }
            | Request::HeartbeatTasks { pid, .. } => Some(Arc::clone(pid)),
            Request::FenceTask { task, .. }
            | Request::SuspendTask { task, .. }
            | Request::FulfillTask { task, .. }
            | Request::ReleaseTask { task } => self.holders.get(&(task.id.clone(), task.version)).cloned(),
            Request::GetPromise { .. }
            | Request::CreatePromise(_)
            | Request::SettlePromise(_)
            | Request::RegisterCallback { .. }
            | Request::RegisterListener { .. }
            | Request::SearchPromises(_)
            | Request::GetTask { .. }
            | Request::HaltTask { .. }
            | Request::ContinueTask { .. }
            | Request::SearchTasks(_)
            | Request::GetSchedule { .. }
            | Request::CreateSchedule(_)
            | Request::DeleteSchedule { .. }
            | Request::SearchSchedules(_)
            | Request::TimeOutPromise { .. }
            | Request::DischargePromise { .. }
            | Request::ExpireLease { .. }
            | Request::DispatchTask { .. }
            | Request::RunSchedule { .. }
            | Request::PurgePromise { .. }
            | Request::ClaimMessage { .. }
            | Request::MessageDelivered { .. }
            | Request::MessageFailed { .. }
            | Request::MessageUnclaimed { .. } => None,
        }
    }

    /// The state after the first `length` steps.
    fn world_at(&mut self, length: usize) -> Result<&World, Fault> {
        if length > self.steps.len() {
            let why = format_args!("must be a number of steps from 0 to {}, not {length}", self.steps.len());
            return Err(Fault::bad("step", why));
        }
        let place = length / self.stride;
        if !(place * self.stride..=length).contains(&self.looked.0) {
            self.looked = (place * self.stride, self.kept[place].clone());
        }
        let (from, world) = &mut self.looked;
        for step in &self.steps[*from..length] {
            world.apply(step.now, &step.what);
        }
        *from = length;
        Ok(world)
    }
}
