//! Which operations are checked together: those that name a common id, directly or through others. Owns what ids a request names, and the instants
//! at which a request without an answer may have been decided.

use std::collections::{BTreeMap, BTreeSet};

use resonate_core::id::Id;
use resonate_core::request::{Request, TaskRef};
use resonate_core::schedule::expand;
use resonate_core::time::Timestamp;

use super::answer::Answer;
use super::history::History;

/// Something that operations have in common: a promise and its task are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Promise(Id),
    Schedule(Id),
}

/// An operation, or the part of one that is about one task, as it is searched for.
#[derive(Debug)]
pub(super) struct Item {
    /// Its number in the history.
    pub(super) operation: usize,
    pub(super) request: Request,
    pub(super) invoked: u64,
    pub(super) returned: u64,
    /// What was answered, as it is compared; nothing when it may have taken effect or not.
    pub(super) answer: Option<Answer>,
    /// The instants that it may have been decided at.
    pub(super) nows: Vec<Timestamp>,
    pub(super) latest: Timestamp,
    pub(super) rank: u64,
    pub(super) keys: Vec<Key>,
    /// Whether it changes nothing, whatever it finds: it only looks, or its answer says so.
    pub(super) is_quiet: bool,
}

/// Operations that are checked together, in the order in which they were sent.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) items: Vec<Item>,
    /// Promises that any of them names.
    pub(super) promises: BTreeSet<Id>,
}

/// A history in its parts.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) components: Vec<Component>,
    /// Operations that are not checked.
    pub(super) left_out: usize,
}

/// What a request names; nothing for one that is not checked.
fn keys(request: &Request) -> Option<Vec<Key>> {
    let ids: Vec<&Id> = match request {
        Request::GetPromise { id }
        | Request::GetTask { id }
        | Request::HaltTask { id }
        | Request::ContinueTask { id } => vec![id],
        Request::CreatePromise(create) | Request::CreateTask { promise: create, .. } => vec![&create.id],
        Request::SettlePromise(settle) => vec![&settle.id],
        Request::RegisterCallback { awaited, awaiter } => vec![awaited, awaiter],
        Request::RegisterListener { awaited, .. } => vec![awaited],
        Request::AcquireTask { task, .. } | Request::ReleaseTask { task } => vec![&task.id],
        Request::FenceTask { task, action } => vec![&task.id, action.id()],
        Request::HeartbeatTasks { tasks, .. } => tasks.iter().map(|task| &task.id).collect(),
        Request::SuspendTask { task, awaited } => std::iter::once(&task.id).chain(awaited).collect(),
        Request::FulfillTask { task, settle } => vec![&task.id, &settle.id],
        Request::GetSchedule { id } | Request::DeleteSchedule { id } => return Some(vec![Key::Schedule(id.clone())]),
        Request::CreateSchedule(create) => return Some(vec![Key::Schedule(create.id.clone())]),
        Request::SearchPromises(_) | Request::SearchTasks(_) | Request::SearchSchedules(_) => return None,
        // Nobody asks for these.
        Request::TimeOutPromise { .. }
        | Request::DischargePromise { .. }
        | Request::ExpireLease { .. }
        | Request::DispatchTask { .. }
        | Request::RunSchedule { .. }
        | Request::PurgePromise { .. }
        | Request::ClaimMessage { .. }
        | Request::MessageDelivered { .. }
        | Request::MessageFailed { .. }
        | Request::MessageUnclaimed { .. } => return None,
    };
    Some(ids.into_iter().map(|id| Key::Promise(id.clone())).collect())
}

/// Tasks that each worker may hold at some time.
fn holders(history: &History) -> BTreeMap<&str, BTreeSet<&Id>> {
    let mut held: BTreeMap<&str, BTreeSet<&Id>> = BTreeMap::new();
    for operation in &history.operations {
        match &operation.request {
            Request::AcquireTask { task, pid, .. } => drop(held.entry(pid).or_default().insert(&task.id)),
            Request::CreateTask { pid, promise, .. } => drop(held.entry(pid).or_default().insert(&promise.id)),
            _ => {}
        }
    }
    held
}

/// The requests that an operation stands for: a heartbeat is one for each task.
fn parts(request: &Request, holders: &BTreeMap<&str, BTreeSet<&Id>>, strict: bool) -> Vec<(Request, Vec<Key>)> {
    let Request::HeartbeatTasks { pid, tasks, prefix } = request else {
        return keys(request).map(|keys| (request.clone(), keys)).into_iter().collect();
    };
    let one = |tasks: Vec<TaskRef>| Request::HeartbeatTasks { pid: pid.clone(), tasks, prefix: prefix.clone() };
    if tasks.is_empty() && !strict {
        // All that it holds: among those of a component, which are in its state, this is the whole of them.
        let held = holders.get(&**pid).into_iter().flatten();
        return held.map(|id| (one(Vec::new()), vec![Key::Promise((*id).clone())])).collect();
    }
    tasks.iter().map(|task| (one(vec![task.clone()]), vec![Key::Promise(task.id.clone())])).collect()
}

