//! What was seen of concurrent clients, and what is said of it.

use resonate_core::request::Request;
use resonate_core::rules::Rules;
use resonate_core::time::{Millis, Timestamp};

use super::answer::Answer;
use super::component::Component;

/// A moment as clients know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Its place among all moments of the history; no two have the same.
    pub order: u64,
    /// What a clock showed.
    pub at: Timestamp,
}

/// One transmission of a request, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Who has sent it.
    pub client: u64,
    /// What was asked for.
    pub request: Request,
    /// When it was sent.
    pub invoked: Moment,
    /// When it was over: behind this it takes no effect. Without it that may happen at any later time.
    pub returned: Option<Moment>,
    /// The answer; nothing when nobody knows one.
    pub answer: Option<Answer>,
    /// The instant at which it was decided, where that is known. Who knows an answer knows its instant.
    pub now: Option<Timestamp>,
    /// No clock of a server has shown a later instant before it was over.
    pub latest: Timestamp,
    /// Where it is tried first: the lower, the earlier. Any number is right, a good one is fast.
    pub rank: u64,
}

/// Everything that was seen.
#[derive(Clone, Debug)]
pub struct History {
    /// In any order.
    pub operations: Vec<Operation>,
    /// The dials of the servers.
    pub rules: Rules,
    /// By how much clocks of clients and servers differ, where an answer's instant must lie within its call. Nothing where they agree on nothing.
    pub tolerance: Option<Millis>,
    /// Whether settled promises may have been removed.
    pub purges: bool,
}

impl History {
    /// Whether the instant of an operation lies between its moments.
    pub(super) fn is_within_its_call(&self, operation: &Operation) -> bool {
        let (Some(tolerance), Some(now)) = (self.tolerance, operation.now) else { return true };
        let returned = operation.returned.map_or(Timestamp::MAX, |returned| returned.at + tolerance);
        operation.invoked.at <= now + tolerance && now <= returned
    }
}

/// An operation at its place in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its number in the history.
    pub operation: usize,
    /// The instant of the machine.
    pub now: Timestamp,
}

/// An operation that fits nowhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Stuck {
    /// Its number in the history.
    pub operation: usize,
    /// What the machine would have said; nothing where its instant is what does not fit.
    pub machine: Option<Answer>,
}

/// Operations that no order explains.
#[derive(Clone, Debug)]
pub struct Contradiction {
    /// The least that was found, in the order in which it was sent.
    pub history: History,
    /// The order that gets furthest.
    pub placed: Vec<Placed>,
    /// None of these can be next.
    pub stuck: Vec<Stuck>,
}

impl Contradiction {
    pub(super) fn outside(history: &History, at: usize) -> Self {
        let history = History { operations: vec![history.operations[at].clone()], ..history.without_operations() };
        Self { history, placed: Vec::new(), stuck: vec![Stuck { operation: 0, machine: None }] }
    }

    /// What was found of a component, whose operations become the history.
    pub(super) fn of(history: &History, component: &Component, placed: &[Placed], stuck: Vec<Stuck>) -> Self {
        let mut numbers: Vec<usize> = component.items.iter().map(|item| item.operation).collect();
        numbers.sort_unstable_by_key(|number| history.operations[*number].invoked);
        numbers.dedup();
        let place = |number: usize| numbers.iter().position(|kept| *kept == number).unwrap_or_default();
        let operations = numbers.iter().map(|number| history.operations[*number].clone()).collect();
        Self {
            placed: placed.iter().map(|placed| Placed { operation: place(placed.operation), ..*placed }).collect(),
            stuck: stuck.into_iter().map(|stuck| Stuck { operation: place(stuck.operation), ..stuck }).collect(),
            history: History { operations, ..history.without_operations() },
        }
    }
}

impl History {
    pub(super) fn without_operations(&self) -> Self {
        Self { operations: Vec::new(), rules: self.rules.clone(), ..*self }
    }
}

/// What a check came to.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Operations that were checked.
    pub operations: usize,
    /// Searches, which are not.
    pub left_out: usize,
    /// Parts of the history that have no id in common.
    pub components: usize,
    /// Operations in the largest of them.
    pub largest: usize,
    /// States that were looked at.
    pub states: u64,
    /// Components for which no order was found, and not every one tried.
    pub gave_up: usize,
    /// What no order explains.
    pub contradiction: Option<Contradiction>,
}
