//! Workflows: what each of them does follows from its id alone, and so does what it must come to, whoever runs it, however often it is begun again.
//!
//! A workflow creates children in groups, waits until a group is settled, goes on, and ends with a result that all of its children's results are part
//! of. A child is another workflow, a timer, something that a person settles, or something that the worker settles itself.

use resonate_core::id::Id;
use resonate_core::promise::{PromiseState, Tags, tag};
use resonate_core::request::{CreatePromise, SettlePromise, Verdict};
use resonate_core::time::{Millis, Timestamp};
use resonate_core::value::Value;

use crate::digest::Digest;

/// Where workers of workflows wait.
pub(crate) const GROUP: &str = "flow";
/// What ids of workflows begin with.
pub(crate) const PREFIX: &str = "flow-";
/// How deep workflows call each other.
const DEPTH_MAX: usize = 2;
/// Longest sleep.
const SLEEP_MAX: u64 = 40_000;

/// What a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A workflow that some worker runs.
    Called,
    /// Settled by its deadline, after so many milliseconds.
    Timer(Millis),
    /// Settled by a person.
    Asked,
    /// Settled by the worker.
    Own,
}

/// A child of a workflow.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) id: Id,
    pub(crate) kind: Kind,
}

fn chance(of: &Id, what: &str) -> u64 {
    let mut digest = Digest::new();
    digest.text(of.as_str());
    digest.text(what);
    // The lowest bits of such a digest are poor.
    digest.value() >> 17
}

fn parse(text: &str) -> Id {
    Id::parse(text).expect("short ids without NUL")
}

/// The id of the n-th workflow that clients start.
pub(crate) fn root(number: u64) -> Id {
    parse(&format!("{PREFIX}{number}"))
}

/// Whether an id is of a workflow or a child of one.
pub(crate) fn is_ours(id: &str) -> bool {
    id.starts_with(PREFIX)
}

/// Whether a client has started it.
pub(crate) fn is_root(id: &Id) -> bool {
    is_ours(id.as_str()) && depth(id) == 0
}

/// The groups of children of a workflow, in the order in which it waits for them.
pub(crate) fn groups(of: &Id) -> Vec<Vec<Child>> {
    let groups = 1 + chance(of, "groups") % if depth(of) == 0 { 3 } else { 2 };
    (0..groups).map(|number| group(of, number)).collect()
}

fn group(of: &Id, group: u64) -> Vec<Child> {
    let children = 1 + chance(of, &format!("children {group}")) % 3;
    let child = |number: u64| {
        let id = parse(&format!("{of}.{group}{number}"));
        Child { kind: kind_of(&id), id }
    };
    (0..children).map(child).collect()
}

fn depth(of: &Id) -> usize {
    of.as_str().matches('.').count()
}

fn kind_of(child: &Id) -> Kind {
    match chance(child, "kind") % 10 {
        0..3 if depth(child) <= DEPTH_MAX => Kind::Called,
        0..5 => Kind::Timer(Millis::saturating(chance(child, "sleep") % SLEEP_MAX)),
        5..7 => Kind::Asked,
        _ => Kind::Own,
    }
}

/// Whether a promise is for a person to settle.
pub(crate) fn is_asked(child: &Id) -> bool {
    is_ours(child.as_str()) && kind_of(child) == Kind::Asked
}

/// Tags of something that workers run, within the tree of `branch`.
fn called(branch: &Id) -> Tags {
    Tags::from([
        (tag::TARGET.to_owned(), format!("poll://any@{GROUP}")),
        (tag::BRANCH.to_owned(), branch.as_str().to_owned()),
    ])
}

/// The creation of a workflow that a client starts.
pub(crate) fn start(of: &Id, timeout_at: Timestamp) -> CreatePromise {
    CreatePromise { id: of.clone(), timeout_at, param: Value::default(), tags: called(of), key: None }
}

/// The creation of a child; timers count from `now` as the worker knows it.
pub(crate) fn creation(child: &Child, parent: &Id, timeout_at: Timestamp, now: Timestamp) -> CreatePromise {
    let flag = |name: &str| Tags::from([(name.to_owned(), "true".to_owned())]);
    let (timeout_at, mut tags) = match child.kind {
        Kind::Called => (timeout_at, called(&child.id)),
        Kind::Timer(sleep) => (now + sleep, flag(tag::TIMER)),
        Kind::Asked | Kind::Own => (timeout_at, flag(tag::EXTERNAL)),
    };
    tags.entry(tag::BRANCH.to_owned()).or_insert_with(|| parent.as_str().to_owned());
    CreatePromise { id: child.id.clone(), timeout_at, param: Value::default(), tags, key: None }
}

/// How somebody settles a promise that is not a workflow: by its id alone, so that whoever does it twice says the same.
pub(crate) fn verdict(of: &Id) -> SettlePromise {
    let verdict = if chance(of, "verdict").is_multiple_of(4) { Verdict::Rejected } else { Verdict::Resolved };
    let value = Value { headers: None, data: Some(format!("answer {}", chance(of, "value") % 1000)) };
    SettlePromise { id: of.clone(), verdict, value, key: None }
}

/// The result of a child, as its parent sees it.
fn expected_of(child: &Child) -> (PromiseState, Option<String>) {
    match child.kind {
        Kind::Called => (PromiseState::Resolved, Some(expected(&child.id))),
        Kind::Timer(_) => (PromiseState::Resolved, None),
        Kind::Asked | Kind::Own => {
            let settle = verdict(&child.id);
            let state = match settle.verdict {
                Verdict::Resolved => PromiseState::Resolved,
                Verdict::Rejected => PromiseState::Rejected,
                Verdict::RejectedCanceled => PromiseState::RejectedCanceled,
            };
            (state, settle.value.data)
        }
    }
}

/// A result in the making.
#[derive(Clone, Debug)]
pub(crate) struct Sum(Digest);

impl Sum {
    pub(crate) fn new(of: &Id) -> Self {
        let mut digest = Digest::new();
        digest.text(of.as_str());
        Self(digest)
    }

    /// Takes in the result of a child.
    pub(crate) fn add(&mut self, state: PromiseState, data: Option<&str>) {
        self.0.text(state.name());
        self.0.text(data.unwrap_or("nothing"));
    }

    pub(crate) fn value(&self) -> String {
        format!("{:016x}", self.0.value())
    }
}

/// What a workflow must come to.
pub(crate) fn expected(of: &Id) -> String {
    let mut sum = Sum::new(of);
    for child in groups(of).iter().flatten() {
        let (state, data) = expected_of(child);
        sum.add(state, data.as_deref());
    }
    sum.value()
}

/// The settlement with which a workflow ends.
pub(crate) fn ending(of: &Id, sum: &Sum) -> SettlePromise {
    let value = Value { headers: None, data: Some(sum.value()) };
    SettlePromise { id: of.clone(), verdict: Verdict::Resolved, value, key: None }
}
