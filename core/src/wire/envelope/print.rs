//! Answers as bytes (spec §3): which status a reply has and what its data looks like. Prints what it is given and projects nothing; the machine
//! has done so.

use std::sync::Arc;

use serde::Serialize;

use super::record::{PromiseOut, ScheduleOut, TaskOut};
use super::snapshot::SnapshotOut;
use super::{VERSION, parse_promise};
use crate::promise::Promise;
use crate::reply::Reply;
use crate::request::{FencedAction, Request};
use crate::retention::Purged;
use crate::snapshot::Snapshot;
use crate::wire::cursor::{CursorKind, seal};

/// Bytes of an answer beside its records.
const FRAME_BYTES: usize = 512;
/// Bytes of a record beside its strings.
const RECORD_BYTES: usize = 256;

/// An answer: the body, and the status that is in its head and is HTTP's too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The envelope, as JSON.
    pub body: Vec<u8>,
}

/// The answer to a request of debugging.
#[derive(Clone, Copy, Debug)]
pub enum DebugReply<'a> {
    /// To `debug.start`, `debug.stop` and `debug.reset`.
    Done,
    /// To `debug.tick`.
    Ticked,
    /// To `debug.snap`; see [`super::print_snapshot`].
    Snapshot(&'a Snapshot),
}

#[derive(Serialize)]
struct EnvelopeOut<'a, D> {
    kind: &'a str,
    head: HeadOut<'a>,
    data: D,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadOut<'a> {
    corr_id: &'a str,
    status: u16,
    version: &'static str,
}

impl<'a, D> EnvelopeOut<'a, D> {
    fn new(kind: &'a str, corr_id: &'a str, status: u16, data: D) -> Self {
        Self { kind, head: HeadOut { corr_id, status, version: VERSION }, data }
    }
}

