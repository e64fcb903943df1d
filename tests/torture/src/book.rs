//! What clients were told, and what they do not know: enough to say of any store that claims to be theirs whether something acknowledged is gone or
//! changed, and whether something is there by halves. It follows from events alone, so that it can be brought to any moment of the past.

mod op;
mod promises;
mod schedules;
mod tasks;
mod waiters;

use std::collections::{BTreeMap, BTreeSet};

use resonate_core::id::Id;
use resonate_core::promise::Promise;
use resonate_core::property::{Moment, check_state};
use resonate_core::rules::Rules;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::TaskState;
use resonate_core::time::Timestamp;

pub use op::{Asked, Hold, Op, Said, Settlement, promise_of, promise_of_call};
use promises::Known;
use schedules::Cron;
use tasks::Held;

/// Something that a client did or was told, in the order in which it was.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request is about to leave.
    Begun(u64, Op),
    /// What became of it.
    Ended(u64, Said),
    /// A worker was asked to run a task, by a process that was started at this event at the earliest.
    Execute {
        /// The task.
        id: String,
        /// Its version.
        version: u64,
        /// The process was started after so many events.
        started: u64,
    },
    /// A listener was told of a settled promise.
    Unblock {
        /// Where.
        address: String,
        /// The promise.
        promise: Box<Promise>,
        /// Whether the same came over the same connection, long before the claim of that delivery can have ended.
        is_again: bool,
    },
}

/// What was written, and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Writes whose outcome nobody knew.
    pub unknown: u64,
    /// Those of them that were found in the store.
    pub took_effect: u64,
    /// Messages that arrived.
    pub messages: u64,
}

/// What is known.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Events so far.
    events: u64,
    /// Requests under way, with the events before them.
    under_way: BTreeMap<u64, (u64, Op)>,
    /// Requests that ended without an answer, and were not looked for yet.
    unsure: Vec<Op>,
    promises: BTreeMap<String, Known>,
    tasks: BTreeMap<String, Held>,
    /// By promise and address: whether the listener was told.
    listeners: BTreeMap<(String, String), bool>,
    /// Who may be a listener.
    asked_to_be_told: BTreeSet<(String, String)>,
    schedules: BTreeMap<String, Cron>,
    /// What contradicted what was known when it was said.
    violations: Vec<String>,
    /// What was counted.
    pub counts: Counts,
}

impl Book {
    /// Takes note of an event.
    pub fn note(&mut self, event: Event) {
        self.events += 1;
        match event {
            Event::Begun(number, op) => {
                self.doubt(&op);
                self.under_way.insert(number, (self.events, op));
            }
            Event::Ended(number, said) => {
                if let Some((begun, op)) = self.under_way.remove(&number) {
                    self.ended(begun, op, said);
                }
            }
            Event::Execute { id, version, started } => {
                self.counts.messages += 1;
                let wrong = self
                    .tasks
                    .get(&id)
                    .map_or(Some("nobody has created it".to_owned()), |held| held.executed(version, started));
                self.violations.extend(wrong.map(|why| format!("execute of {id} at version {version}: {why}")));
            }
            Event::Unblock { address, promise, is_again } => {
                self.counts.messages += 1;
                if is_again {
                    self.violations.push(format!("{address} was told twice of {promise:?}"));
                }
                self.told(address, &promise);
            }
        }
    }

    /// Events so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// What has contradicted itself so far, each once.
    pub fn take_violations(&mut self) -> Vec<String> {
        std::mem::take(&mut self.violations)
    }

    /// From now on the request may have taken effect.
    fn doubt(&mut self, op: &Op) {
        match op {
            Op::Create(asked, hold) => {
                let known = self.promises.entry(asked.id.clone()).or_default();
                known.creations.push(asked.clone());
                if asked.tags.contains_key(resonate_core::promise::tag::TARGET) {
                    self.tasks
                        .entry(asked.id.clone())
                        .or_default()
                        .doubts
                        .extend(hold.clone().map(|hold| Op::Acquire(asked.id.clone(), hold)));
                }
            }
            Op::Settle(settlement) => {
                self.promises.entry(settlement.id.clone()).or_default().settlements.push(settlement.clone());
            }
            Op::Fulfill(settlement, _) => {
                self.promises.entry(settlement.id.clone()).or_default().settlements.push(settlement.clone());
                self.tasks.entry(settlement.id.clone()).or_default().doubts.push(op.clone());
            }
            Op::Acquire(id, _) | Op::Suspend { id, .. } | Op::Release { id, .. } => {
                self.tasks.entry(id.clone()).or_default().doubts.push(op.clone());
            }
            Op::Halt(id) | Op::Continue(id) => self.tasks.entry(id.clone()).or_default().may_be_halted(),
            Op::Schedule(id) => self.schedules.entry(id.clone()).or_default().doubted = true,
            Op::Unschedule(id) => self.schedules.entry(id.clone()).or_default().maybe_gone = true,
            Op::Listen { id, address } => {
                self.asked_to_be_told.insert((id.clone(), address.clone()));
            }
            Op::Read(_) | Op::Heartbeat => {}
        }
    }

