//! Rows in their order from a store on the other side, chunk by chunk until enough have been seen. The store narrows to what its indexes tell;
//! what matches, and how much finds room, is the core's to say, so that no store states it again.

use std::sync::Arc;

use resonate_core::id::Id;
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::read::Read;
use resonate_core::records::{Page, Records};
use resonate_core::schedule::Schedule;
use resonate_core::search::{
    PageRoom, PromiseOrder, SearchPromises, SearchSchedules, SearchTasks, StateFilter, has_all,
};
use resonate_core::task::Task;
use resonate_core::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::store::Failure;
use crate::fault::parse;

/// Rows of a first chunk where it is not known how many are wanted.
const FIRST_ROWS: usize = 32;
/// Rows of a chunk.
const ROWS_MAX: usize = 1024;
/// Bytes of a chunk's rows as JSON, before the last of them.
const BYTES_MAX: usize = 1 << 20;

/// What a store is asked for.
#[derive(Serialize)]
pub(super) struct Ask {
    rows: Rows,
    /// Rows at most.
    limit: usize,
    /// The row with which the rows' JSON is longer than this is the last.
    bytes: usize,
}

/// Rows in an order.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Rows {
    /// Promises by id.
    Promises { at: Place, states: Option<States> },
    /// Promises by creation and id, both descending, behind a pair.
    NewestPromises { after: Option<(Timestamp, Id)>, states: Option<States> },
    /// Promises of a branch by id.
    BranchPromises { branch: Arc<str>, at: Place },
    /// Tasks by id, each with its promise.
    Tasks { at: Place },
    /// Schedules by id.
    Schedules { at: Place },
}

/// Where rows begin.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// At this text or the first id behind it.
    From(String),
    /// Behind this id.
    After(Id),
}

impl Place {
    /// Behind `after`, and not before the first id with the prefix.
    fn of(after: Option<&Id>, prefix: &str) -> Self {
        match after {
            Some(after) if after.as_str() >= prefix => Self::After(after.clone()),
            Some(_) | None => Self::From(prefix.to_owned()),
        }
    }
}

/// Stored states that may look wanted: these, and pending with a deadline that has passed.
#[derive(Clone, Serialize)]
struct States {
    any_of: Vec<PromiseState>,
    overdue_at: Timestamp,
}

impl States {
    fn of(wanted: StateFilter, now: Timestamp) -> Self {
        let any_of = PromiseState::ALL.into_iter().filter(|state| wanted.wants(*state)).collect();
        Self { any_of, overdue_at: now }
    }
}

/// What a store answers.
#[derive(Deserialize)]
struct Chunk<R> {
    rows: Vec<R>,
    /// Whether rows may follow.
    more: bool,
}

/// Whether another row is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Another {
    Wanted,
    Unwanted,
}

impl Another {
    fn wanted_if(wanted: bool) -> Self {
        if wanted { Self::Wanted } else { Self::Unwanted }
    }
}

/// Where chunks come from.
pub(super) trait Chunks {
    fn chunk(&self, ask: &Ask) -> Result<String, Failure>;
}

/// Answers a read whose answer is a run of rows; false when it is none of those.
pub(super) fn load(chunks: &impl Chunks, read: &Read, records: &mut Records) -> Result<bool, Failure> {
    match read {
        Read::Promises { search, now } => {
            records.learn_page(read.clone(), Page::Promises(promises(chunks, search, *now)?));
        }
        Read::Tasks { search, now } => records.learn_page(read.clone(), Page::Tasks(tasks(chunks, search, *now)?)),
        Read::Schedules { search } => records.learn_page(read.clone(), Page::Schedules(schedules(chunks, search)?)),
        Read::Branch { branch, promises_max, bytes_max } => {
            records.learn_branch(branch, first_of_branch(chunks, branch, *promises_max, *bytes_max)?);
        }
        Read::Promise(_)
        | Read::Task(_)
        | Read::Schedule(_)
        | Read::Message(_)
        | Read::CallbacksOf { .. }
        | Read::ListenersOf { .. }
        | Read::UnblocksOf { .. }
        | Read::ReferringTo { .. }
        | Read::HeldBy { .. } => return Ok(false),
    }
    Ok(true)
}

