//! The least that no order explains. Only what makes a history say less is tried, so that what is left is no order's fault but the server's: its end
//! is cut off, an answer is forgotten, what has changed nothing by its own answer is left out.

use super::check_within;
use super::component::components;
use super::history::{Contradiction, History, Operation};

/// States that one attempt may look at, and all of them together.
const ATTEMPT_STATES_MAX: u64 = 20_000;
const STATES_MAX: u64 = 400_000;

impl Contradiction {
    /// The same without what it does not need, as far as that is found in a bounded time.
    #[must_use]
    pub fn shrunk(self) -> Self {
        if self.history.operations.len() <= 1 {
            return self;
        }
        let mut shrinking = Shrinking { best: self, states_left: STATES_MAX };
        shrinking.cut();
        shrinking.forget();
        shrinking.drop_strangers();
        shrinking.best
    }
}

struct Shrinking {
    best: Contradiction,
    states_left: u64,
}

impl Shrinking {
    /// Takes a smaller history where it contradicts itself still. The operations of the component that does are all that stays.
    fn take(&mut self, history: &History) -> bool {
        let checked = check_within(history, ATTEMPT_STATES_MAX.min(self.states_left));
        self.states_left = self.states_left.saturating_sub(checked.states);
        let Some(found) = checked.contradiction else { return false };
        self.best = found;
        true
    }

    /// Cuts off the end: what was sent behind it goes, what was answered behind it is not known.
    fn cut(&mut self) {
        let whole = self.best.history.clone();
        let mut ends: Vec<u64> =
            whole.operations.iter().filter_map(|operation| Some(operation.returned?.order)).collect();
        ends.sort_unstable();
        let (mut too_few, mut enough) = (0, ends.len());
        while too_few + 1 < enough {
            let middle = usize::midpoint(too_few, enough);
            if self.take(&until(&whole, ends[middle - 1])) {
                enough = middle;
            } else {
                too_few = middle;
            }
        }
    }

    /// Forgets answers, in halves, quarters and so on.
    fn forget(&mut self) {
        let mut size = self.best.history.operations.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < self.best.history.operations.len() {
                let before = self.best.history.operations.len();
                let smaller = without(&self.best.history, at, size);
                let changed = smaller.operations != self.best.history.operations;
                if !(changed && self.take(&smaller) && self.best.history.operations.len() < before) {
                    at += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    /// Leaves out what has no id in common with what was answered, once answers were forgotten.
    fn drop_strangers(&mut self) {
        let mut kept: Vec<usize> = Vec::new();
        for component in components(&self.best.history).components {
            if component.items.iter().any(|item| item.answer.is_some()) {
                kept.extend(component.items.iter().map(|item| item.operation));
            }
        }
        let operations = self.best.history.operations.iter().enumerate().filter(|(number, _)| kept.contains(number));
        let operations = operations.map(|(_, operation)| operation.clone()).collect();
        let smaller = History { operations, ..self.best.history.without_operations() };
        self.take(&smaller);
    }
}

fn until(history: &History, end: u64) -> History {
    let mut cut = history.clone();
    cut.operations.retain(|operation| operation.invoked.order <= end);
    for operation in &mut cut.operations {
        if operation.returned.is_some_and(|returned| returned.order > end) {
            (operation.returned, operation.answer) = (None, None);
        }
    }
    cut
}

/// The history without the answers of some operations, and without those that then mean nothing.
fn without(history: &History, at: usize, size: usize) -> History {
    let mut operations = Vec::new();
    for (number, operation) in history.operations.iter().enumerate() {
        if !(at..at + size).contains(&number) {
            operations.push(operation.clone());
        } else if !is_idle(operation) {
            operations.push(Operation { answer: None, ..operation.clone() });
        }
    }
    History { operations, ..history.without_operations() }
}

/// Whether it has certainly changed nothing.
fn is_idle(operation: &Operation) -> bool {
    operation.request.is_read() || operation.answer.as_ref().is_some_and(super::Answer::is_idle)
}
