//! The search for an order, depth first (Wing and Gong), where no set of operations is tried twice in the same state (Lowe). Owns the order of the
//! attempts and their bound.

use std::collections::BTreeSet;
use std::rc::Rc;

use resonate_core::request::Request;
use resonate_core::time::Timestamp;
use resonate_core::write::Write;

use super::component::{Component, Item};
use super::history::{History, Placed, Stuck};
use super::moves::{Move, steps};
use super::state::{State, mixed};

/// What a search came to.
#[derive(Debug)]
pub(super) enum Found {
    /// There is an order.
    Order,
    /// There is none: the furthest that one got, and what could not be next.
    None { placed: Vec<Placed>, stuck: Vec<Stuck> },
    /// Not every order was tried.
    GaveUp,
}

/// The same, with what it cost.
#[derive(Debug)]
pub(super) struct Searched {
    pub(super) found: Found,
    pub(super) states: u64,
}

/// A point of the search.
struct Node {
    state: Rc<State>,
    /// The state is that of the next point.
    is_spent: bool,
    /// What has not been tried from here, the best last.
    moves: Vec<Move>,
    /// The item that has led here, and all items that are done, as a number.
    taken: Option<usize>,
    done: u64,
    answered: usize,
    /// The last invocation among what is done: what had returned before it comes too late.
    floor: u64,
    /// Every item with an answer before this one is done.
    first: usize,
}

struct Search<'a> {
    history: &'a History,
    component: &'a Component,
    /// Items that were answered, and those that were not, as they were sent.
    answered: Vec<usize>,
    unknown: Vec<usize>,
    done: Vec<bool>,
    placed: Vec<Placed>,
    seen: BTreeSet<(u64, u64, Option<usize>)>,
    best: Option<(usize, Vec<Placed>, Vec<Stuck>)>,
}

/// Looks for an order of a component's items.
pub(super) fn search(history: &History, component: &Component, states_max: u64) -> Searched {
    let items = 0..component.items.len();
    let (answered, unknown) = items.partition(|item| component.items[*item].answer.is_some());
    let mut search = Search {
        history,
        component,
        answered,
        unknown,
        done: vec![false; component.items.len()],
        placed: Vec::new(),
        seen: BTreeSet::new(),
        best: None,
    };
    let mut states = 0;
    let found = search.run(&mut states, states_max);
    Searched { found, states }
}

