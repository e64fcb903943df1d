//! Many requests at one instant, in order, each seeing the writes before it. Owns the order and the overlay; loads and commits nothing
//! itself: [`Batch::step`] says what the host has to do next.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::decide::{Decision, Missing, decide};
use crate::effect::Effect;
use crate::id::Id;
use crate::limits::{FOLLOW_UPS_PER_BATCH_MAX, LOOKS_PER_REQUEST_MAX, REQUEST_LOADS_MAX};
use crate::message::MessageKey;
use crate::mutant::Mutant;
use crate::read::Read;
use crate::records::Records;
use crate::reply::Reply;
use crate::request::Request;
use crate::rules::Rules;
use crate::shown::shown;
use crate::time::Timestamp;
use crate::write::Write;

/// What the host has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Load these into [`Batch::records`], then step again.
    Load(Vec<Read>),
    /// Write [`Batch::writes`] and commit, then take [`Batch::finish`].
    Commit,
}

/// What one request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer.
    pub reply: Reply,
    /// What to do after the commit.
    pub effects: Vec<Effect>,
    /// Promises that the answer shows settled by a deadline that no write stands for, see [`Decision::projected`].
    pub projected: Vec<Id>,
}

/// What a batch came to. Valid only once its writes are durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Outcomes of the first requests, in their order. There may be fewer than requests: the rest needs another batch.
    pub outcomes: Vec<Outcome>,
    /// Background requests that followed from them, and their outcomes.
    pub follow_ups: Vec<(Request, Outcome)>,
    /// Number of writes.
    pub writes: usize,
    /// The instant of all of it.
    pub now: Timestamp,
}

/// Queues what follows from a request, behind as many follow-ups as are `done` already. Whether some had no room: they are due all the same, and a
/// sweep right after the batch finds them.
pub(crate) fn queue(waiting: &mut VecDeque<Request>, follow_ups: Vec<Request>, done: usize) -> bool {
    let room = FOLLOW_UPS_PER_BATCH_MAX.saturating_sub(done + waiting.len());
    let overflows = follow_ups.len() > room;
    waiting.extend(follow_ups.into_iter().take(room));
    overflows
}

/// Many requests at one instant.
#[derive(Debug)]
pub struct Batch<'a> {
    rules: Cow<'a, Rules>,
    now: Timestamp,
    requests: Cow<'a, [Request]>,
    /// What has been loaded, with the writes of this batch on top.
    records: Records,
    writes: Vec<Write>,
    outcomes: Vec<Outcome>,
    waiting: VecDeque<Request>,
    follow_ups: Vec<(Request, Outcome)>,
    /// Loads since a request was last decided.
    loads: usize,
    hinted: bool,
    follow_ups_hinted: bool,
    /// How often a request may still be tried before its turn, to learn what it misses.
    looks_left: usize,
}

impl<'a> Batch<'a> {
    /// A batch of these requests at `now`.
    #[must_use]
    pub fn new(rules: &'a Rules, requests: &'a [Request], now: Timestamp) -> Self {
        Self::of(Cow::Borrowed(rules), Cow::Borrowed(requests), now)
    }

    fn of(rules: Cow<'a, Rules>, requests: Cow<'a, [Request]>, now: Timestamp) -> Self {
        Self {
            rules,
            now,
            records: Records::open(),
            writes: Vec::with_capacity(requests.len()),
            outcomes: Vec::with_capacity(requests.len()),
            requests,
            waiting: VecDeque::new(),
            follow_ups: Vec::new(),
            loads: 0,
            hinted: false,
            follow_ups_hinted: false,
            looks_left: 0,
        }
    }

