//! Batches over a store that has all of its records at hand: nothing is loaded, nothing is copied, and no commit can fail. They come to the same
//! as [`crate::drive::run`] does.

use std::collections::VecDeque;

use crate::batch::{Finished, Outcome, queue};
use crate::decide::Decision;
use crate::effect::Effect;
use crate::request::Request;
use crate::rules::Rules;
use crate::time::Timestamp;

/// A store that has all of its records at hand.
pub trait AtHand {
    /// Decides one request and makes its changes.
    ///
    /// # Panics
    /// When the machine contradicts itself.
    fn apply(&mut self, rules: &Rules, request: &Request, now: Timestamp) -> Decision;
}

/// Runs requests at one instant, in order, then what follows from them.
///
/// The result may cover fewer requests than given, never none: call again for the rest.
pub fn run(store: &mut dyn AtHand, rules: &Rules, requests: &[Request], now: Timestamp) -> Finished {
    let mut finished = Finished { now, ..Finished::default() };
    let mut waiting = VecDeque::new();
    for request in requests {
        // As in a batch that loads: a page is read once the writes before it, and what follows from them, are in the store.
        if finished.writes > 0 && request.is_search() {
            break;
        }
        let outcome = take(store.apply(rules, request, now), &mut finished, &mut waiting, now);
        finished.outcomes.push(outcome);
    }
    while let Some(request) = waiting.pop_front() {
        let outcome = take(store.apply(rules, &request, now), &mut finished, &mut waiting, now);
        finished.follow_ups.push((request, outcome));
    }
    finished
}

fn take(decision: Decision, finished: &mut Finished, waiting: &mut VecDeque<Request>, now: Timestamp) -> Outcome {
    let Decision { reply, writes, mut effects, follow_ups, projected } = decision;
    finished.writes += writes.len();
    effects.extend(queue(waiting, follow_ups, finished.follow_ups.len()).then_some(Effect::WakeAt(now)));
    Outcome { reply, effects, projected }
}
