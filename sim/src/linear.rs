//! Histories of concurrent clients, checked against the machine: is there one order of everything that was asked, in keeping with what was answered
//! before what was asked, in which the machine, one request after the other, gives every answer?
//!
//! Owns the question and what it is worth: [`History`] is what was seen, [`check`] answers, and a [`Contradiction`] shows the least that no order
//! explains. What happens between requests (deadlines, leases that end, schedules, purges) nobody has seen: it may have happened once it was due.
//! Knows no server, no clock and no file.
//!
//! - A request without an answer may have taken effect once, or not at all.
//! - Requests are checked together where they share an id, see `component`. A heartbeat is one for each of its tasks: its answer says nothing, so
//!   that nobody can tell. Searches are left out, and counted: a page is one look at everything.
//! - Preloads are not compared: they only show what a branch held a moment ago, and a branch would tie everything to everything.
//! - Messages are no answers. What only they and the retry clock need of a task is left out of the state.

mod answer;
mod component;
mod history;
mod moves;
mod page;
mod report;
mod search;
mod shrink;
mod state;

pub use answer::Answer;
pub use history::{Checked, Contradiction, History, Moment, Operation, Placed, Stuck};

use component::components;
use search::{Found, search};

/// States that are looked at in one component before it is given up.
const STATES_MAX: u64 = 200_000;

/// Looks for an order. The first contradiction ends it.
#[must_use]
pub fn check(history: &History) -> Checked {
    check_within(history, STATES_MAX)
}

/// The same, with so many states for each component.
fn check_within(history: &History, states_max: u64) -> Checked {
    let mut checked = Checked::default();
    let split = components(history);
    checked.left_out = split.left_out;
    checked.operations = history.operations.len() - split.left_out;
    if let Some(at) = history.operations.iter().position(|operation| !history.is_within_its_call(operation)) {
        checked.contradiction = Some(Contradiction::outside(history, at));
        return checked;
    }
    for component in split.components {
        checked.components += 1;
        checked.largest = checked.largest.max(component.items.len());
        let searched = search(history, &component, states_max);
        checked.states += searched.states;
        match searched.found {
            Found::Order => {}
            Found::GaveUp => checked.gave_up += 1,
            Found::None { placed, stuck } => {
                checked.contradiction = Some(Contradiction::of(history, &component, &placed, stuck));
                return checked;
            }
        }
    }
    checked
}
