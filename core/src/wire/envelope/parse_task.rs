//! The requests about tasks, each read in the order in which the specification lists its fields (spec §3).

use super::object::Field;
use super::parse_promise::{self, id_of, limit_or, place};
use crate::id::Id;
use crate::limits::SEARCH_LIMIT_DEFAULT;
use crate::request::{FencedAction, Request, SettlePromise, TaskRef};
use crate::search::SearchTasks;
use crate::task::TaskState;
use crate::wire::BadInput;
use crate::wire::cursor::CursorKind;

pub(super) const GET: &str = "task.get";
pub(super) const CREATE: &str = "task.create";
pub(super) const ACQUIRE: &str = "task.acquire";
pub(super) const FENCE: &str = "task.fence";
pub(super) const HEARTBEAT: &str = "task.heartbeat";
pub(super) const SUSPEND: &str = "task.suspend";
pub(super) const FULFILL: &str = "task.fulfill";
pub(super) const RELEASE: &str = "task.release";
pub(super) const HALT: &str = "task.halt";
pub(super) const CONTINUE: &str = "task.continue";
pub(super) const SEARCH: &str = "task.search";

/// The shortest lease, in milliseconds.
const TTL_MIN: u64 = 1;

pub(super) fn get(data: &Field<'_>) -> Result<Request, BadInput> {
    id_of(data).map(|id| Request::GetTask { id })
}

pub(super) fn create(data: &Field<'_>) -> Result<Request, BadInput> {
    let [pid, ttl, action] = data.fields(["pid", "ttl", "action"])?;
    Ok(Request::CreateTask {
        pid: pid.name()?,
        ttl: ttl.duration(TTL_MIN)?,
        promise: read_action(&action, parse_promise::CREATE, parse_promise::create)?,
    })
}

pub(super) fn acquire(data: &Field<'_>) -> Result<Request, BadInput> {
    let [id, version, pid, ttl] = data.fields(["id", "version", "pid", "ttl"])?;
    let task = TaskRef { id: id.id()?, version: version.version()? };
    Ok(Request::AcquireTask { task, pid: pid.name()?, ttl: ttl.duration(TTL_MIN)? })
}

pub(super) fn fence(data: &Field<'_>) -> Result<Request, BadInput> {
    #[derive(Clone, Copy)]
    enum Kind {
        Create,
        Settle,
    }
    let [id, version, action] = data.fields(["id", "version", "action"])?;
    let task = TaskRef { id: id.id()?, version: version.version()? };
    let [kind, inner] = action.fields(["kind", "data"])?;
    let kinds = [(parse_promise::CREATE, Kind::Create), (parse_promise::SETTLE, Kind::Settle)];
    let action = match kind.one_of(&kinds)? {
        Kind::Create => FencedAction::Create(parse_promise::create(&inner)?),
        Kind::Settle => FencedAction::Settle(parse_promise::settle(&inner)?),
    };
    Ok(Request::FenceTask { task, action })
}

pub(super) fn heartbeat(data: &Field<'_>) -> Result<Request, BadInput> {
    let [pid, tasks] = data.fields(["pid", "tasks"])?;
    let pid = pid.name()?;
    let tasks = tasks.items("an array of {id, version}, which may be empty")?;
    Ok(Request::HeartbeatTasks { pid, tasks: tasks.iter().map(task_ref).collect::<Result<_, _>>()?, prefix: None })
}

pub(super) fn suspend(data: &Field<'_>) -> Result<Request, BadInput> {
    let [id, version, actions] = data.fields(["id", "version", "actions"])?;
    let task = TaskRef { id: id.id()?, version: version.version()? };
    let actions = actions.items("an array of promise.register_callback requests")?;
    let read = |action| read_action(action, parse_promise::REGISTER_CALLBACK, |data| awaited_by(data, &task.id));
    let awaited = actions.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Request::SuspendTask { task, awaited })
}

pub(super) fn fulfill(data: &Field<'_>) -> Result<Request, BadInput> {
    let [id, version, action] = data.fields(["id", "version", "action"])?;
    let task = TaskRef { id: id.id()?, version: version.version()? };
    let settle: SettlePromise = read_action(&action, parse_promise::SETTLE, parse_promise::settle)?;
    Ok(Request::FulfillTask { task, settle })
}

pub(super) fn release(data: &Field<'_>) -> Result<Request, BadInput> {
    task_ref(data).map(|task| Request::ReleaseTask { task })
}

pub(super) fn halt(data: &Field<'_>) -> Result<Request, BadInput> {
    id_of(data).map(|id| Request::HaltTask { id })
}

pub(super) fn resume(data: &Field<'_>) -> Result<Request, BadInput> {
    id_of(data).map(|id| Request::ContinueTask { id })
}

pub(super) fn search(data: &Field<'_>) -> Result<Request, BadInput> {
    let [state, limit, cursor] = data.fields(["state", "limit", "cursor"])?;
    let states = TaskState::ALL.map(|state| (state.name(), state));
    Ok(Request::SearchTasks(SearchTasks {
        prefix: None,
        state: state.optional(|state| state.one_of(&states))?,
        limit: limit_or(&limit, SEARCH_LIMIT_DEFAULT)?,
        after: place(CursorKind::Tasks, &cursor)?,
    }))
}

fn task_ref(data: &Field<'_>) -> Result<TaskRef, BadInput> {
    let [id, version] = data.fields(["id", "version"])?;
    Ok(TaskRef { id: id.id()?, version: version.version()? })
}

/// A request inside a request. Only its kind, where it has one, and its data are looked at.
fn read_action<T>(
    action: &Field<'_>,
    expected: &'static str,
    read: impl FnOnce(&Field<'_>) -> Result<T, BadInput>,
) -> Result<T, BadInput> {
    let [kind, data] = action.fields(["kind", "data"])?;
    kind.optional(|kind| kind.one_of(&[(expected, ())]))?;
    read(&data)
}

/// The promise that a suspension awaits; its awaiter is the task itself.
fn awaited_by(data: &Field<'_>, task: &Id) -> Result<Id, BadInput> {
    let [awaited, awaiter] = data.fields(["awaited", "awaiter"])?;
    let awaited = awaited.id()?;
    if awaiter.id()? == *task {
        Ok(awaited)
    } else {
        Err(awaiter.refuse("must be the id of the task that suspends, as in 'data.id'"))
    }
}