    fn ended(&mut self, begun: u64, op: Op, said: Said) {
        let is_write = !matches!(op, Op::Read(_) | Op::Heartbeat);
        match &said {
            Said::Done(_) => self.is_certain(&op, false),
            Said::Refused(_) => self.is_certain(&op, true),
            Said::Scheduled(_) | Said::Unknown | Said::Absurd(_) => {}
        }
        match said {
            Said::Done(promise) => {
                self.counts.acknowledged += u64::from(is_write);
                let settled = promise.as_ref().is_some_and(|promise| promise.settled_at.is_some());
                if let Some(promise) = promise {
                    self.shown(begun, &promise);
                }
                self.done(op, settled);
            }
            Said::Scheduled(schedule) => {
                self.counts.acknowledged += 1;
                let id = schedule.id.to_string();
                self.schedules.entry(id).or_default().shown = Some(*schedule);
            }
            Said::Refused(status) => {
                let wrong = self.is_wrong_to_refuse(begun, &op, status);
                self.violations.extend(wrong.then(|| format!("{op:?} was refused with {status}, begun at {begun}")));
            }
            Said::Unknown if is_write => {
                self.counts.unknown += 1;
                self.unsure.push(op);
            }
            Said::Unknown => {}
            Said::Absurd(why) => self.violations.push(why),
        }
    }

    /// This one attempt is in doubt no longer. What was created stays known as it was asked for, and what has settled a promise.
    fn is_certain(&mut self, op: &Op, is_refused: bool) {
        let (id, doubt) = match op {
            Op::Create(Asked { id, .. }, Some(hold)) => (id, Op::Acquire(id.clone(), hold.clone())),
            Op::Acquire(id, _) | Op::Suspend { id, .. } | Op::Release { id, .. } => (id, op.clone()),
            Op::Settle(wanted) | Op::Fulfill(wanted, _) => {
                if is_refused && let Some(known) = self.promises.get_mut(&wanted.id) {
                    forget(&mut known.settlements, wanted);
                }
                (&wanted.id, op.clone())
            }
            // What is done already need not halt, and what is not halted is not to go on.
            Op::Halt(id) | Op::Continue(id) => {
                if is_refused {
                    self.tasks.entry(id.clone()).or_default().goes_on();
                }
                return;
            }
            Op::Create(_, None)
            | Op::Read(_)
            | Op::Listen { .. }
            | Op::Heartbeat
            | Op::Schedule(_)
            | Op::Unschedule(_) => return,
        };
        if let Some(held) = self.tasks.get_mut(id) {
            forget(&mut held.doubts, &doubt);
        }
    }

    /// What follows from an acknowledgement for others than the promise that it showed.
    fn done(&mut self, op: Op, settled: bool) {
        let at = self.events;
        match op {
            Op::Create(asked, Some(hold)) => self.acquired(&asked.id, hold, at),
            Op::Acquire(id, hold) => self.acquired(&id, hold, at),
            Op::Suspend { id, version, awaited } => self.tasks.entry(id).or_default().suspended(version, awaited),
            Op::Release { id, version } => self.tasks.entry(id).or_default().released(version),
            Op::Halt(id) => self.tasks.entry(id).or_default().is_halted(),
            Op::Continue(id) => self.tasks.entry(id).or_default().goes_on(),
            Op::Fulfill(settlement, version) => {
                self.tasks.entry(settlement.id).or_default().fulfilled(version, at);
            }
            Op::Listen { id, address } if !settled => {
                self.listeners.entry((id, address)).or_insert(false);
            }
            Op::Unschedule(id) => self.schedules.entry(id).or_default().gone = true,
            Op::Create(_, None) | Op::Settle(_) | Op::Read(_) | Op::Listen { .. } | Op::Heartbeat | Op::Schedule(_) => {
            }
        }
    }

    fn acquired(&mut self, id: &str, hold: Hold, at: u64) {
        let wrong = self.tasks.entry(id.to_owned()).or_default().acquired(hold, at);
        self.violations.extend(wrong.map(|why| format!("{id}: {why}")));
    }

    /// A promise as somebody saw it who asked after so many events.
    fn shown(&mut self, begun: u64, promise: &Promise) {
        let at = self.events;
        let wrong = self.promises.entry(promise.id.to_string()).or_default().show(promise, begun, at);
        self.violations.extend(wrong);
    }

    /// Whether a refusal contradicts what was acknowledged before the request left.
    fn is_wrong_to_refuse(&self, begun: u64, op: &Op, status: u16) -> bool {
        let (Op::Settle(Settlement { id, .. })
        | Op::Read(id)
        | Op::Listen { id, .. }
        | Op::Halt(id)
        | Op::Continue(id)) = op
        else {
            return false;
        };
        status == 404 && self.promises.get(id).is_some_and(|known| known.is_known_before(begun))
    }