    /// A batch that outlives the call that began it, for hosts that load while they do other things.
    #[must_use]
    pub fn owned(rules: Rules, requests: Vec<Request>, now: Timestamp) -> Batch<'static> {
        Batch::of(Cow::Owned(rules), Cow::Owned(requests), now)
    }

    /// The same without prefetching, to show that hints change no answer.
    #[must_use]
    pub fn without_hints(rules: &'a Rules, requests: &'a [Request], now: Timestamp) -> Self {
        Self { hinted: true, follow_ups_hinted: true, ..Self::new(rules, requests, now) }
    }

    /// Where loaded rows go.
    pub fn records(&mut self) -> &mut Records {
        &mut self.records
    }

    /// The changes so far, in order.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// What the requests are sure to need, to be loaded before the first step. Without this the first step asks for it.
    pub fn hints(&mut self) -> Vec<Read> {
        self.hinted = true;
        let hints = if self.looks_left > 0 { Request::hints_at_a_distance } else { Request::hints };
        self.unknown_of(self.requests.iter().flat_map(hints)).unwrap_or_default()
    }

    /// Sets the instant of the batch, of a store that has told it with the first load.
    ///
    /// # Panics
    /// When something has been decided already.
    pub fn begin_at(&mut self, now: Timestamp) {
        assert!(self.outcomes.is_empty(), "a batch has one instant");
        self.now = now;
    }

    /// Lets a missing record ask for what the requests behind miss too: fewer loads for more decisions. No answer depends on it.
    pub fn look_ahead(&mut self) {
        self.looks_left = self.requests.len().saturating_mul(LOOKS_PER_REQUEST_MAX);
    }

    /// Goes on until a record is missing or everything is decided.
    ///
    /// # Panics
    /// When a store does not answer what it was asked (a request misses the same records for ever), or a decision contradicts its own
    /// records.
    pub fn step(&mut self) -> Step {
        if !self.hinted {
            let hints = self.hints();
            if !hints.is_empty() {
                return Step::Load(hints);
            }
        }
        while let Some(request) = self.requests.get(self.outcomes.len()) {
            match decide(&self.rules, request, self.now, &self.records) {
                Ok(decision) => {
                    let outcome = self.take(decision);
                    self.outcomes.push(outcome);
                }
                // What follows from the requests before it still runs in this batch.
                Err(Missing(reads)) if self.must_commit_first(&reads) => break,
                Err(Missing(reads)) => return self.load(reads),
            }
        }
        if !self.follow_ups_hinted {
            self.follow_ups_hinted = true;
            if let Some(hints) = self.unknown_of(self.waiting.iter().flat_map(Request::hints)) {
                return Step::Load(hints);
            }
        }
        while let Some(request) = self.waiting.front() {
            match decide(&self.rules, request, self.now, &self.records) {
                Ok(decision) => {
                    let outcome = self.take(decision);
                    self.follow_ups.extend(self.waiting.pop_front().map(|request| (request, outcome)));
                }
                Err(Missing(reads)) => return self.load(reads),
            }
        }
        Step::Commit
    }

    /// Those of these reads that nothing is known of yet, in order.
    fn unknown_of(&self, hints: impl Iterator<Item = Read>) -> Option<Vec<Read>> {
        let mut hints: Vec<Read> = hints.filter(|read| !self.records.knows(read)).collect();
        hints.sort_unstable();
        hints.dedup();
        (!hints.is_empty()).then_some(hints)
    }

    /// A page of a search cannot be loaded over writes that the store does not have yet.
    fn must_commit_first(&self, reads: &[Read]) -> bool {
        !self.writes.is_empty() && reads.iter().any(Read::is_search)
    }

    fn load(&mut self, mut reads: Vec<Read>) -> Step {
        self.loads += 1;
        assert!(self.loads <= REQUEST_LOADS_MAX, "the store does not answer {}", shown(&reads));
        if self.looks_left > 0 {
            self.add_missed_behind(&mut reads);
        }
        Step::Load(reads)
    }

    /// What the requests behind the one whose turn it is miss as well, as far as it shows by now.
    fn add_missed_behind(&mut self, reads: &mut Vec<Read>) {
        let behind = self.requests.iter().skip(self.outcomes.len() + 1).chain(self.waiting.iter().skip(1));
        for request in behind.take(self.looks_left) {
            self.looks_left -= 1;
            if let Err(Missing(more)) = decide(&self.rules, request, self.now, &self.records) {
                reads.extend(more.into_iter().filter(|read| !read.is_search()));
            }
        }
        reads.sort_unstable();
        reads.dedup();
    }

    fn take(&mut self, decision: Decision) -> Outcome {
        self.loads = 0;
        let Decision { reply, writes, mut effects, follow_ups, projected } = decision;
        let seen = if self.rules.mutated(Mutant::OverlayForgotten) { &[] } else { &writes[..] };
        for write in seen {
            let applied = write.apply_to(&mut self.records);
            assert!(applied.is_ok(), "a decision contradicts the records it was made of: {}", shown(write));
            if let Write::InsertTask(task) = write {
                // A task that did not exist has no message: that need not be looked up.
                self.records.learn_message(&MessageKey::Execute { task: task.id.clone() }, None);
            }
        }
        if !writes.is_empty() {
            self.records.forget_pages();
        }
        self.writes.extend(writes);
        let follow_ups = if self.rules.mutated(Mutant::FollowUpsForgotten) { Vec::new() } else { follow_ups };
        let done = self.follow_ups.len();
        effects.extend(queue(&mut self.waiting, follow_ups, done).then_some(Effect::WakeAt(self.now)));
        Outcome { reply, effects, projected }
    }

    /// What the batch came to, once its writes are durable.
    #[must_use]
    pub fn finish(self) -> Finished {
        let Self { outcomes, follow_ups, writes, now, .. } = self;
        Finished { outcomes, follow_ups, writes: writes.len(), now }
    }
}
