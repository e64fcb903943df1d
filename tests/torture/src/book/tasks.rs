//! What is known of tasks: who held them at which version, and what became of it.

use std::collections::BTreeMap;

use resonate_core::id::Id;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::{Task, TaskState};

use super::{Book, Hold, Op};

/// What was acknowledged last about the highest version that anybody was told of.
#[derive(Clone, Debug, Default)]
enum Stage {
    /// Nobody holds it.
    #[default]
    Free,
    /// Somebody holds it.
    Held,
    /// It waits for any of these.
    Suspended(Vec<String>),
    /// It is done, which was known after so many events.
    Fulfilled(u64),
}

/// Whether a task is halted, as far as anybody was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Halted {
    #[default]
    No,
    Maybe,
    Yes,
}

/// What is known of a task.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// The highest version that was acknowledged.
    version: u64,
    stage: Stage,
    halted: Halted,
    /// The highest version that may have been taken from its holder by a halt.
    taken_away: u64,
    /// Who was told that he holds a version, and after how many events.
    holders: BTreeMap<u64, (Hold, u64)>,
    /// What may have taken effect.
    pub(super) doubts: Vec<Op>,
}

impl Held {
    pub(super) fn acquired(&mut self, hold: Hold, at: u64) -> Option<String> {
        let version = hold.version;
        if let Some((other, _)) = self.holders.get(&version) {
            return Some(format!("version {version} was acquired by {} and by {}", other.pid, hold.pid));
        }
        self.holders.insert(version, (hold, at));
        if version > self.version {
            (self.version, self.stage) = (version, Stage::Held);
        }
        None
    }

    pub(super) fn suspended(&mut self, version: u64, awaited: Vec<String>) {
        if version == self.version {
            self.stage = Stage::Suspended(awaited);
        }
    }

    pub(super) fn released(&mut self, version: u64) {
        if version == self.version {
            self.stage = Stage::Free;
        }
    }

    pub(super) fn fulfilled(&mut self, version: u64, at: u64) {
        if version >= self.version {
            (self.version, self.stage) = (version, Stage::Fulfilled(at));
        }
    }

    pub(super) fn may_be_halted(&mut self) {
        self.halted = Halted::Maybe;
    }

    pub(super) fn is_halted(&mut self) {
        self.halted = Halted::Yes;
    }

    pub(super) fn goes_on(&mut self) {
        self.halted = Halted::No;
        self.taken_away = self.highest();
    }