/// A page of promises and one more.
fn promises(chunks: &impl Chunks, search: &SearchPromises, now: Timestamp) -> Result<Vec<Arc<Promise>>, Failure> {
    let states = search.state.map(|wanted| States::of(wanted, now));
    let prefix = search.prefix.as_deref().unwrap_or("");
    let ask = |last: Option<&Arc<Promise>>| match &search.order {
        PromiseOrder::ById { after } => {
            let after = last.map(|promise| &promise.id).or(after.as_ref());
            Rows::Promises { at: Place::of(after, prefix), states: states.clone() }
        }
        PromiseOrder::Newest { after } => {
            let after = last.map(|promise| (promise.created_at, promise.id.clone())).or_else(|| after.clone());
            Rows::NewestPromises { after, states: states.clone() }
        }
    };
    // In the order of ids those with a prefix lie together.
    let is_past = |promise: &Promise| match search.order {
        PromiseOrder::ById { .. } => !promise.id.starts_with(prefix),
        PromiseOrder::Newest { .. } => false,
    };
    let (mut found, mut room) = (Vec::new(), PageRoom::of(search.limit));
    walk(chunks, search.limit.saturating_add(1), ask, |promise| {
        if is_past(&promise) {
            return Another::Unwanted;
        }
        if !search.matches(&promise, now) {
            return Another::Wanted;
        }
        let another = room.take(promise.weight());
        found.push(promise);
        Another::wanted_if(another)
    })?;
    Ok(found)
}

type Pair = (Arc<Task>, Arc<Promise>);

/// A page of tasks with their promises, and one more.
fn tasks(chunks: &impl Chunks, search: &SearchTasks, now: Timestamp) -> Result<Vec<Pair>, Failure> {
    let prefix = search.prefix.as_deref().unwrap_or("");
    let ask = |last: Option<&Pair>| Rows::Tasks {
        at: Place::of(last.map(|(task, _)| &task.id).or(search.after.as_ref()), prefix),
    };
    let (mut found, mut room) = (Vec::new(), PageRoom::of(search.limit));
    walk(chunks, search.limit.saturating_add(1), ask, |(task, promise): Pair| {
        if !task.id.starts_with(prefix) {
            return Another::Unwanted;
        }
        if search.state.is_some_and(|state| task.state_as_of(&promise, now) != state) {
            return Another::Wanted;
        }
        let another = room.take(promise.weight());
        found.push((task, promise));
        Another::wanted_if(another)
    })?;
    Ok(found)
}

/// A page of schedules and one more.
fn schedules(chunks: &impl Chunks, search: &SearchSchedules) -> Result<Vec<Arc<Schedule>>, Failure> {
    let prefix = search.prefix.as_deref().unwrap_or("");
    let ask = |last: Option<&Arc<Schedule>>| Rows::Schedules {
        at: Place::of(last.map(|schedule| &schedule.id).or(search.after.as_ref()), prefix),
    };
    let (mut found, mut room) = (Vec::new(), PageRoom::of(search.limit));
    walk(chunks, search.limit.saturating_add(1), ask, |schedule| {
        if !schedule.id.starts_with(prefix) {
            return Another::Unwanted;
        }
        if !has_all(&schedule.promise_tags, &search.tags) {
            return Another::Wanted;
        }
        let another = room.take(schedule.weight());
        found.push(schedule);
        Another::wanted_if(another)
    })?;
    Ok(found)
}

fn first_of_branch(
    chunks: &impl Chunks,
    branch: &Arc<str>,
    promises_max: usize,
    bytes_max: usize,
) -> Result<Vec<Promise>, Failure> {
    let ask = |last: Option<&Promise>| Rows::BranchPromises {
        branch: Arc::clone(branch),
        at: Place::of(last.map(|promise| &promise.id), ""),
    };
    let (mut found, mut bytes) = (Vec::new(), 0);
    walk(chunks, FIRST_ROWS.min(promises_max), ask, |promise: Promise| {
        bytes += promise.weight();
        found.push(promise);
        Another::wanted_if(found.len() < promises_max && bytes <= bytes_max)
    })?;
    Ok(found)
}

/// Takes rows in their order until no other is wanted, or none follows. Chunks grow, so that a search that finds little asks seldom.
fn walk<R: Clone + DeserializeOwned>(
    chunks: &impl Chunks,
    first_rows: usize,
    ask: impl Fn(Option<&R>) -> Rows,
    mut take: impl FnMut(R) -> Another,
) -> Result<(), Failure> {
    let (mut limit, mut last) = (first_rows.clamp(1, ROWS_MAX), None);
    loop {
        let answer = chunks.chunk(&Ask { rows: ask(last.as_ref()), limit, bytes: BYTES_MAX })?;
        let Chunk { rows, more } = parse("scan", answer.as_bytes())?;
        last = rows.last().cloned();
        if more && last.is_none() {
            return Err(Failure::new("it says that rows follow and gives none"));
        }
        for row in rows {
            if take(row) == Another::Unwanted {
                return Ok(());
            }
        }
        if !more {
            return Ok(());
        }
        limit = (limit * 2).min(ROWS_MAX);
    }
}