impl Search<'_> {
    fn run(&mut self, states: &mut u64, states_max: u64) -> Found {
        if self.answered.is_empty() {
            return Found::Order;
        }
        let mut root = Node {
            state: Rc::new(State::default()),
            is_spent: false,
            moves: Vec::new(),
            taken: None,
            done: 0,
            answered: 0,
            floor: 0,
            first: 0,
        };
        root.moves = self.moves(&root, None);
        let mut path = vec![root];
        while let Some(node) = path.last_mut() {
            let Some(next) = node.moves.pop() else {
                self.leave(&mut path);
                continue;
            };
            let Some(next) = self.attempt(node, &next) else { continue };
            *states += 1;
            if next.answered == self.answered.len() {
                return Found::Order;
            }
            if *states > states_max {
                return Found::GaveUp;
            }
            if node.moves.is_empty() {
                // Nothing else is tried from there: a long history need not keep all of its states.
                (node.state, node.is_spent) = (Rc::clone(&next.state), true);
            }
            path.push(next);
        }
        let (_, placed, stuck) = self.best.take().unwrap_or_default();
        Found::None { placed, stuck }
    }

    /// Goes back from a point from which everything was tried.
    fn leave(&mut self, path: &mut Vec<Node>) {
        let Some(node) = path.pop() else { return };
        if !node.is_spent && self.best.as_ref().is_none_or(|(most, ..)| node.answered > *most) {
            let stuck = self.stuck(&node);
            if !stuck.is_empty() {
                self.best = Some((node.answered, self.placed.clone(), stuck));
            }
        }
        if let Some(item) = node.taken {
            self.done[item] = false;
            self.placed.pop();
        }
    }

    /// The point behind a move, unless it is none or has been at.
    fn attempt(&mut self, node: &mut Node, next: &Move) -> Option<Node> {
        let (component, rules) = (self.component, &self.history.rules);
        let (state, taken, forced) = match next {
            Move::Take(number, now) => {
                let item = &component.items[*number];
                let decision = node.state.decide(rules, &item.request, *now);
                let after = node.state.after(&changes(item, decision.writes));
                match &item.answer {
                    Some(answer) if answer.instead(&item.request, &decision.reply) != *answer => return None,
                    None if after.is_none() => return None,
                    Some(_) | None => {}
                }
                (after.map_or_else(|| Rc::clone(&node.state), Rc::new), Some((*number, *now)), None)
            }
            Move::Step(item, step) => {
                let after = node.state.after(&step.writes(&node.state, component, rules))?;
                (Rc::new(after), None, Some(*item))
            }
        };
        let mut next = Node {
            state,
            is_spent: false,
            moves: Vec::new(),
            taken: taken.map(|(item, _)| item),
            done: node.done,
            answered: node.answered,
            floor: node.floor,
            first: node.first,
        };
        if let Some((number, _)) = taken {
            next.done ^= mixed(number as u64 + 1);
        }
        if !self.seen.insert((next.done, next.state.digest(), forced)) {
            return None;
        }
        if let Some((number, now)) = taken {
            let item = &component.items[number];
            self.done[number] = true;
            self.placed.push(Placed { operation: item.operation, now });
            next.answered += usize::from(item.answer.is_some());
            next.floor = next.floor.max(item.invoked);
            while self.answered.get(next.first).is_some_and(|item| self.done[*item]) {
                next.first += 1;
            }
        }
        next.moves = self.moves(&next, forced);
        Some(next)
    }

    /// Answered items of which none must stand before another, and the instant by which the first of them was over.
    fn window(&self, node: &Node) -> (Vec<usize>, u64, Timestamp) {
        let (mut window, mut returned, mut until) = (Vec::new(), u64::MAX, Timestamp::MAX);
        for number in &self.answered[node.first..] {
            let item = self.item(*number);
            if item.invoked > returned {
                break;
            }
            if !self.done[*number] {
                window.push(*number);
                if item.returned < returned {
                    (returned, until) = (item.returned, item.latest);
                }
            }
        }
        (window, returned, until)
    }

    /// Items without an answer that may have taken effect by now, sent before `returned`.
    fn open(&self, node: &Node, returned: u64) -> impl Iterator<Item = usize> {
        let sent = self.unknown.iter().copied().take_while(move |number| self.item(*number).invoked <= returned);
        sent.filter(|number| !self.done[*number] && self.item(*number).returned > node.floor)
    }

    /// Whether an item changes nothing wherever it stands, and sees here what it has seen: then it may as well stand here. Unless something that may
    /// have taken effect by now would come too late behind it.
    fn may_go_first(&self, node: &Node, item: &Item) -> bool {
        let Some(answer) = item.answer.as_ref().filter(|_| item.is_quiet) else { return false };
        let decision = node.state.decide(&self.history.rules, &item.request, item.nows[0]);
        answer.instead(&item.request, &decision.reply) == *answer
            && node.state.after(&changes(item, decision.writes)).is_none()
            && self.open(node, item.invoked).all(|number| self.item(number).returned > item.invoked)
    }

    fn item(&self, number: usize) -> &Item {
        &self.component.items[number]
    }

    /// What may come next, the best last.
    fn moves(&self, node: &Node, forced: Option<usize>) -> Vec<Move> {
        let (mut window, returned, until) = self.window(node);
        let mut moves = Vec::new();
        if let Some(item) = forced {
            self.add(node, item, until, &mut moves);
        } else if let Some(quiet) = window.iter().find(|number| self.may_go_first(node, self.item(**number))) {
            moves.push(Move::Take(*quiet, self.item(*quiet).nows[0]));
        } else {
            window.extend(self.open(node, returned));
            window.sort_by_key(|number| self.item(*number).rank);
            for number in window {
                self.add(node, number, until, &mut moves);
            }
        }
        moves.reverse();
        moves
    }

    fn add(&self, node: &Node, number: usize, until: Timestamp, moves: &mut Vec<Move>) {
        let item = self.item(number);
        let until = until.min(item.latest);
        let nows = item.nows.iter().filter(|now| item.answer.is_some() || **now <= until);
        moves.extend(nows.map(|now| Move::Take(number, *now)));
        let steps = steps(&node.state, self.component, item, until, self.history.purges);
        moves.extend(steps.into_iter().map(|step| Move::Step(number, step)));
    }

    /// What the machine would say to each item that may come next.
    fn stuck(&self, node: &Node) -> Vec<Stuck> {
        let (window, ..) = self.window(node);
        let mut stuck = Vec::new();
        for number in window {
            let item = self.item(number);
            if let Some(answer) = &item.answer {
                let reply = node.state.decide(&self.history.rules, &item.request, item.nows[0]).reply;
                let machine = answer.instead(&item.request, &reply);
                // One that would fit leads to where nothing does.
                if machine != *answer {
                    stuck.push(Stuck { operation: item.operation, machine: Some(machine) });
                }
            }
        }
        stuck
    }
}

/// What an item changes. A listener is none of the state, and nor is that there is one.
fn changes(item: &Item, mut writes: Vec<Write>) -> Vec<Write> {
    if matches!(item.request, Request::RegisterListener { .. }) {
        writes.retain(|write| !matches!(write, Write::SetHasWaiters { .. }));
    }
    writes
}