    /// The highest version that somebody may have acquired.
    fn highest(&self) -> u64 {
        self.asked_for().chain([self.version]).max().unwrap_or_default()
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Fulfilled(_))
    }

    /// What is wrong with a message that asks to run a version, by a process that was started after so many events: whatever was acknowledged
    /// before, that process must have found in the store.
    pub(super) fn executed(&self, version: u64, started: u64) -> Option<String> {
        let later = self.holders.range(version + 1..).find(|(_, (_, at))| *at < started);
        if let Some((later, (hold, at))) = later {
            let pid = &hold.pid;
            return Some(format!(
                "version {later} was acknowledged to {pid} after {at} events, the server was started after {started}"
            ));
        }
        match self.stage {
            Stage::Fulfilled(at) if at < started => {
                return Some("it was fulfilled before the server was started".to_owned());
            }
            Stage::Fulfilled(_) | Stage::Free | Stage::Held | Stage::Suspended(_) => {}
        }
        let highest = self.highest();
        (version > highest).then(|| format!("nobody has asked for a version above {highest}"))
    }

    /// Versions that somebody may have acquired.
    fn asked_for(&self) -> impl Iterator<Item = u64> {
        self.doubts.iter().filter_map(|op| match op {
            Op::Acquire(_, hold) => Some(hold.version),
            _ => None,
        })
    }

    fn is_doubted(&self, is: impl Fn(&Op) -> bool) -> bool {
        self.doubts.iter().any(is)
    }

    /// Whether a client may have suspended this version, on promises whose callbacks are all there.
    fn may_be_suspended(&self, found: &Task, snapshot: &Snapshot) -> bool {
        let rung = |awaited: &[String]| {
            awaited.iter().all(|awaited| {
                let awaited = Id::parse(awaited).expect("an id");
                snapshot.callbacks.contains(&(awaited, found.id.clone()))
            })
        };
        let told = matches!(&self.stage, Stage::Suspended(awaited) if found.version == self.version && rung(awaited));
        told || self.is_doubted(
            |op| matches!(op, Op::Suspend { version, awaited, .. } if *version == found.version && rung(awaited)),
        )
    }

    /// Whether somebody may hold this version.
    fn may_be_held(&self, found: &Task) -> bool {
        let pid = found.lease.as_ref().map_or("", |lease| &*lease.pid);
        let is_still = found.version > self.version || matches!(self.stage, Stage::Held);
        let told = self.holders.get(&found.version).is_some_and(|(hold, _)| hold.pid == pid);
        is_still
            && (told
                || self.is_doubted(
                    |op| matches!(op, Op::Acquire(_, hold) if hold.version == found.version && hold.pid == pid),
                ))
    }

    /// Whether this version may wait for a worker.
    fn may_be_pending(&self, found: &Task, snapshot: &Snapshot, now: u64) -> bool {
        if self.halted == Halted::Maybe || found.version <= self.taken_away {
            return true;
        }
        let given_back = self.is_doubted(|op| match op {
            Op::Release { version, .. } | Op::Suspend { version, .. } => *version == found.version,
            Op::Acquire(_, hold) => hold.version == found.version && hold.until <= now,
            _ => false,
        });
        if given_back || found.version > self.version {
            return given_back;
        }
        match &self.stage {
            Stage::Free => true,
            Stage::Held => self.holders.get(&found.version).is_some_and(|(hold, _)| hold.until <= now),
            Stage::Suspended(awaited) => awaited.iter().any(|awaited| {
                let promise = snapshot.promises.get(&Id::parse(awaited).expect("an id"));
                promise.is_some_and(|promise| promise.settled_at.is_some())
            }),
            Stage::Fulfilled(_) => false,
        }
    }

    fn check(&self, found: &Task, snapshot: &Snapshot, now: u64) -> Option<String> {
        let Self { version, stage, .. } = self;
        if found.version < *version {
            return Some(format!("version {version} was acknowledged, and it is at {}", found.version));
        }
        if let Some(nobodys) =
            (version + 1..=found.version).find(|version| !self.asked_for().any(|asked| asked == *version))
        {
            return Some(format!("nobody has asked for version {nobodys}"));
        }
        let fits = match found.state {
            TaskState::Pending => self.may_be_pending(found, snapshot, now),
            TaskState::Acquired => self.may_be_held(found),
            TaskState::Suspended => self.may_be_suspended(found, snapshot),
            TaskState::Halted => self.halted != Halted::No,
            // Together with its promise, which is looked at by itself.
            TaskState::Fulfilled => true,
        };
        let fits = fits && (self.halted != Halted::Yes || found.state == TaskState::Halted);
        let over = !matches!(stage, Stage::Fulfilled(_)) || found.state == TaskState::Fulfilled;
        (!fits || !over).then(|| {
            format!(
                "it was acknowledged as {stage:?} at version {version}, and is {found:?}; in doubt: {:?}",
                self.doubts
            )
        })
    }
}

impl Book {
    pub(super) fn check_tasks(&self, found: &Snapshot, now: u64) -> Vec<String> {
        let wrong = self.tasks.iter().filter_map(|(name, held)| {
            let why = match found.tasks.get(&Id::parse(name).expect("an id")) {
                Some(task) => held.check(task, found, now),
                // Whether its promise is there is looked at by itself, and whether a promise has its task.
                None => (held.version > 0).then(|| format!("it is gone, and was at version {}", held.version)),
            };
            why.map(|why| format!("the task {name}: {why}"))
        });
        wrong.collect()
    }
}