    /// What a store contradicts of all this, at an instant that is not before any of its transactions.
    #[must_use]
    pub fn check(&self, found: &Snapshot, now: u64) -> Vec<String> {
        let mut wrong = self.check_promises(found, now);
        wrong.extend(self.check_tasks(found, now));
        wrong.extend(self.check_listeners(found));
        wrong.extend(self.check_schedules(found));
        let (rules, now) = (Rules::default(), Timestamp::saturating(now));
        let violations = check_state(&Moment { state: found, now, rules: &rules });
        wrong.extend(violations.into_iter().map(|violation| format!("{}: {}", violation.property, violation.detail)));
        wrong
    }

    /// What a promise contradicts that was read again by whoever may read.
    #[must_use]
    pub fn check_read(&self, id: &str, found: Option<&Promise>, now: u64) -> Option<String> {
        self.promises.get(id).and_then(|known| known.check(id, found, now))
    }

    /// Promises that were created or settled by more than so many events.
    pub fn promises(&self) -> impl Iterator<Item = (&String, &Known)> {
        self.promises.iter()
    }

    /// Looks for what nobody was sure of, and counts what is there.
    pub fn look_for_unsure(&mut self, found: &Snapshot) {
        let unsure = std::mem::take(&mut self.unsure);
        self.counts.took_effect += unsure.iter().filter(|op| took_effect(op, found)).count() as u64;
    }

    /// What a store says that can be trusted is known from now on.
    pub fn learn(&mut self, found: &Snapshot) {
        let at = self.events;
        for promise in found.promises.values() {
            if let Some(known) = self.promises.get_mut(promise.id.as_str()) {
                self.violations.extend(known.show(promise, at, at));
            }
        }
        for task in found.tasks.values().filter(|task| task.state == TaskState::Fulfilled) {
            if let Some(held) = self.tasks.get_mut(task.id.as_str()) {
                held.fulfilled(task.version, at);
            }
        }
    }

    /// Tasks that are known, and not known to be done.
    pub fn open_tasks(&self) -> impl Iterator<Item = &String> {
        let is_there = |id: &String| self.promises.get(id).is_some_and(|known| known.changed_at().is_some());
        self.tasks.iter().filter(move |(id, held)| !held.is_over() && is_there(id)).map(|(id, _)| id)
    }

    /// What is not done yet that must be done in the end, by name.
    #[must_use]
    pub fn open_ends(&self, found: &Snapshot, now: u64) -> Vec<String> {
        let now = Timestamp::saturating(now);
        let tasks = found.tasks.values().filter(|task| task.state != TaskState::Fulfilled);
        let promises = found
            .promises
            .values()
            .filter(|promise| promise.is_overdue(now) || (promise.settled_at.is_some() && promise.has_waiters));
        let untold = self.listeners.iter().filter(|((id, _), told)| {
            !**told
                && found
                    .promises
                    .get(&Id::parse(id).expect("an id"))
                    .is_some_and(|promise| promise.settled_at.is_some())
        });
        let tasks = tasks.map(|task| format!("{task:?}"));
        let promises = promises.map(|promise| format!("{promise:?}"));
        tasks.chain(promises).chain(untold.map(|((id, to), _)| format!("{to} is to be told of {id}"))).collect()
    }
}

/// Takes one away that is like this.
fn forget<T: PartialEq>(all: &mut Vec<T>, one: &T) {
    if let Some(at) = all.iter().position(|other| other == one) {
        all.swap_remove(at);
    }
}

/// Whether a write shows in a store.
fn took_effect(op: &Op, found: &Snapshot) -> bool {
    let id = |text: &str| Id::parse(text).expect("an id");
    let task = |text: &str, holds: &dyn Fn(TaskState, u64) -> bool| {
        found.tasks.get(&id(text)).is_some_and(|task| holds(task.state, task.version))
    };
    match op {
        Op::Create(asked, _) => found.promises.contains_key(&id(&asked.id)),
        Op::Settle(wanted) | Op::Fulfill(wanted, _) => found
            .promises
            .get(&id(&wanted.id))
            .is_some_and(|promise| promise.state == wanted.state && promise.value == wanted.value),
        Op::Acquire(task_id, hold) => task(task_id, &|_, version| version >= hold.version),
        Op::Suspend { id, version, .. } => task(id, &|state, found| found == *version && state == TaskState::Suspended),
        Op::Release { id, version } => task(id, &|state, found| found == *version && state == TaskState::Pending),
        Op::Halt(id) => task(id, &|state, _| state == TaskState::Halted),
        Op::Continue(id) => task(id, &|state, _| state != TaskState::Halted),
        Op::Listen { id: awaited, .. } => found.listeners.iter().any(|(found, _)| found.as_str() == awaited),
        Op::Schedule(name) => found.schedules.contains_key(&id(name)),
        Op::Unschedule(name) => !found.schedules.contains_key(&id(name)),
        Op::Read(_) | Op::Heartbeat => false,
    }
}