/// The data of a reply.
#[derive(Serialize)]
#[serde(untagged)]
enum ReplyOut<'a> {
    Promise {
        promise: PromiseOut<'a>,
    },
    Promises {
        promises: Vec<PromiseOut<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    Task {
        task: TaskOut<'a>,
    },
    Acquired {
        task: TaskOut<'a>,
        promise: PromiseOut<'a>,
        preload: Vec<PromiseOut<'a>>,
    },
    Fenced {
        action: Box<EnvelopeOut<'a, ReplyOut<'a>>>,
        preload: [PromiseOut<'a>; 0],
    },
    Redirected {
        preload: Vec<PromiseOut<'a>>,
    },
    Tasks {
        tasks: Vec<TaskOut<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    Schedule {
        schedule: ScheduleOut<'a>,
    },
    Schedules {
        schedules: Vec<ScheduleOut<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    Purged {
        examined: usize,
        purged: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    Done {},
    Refused(String),
}

/// What an answer needs to know of its request, taken before the request is given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The kind of the action behind a fence.
    fenced: Option<&'static str>,
}

impl Shape {
    /// The shape of the answer to a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let Request::FenceTask { task: _, action } = request else { return Self { fenced: None } };
        let fenced = match action {
            FencedAction::Create(_) => parse_promise::CREATE,
            FencedAction::Settle(_) => parse_promise::SETTLE,
        };
        Self { fenced: Some(fenced) }
    }
}

/// The answer to a request of the machine. Kind and correlation id are those of the envelope.
///
/// # Panics
/// When the reply is not one to a request of this shape.
#[must_use]
pub fn print(kind: &str, corr_id: &str, shape: Shape, reply: &Reply) -> Answer {
    let size = FRAME_BYTES + kind.len() + 2 * corr_id.len() + weight(reply);
    write(&EnvelopeOut::new(kind, corr_id, status(reply), reply_out(corr_id, shape, reply)), size)
}

/// The answer to a request of debugging.
#[must_use]
pub fn print_debug(kind: &str, corr_id: &str, reply: DebugReply<'_>) -> Answer {
    match reply {
        DebugReply::Done => write(&EnvelopeOut::new(kind, corr_id, 200, ReplyOut::Done {}), FRAME_BYTES),
        // What a tick did shows in the next snapshot.
        DebugReply::Ticked => write(&EnvelopeOut::new(kind, corr_id, 200, [(); 0]), FRAME_BYTES),
        DebugReply::Snapshot(snapshot) => {
            write(&EnvelopeOut::new(kind, corr_id, 200, SnapshotOut::of(snapshot)), FRAME_BYTES)
        }
    }
}

/// The answer to `promise.purge`.
#[must_use]
pub fn print_purged(kind: &str, corr_id: &str, purged: &Purged) -> Answer {
    let Purged { examined, purged, next } = purged;
    let cursor = next.as_ref().map(|next| seal(CursorKind::Settled, next));
    let out = ReplyOut::Purged { examined: *examined, purged: *purged, cursor };
    write(&EnvelopeOut::new(kind, corr_id, 200, out), FRAME_BYTES)
}

/// An answer that says what is wrong.
#[must_use]
pub fn print_error(kind: &str, corr_id: &str, status: u16, why: &str) -> Answer {
    write(&EnvelopeOut::new(kind, corr_id, status, why), FRAME_BYTES + kind.len() + corr_id.len() + why.len())
}

/// JSON as bytes.
pub(super) fn to_json<T: Serialize>(json: &T, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size);
    serde_json::to_writer(&mut bytes, json).expect("what is printed is plain JSON");
    bytes
}

fn write<D: Serialize>(envelope: &EnvelopeOut<'_, D>, size: usize) -> Answer {
    Answer { status: envelope.head.status, body: to_json(envelope, size) }
}

fn status(reply: &Reply) -> u16 {
    match reply {
        Reply::Refused(refusal) => refusal.status(),
        Reply::Redirected { .. } => 300,
        Reply::Promise(_)
        | Reply::Created { .. }
        | Reply::Settled { .. }
        | Reply::Promises { .. }
        | Reply::Task(_)
        | Reply::Acquired { .. }
        | Reply::Fenced(_)
        | Reply::Suspended
        | Reply::Fulfilled(_)
        | Reply::Tasks { .. }
        | Reply::Schedule(_)
        | Reply::Schedules { .. }
        | Reply::Done
        | Reply::Expired
        | Reply::Idle => 200,
    }
}

fn reply_out<'a>(corr_id: &'a str, shape: Shape, reply: &'a Reply) -> ReplyOut<'a> {
    match reply {
        Reply::Promise(promise)
        | Reply::Created { promise, fresh: _ }
        | Reply::Settled { promise, fresh: _ }
        | Reply::Fulfilled(promise) => ReplyOut::Promise { promise: PromiseOut::of(promise) },
        Reply::Promises { promises, more } => ReplyOut::Promises {
            promises: promises_out(promises),
            cursor: cursor(CursorKind::Promises, promises.last().map(|last| last.id.as_str()), *more),
        },
        Reply::Task(task) => ReplyOut::Task { task: TaskOut::of(task) },
        Reply::Acquired { task, promise, preload } => ReplyOut::Acquired {
            task: TaskOut::of(task),
            promise: PromiseOut::of(promise),
            preload: promises_out(preload),
        },
        Reply::Fenced(inner) => {
            let kind = shape.fenced.expect("only a fence is answered by a fenced reply");
            let action = EnvelopeOut::new(kind, corr_id, status(inner), reply_out(corr_id, shape, inner));
            ReplyOut::Fenced { action: Box::new(action), preload: [] }
        }
        Reply::Redirected { preload } => ReplyOut::Redirected { preload: promises_out(preload) },
        Reply::Tasks { tasks, more } => ReplyOut::Tasks {
            tasks: tasks.iter().map(|task| TaskOut::of(task)).collect(),
            cursor: cursor(CursorKind::Tasks, tasks.last().map(|last| last.id.as_str()), *more),
        },
        Reply::Schedule(schedule) => ReplyOut::Schedule { schedule: ScheduleOut::of(schedule) },
        Reply::Schedules { schedules, more } => ReplyOut::Schedules {
            schedules: schedules.iter().map(|schedule| ScheduleOut::of(schedule)).collect(),
            cursor: cursor(CursorKind::Schedules, schedules.last().map(|last| last.id.as_str()), *more),
        },
        Reply::Suspended | Reply::Done | Reply::Expired | Reply::Idle => ReplyOut::Done {},
        Reply::Refused(refusal) => ReplyOut::Refused(refusal.to_string()),
    }
}

fn promises_out(promises: &[Arc<Promise>]) -> Vec<PromiseOut<'_>> {
    promises.iter().map(|promise| PromiseOut::of(promise)).collect()
}

/// Where the search goes on; nothing behind the last page.
fn cursor(kind: CursorKind, last: Option<&str>, more: bool) -> Option<String> {
    last.filter(|_| more).map(|last| seal(kind, &last))
}

/// Bytes that the records of a reply need, roughly.
fn weight(reply: &Reply) -> usize {
    let promise = |promise: &Arc<Promise>| RECORD_BYTES + promise.weight();
    let all = |promises: &[Arc<Promise>]| promises.iter().map(promise).sum::<usize>();
    match reply {
        Reply::Promise(one)
        | Reply::Created { promise: one, .. }
        | Reply::Settled { promise: one, .. }
        | Reply::Fulfilled(one) => promise(one),
        Reply::Acquired { task: _, promise: one, preload } => RECORD_BYTES + promise(one) + all(preload),
        Reply::Promises { promises, .. } => all(promises),
        Reply::Redirected { preload } => all(preload),
        Reply::Fenced(inner) => FRAME_BYTES + weight(inner),
        Reply::Tasks { tasks, .. } => RECORD_BYTES * tasks.len(),
        Reply::Schedules { schedules, .. } => 2 * RECORD_BYTES * schedules.len(),
        Reply::Task(_) | Reply::Schedule(_) => RECORD_BYTES,
        Reply::Suspended | Reply::Done | Reply::Expired | Reply::Idle | Reply::Refused(_) => 0,
    }
}