/// Whether a schedule makes promises of this id: at the instant that stands in it, if any does.
pub(super) fn makes(template: &str, schedule: &Id, promise: &Id) -> bool {
    let is = |at: Timestamp| expand(template, schedule, at).is_ok_and(|id| id == *promise);
    let digits = promise.as_str().split(|c: char| !c.is_ascii_digit()).filter_map(|text| text.parse().ok());
    is(Timestamp::ZERO) || digits.map(Timestamp::saturating).any(is)
}

/// Keys that belong together, as a forest.
#[derive(Debug, Default)]
struct Forest {
    numbers: BTreeMap<Key, usize>,
    above: Vec<usize>,
}

impl Forest {
    fn number(&mut self, key: &Key) -> usize {
        if let Some(number) = self.numbers.get(key) {
            return *number;
        }
        let number = self.above.len();
        self.numbers.insert(key.clone(), number);
        self.above.push(number);
        number
    }

    fn root(&mut self, mut number: usize) -> usize {
        while self.above[number] != number {
            self.above[number] = self.above[self.above[number]];
            number = self.above[number];
        }
        number
    }

    fn join(&mut self, one: &Key, other: &Key) {
        let (one, other) = (self.number(one), self.number(other));
        let (one, other) = (self.root(one), self.root(other));
        self.above[one] = other;
    }

    /// What schedules, by their templates and ids, make belongs to them.
    fn join_schedules(&mut self, schedules: &BTreeSet<(&str, &Id)>) {
        for (template, schedule) in schedules {
            let keys: Vec<Key> = self.numbers.keys().cloned().collect();
            for key in keys {
                match &key {
                    Key::Promise(id) if makes(template, schedule, id) => {
                        self.join(&key, &Key::Schedule((*schedule).clone()));
                    }
                    Key::Promise(_) | Key::Schedule(_) => {}
                }
            }
        }
    }
}

/// Takes a history apart.
pub(super) fn components(history: &History) -> Split {
    let holders = holders(history);
    let mut forest = Forest::default();
    let mut items: Vec<Item> = Vec::new();
    let mut left_out = 0;
    for number in 0..history.operations.len() {
        let request = &history.operations[number].request;
        left_out += usize::from(keys(request).is_none());
        for (request, keys) in parts(request, &holders, history.rules.strict) {
            keys.iter().for_each(|key| forest.join(&keys[0], key));
            items.extend(item(history, number, request, keys));
        }
    }
    let schedules = history.operations.iter().filter_map(|operation| match &operation.request {
        Request::CreateSchedule(create) => Some((create.promise_id.as_str(), &create.id)),
        _ => None,
    });
    forest.join_schedules(&schedules.collect());
    let mut components: BTreeMap<usize, Vec<Item>> = BTreeMap::new();
    for item in items {
        let number = forest.number(&item.keys[0]);
        components.entry(forest.root(number)).or_default().push(item);
    }
    Split { components: components.into_values().map(Component::of).collect(), left_out }
}

/// What of an operation is searched for. What can only show, or only keep something from happening that need not happen, need not have happened
/// where nobody knows.
fn item(history: &History, number: usize, request: Request, keys: Vec<Key>) -> Option<Item> {
    let operation = &history.operations[number];
    // Listeners are left out of the state.
    let looks = request.is_read() || matches!(request, Request::RegisterListener { .. });
    let is_quiet = looks || operation.answer.as_ref().is_some_and(Answer::is_idle);
    let is_idle = looks || matches!(request, Request::HeartbeatTasks { .. });
    if operation.answer.is_none() && is_idle {
        return None;
    }
    let earliest = history.tolerance.map_or(Timestamp::ZERO, |tolerance| {
        Timestamp::saturating(operation.invoked.at.as_millis().saturating_sub(tolerance.as_millis()))
    });
    Some(Item {
        operation: number,
        request,
        invoked: operation.invoked.order,
        returned: operation.returned.map_or(u64::MAX, |returned| returned.order),
        answer: operation.answer.as_ref().map(Answer::compared),
        nows: vec![operation.now.unwrap_or(earliest)],
        latest: operation.latest,
        rank: operation.rank,
        keys,
        is_quiet,
    })
    .map(|item| if operation.now.is_none() { Item { nows: instants(history, &item, earliest), ..item } } else { item })
}

/// Instants at which something without an answer may have been decided: the first possible one, and those that answers show of its ids or at which
/// one of them is due. Leases need not end when they may, so that the first possible one stands for all others.
fn instants(history: &History, item: &Item, earliest: Timestamp) -> Vec<Timestamp> {
    let mut instants = BTreeSet::from([earliest]);
    for operation in &history.operations {
        let named = keys(&operation.request).unwrap_or_default();
        if !named.iter().any(|key| item.keys.contains(key)) {
            continue;
        }
        instants.extend(operation.answer.iter().flat_map(Answer::instants));
        if let Request::CreatePromise(create) | Request::CreateTask { promise: create, .. } = &operation.request {
            instants.insert(create.timeout_at);
        }
    }
    instants.into_iter().filter(|at| (earliest..=item.latest).contains(at)).collect()
}

impl Component {
    fn of(mut items: Vec<Item>) -> Self {
        items.sort_by_key(|item| item.invoked);
        let keys = items.iter().flat_map(|item| &item.keys);
        let promises = keys.filter_map(|key| match key {
            Key::Promise(id) => Some(id.clone()),
            Key::Schedule(_) => None,
        });
        Self { promises: promises.collect(), items }
    }
}
