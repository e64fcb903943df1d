//! A sane state, and how to damage one record of it.

use std::sync::Arc;

use resonate_core::address::Address;
use resonate_core::memory::MemoryStore;
use resonate_core::message::{MessageKey, OutboxEntry};
use resonate_core::promise::Promise;
use resonate_core::request::{CreateSchedule, Request};
use resonate_core::rules::Rules;
use resonate_core::schedule::Schedule;
use resonate_core::snapshot::Snapshot;
use resonate_core::task::{Lease, Task};
use resonate_core::time::Timestamp;
use resonate_core::value::Value;

use crate::support::parts::{acquire, create, execute, settle, suspend, tags, targeted};
use crate::support::{NEW_YEAR, at, id, ms};

/// A change that must be found.
pub(crate) type Damage = fn(&mut Snapshot);

pub(crate) const NOW: Timestamp = Timestamp::saturating(NEW_YEAR + 10_000);

/// What the rows damage: a pending task `run` with its message, a held one, one that waits for `wait` and one that is halted; the promise
/// `done` is settled and `wait` has a listener.
pub(crate) fn sane() -> Snapshot {
    let rules = Rules::default();
    let mut store = MemoryStore::new();
    let deadline = at(NEW_YEAR + 3_600_000);
    let early = at(NEW_YEAR);
    let schedule = CreateSchedule {
        id: id("nightly"),
        cron: "0 0 * * *".to_owned(),
        promise_id: "{{.id}}".to_owned(),
        promise_timeout: ms(1),
        promise_param: Value::default(),
        promise_tags: tags(&[]),
    };
    for request in [
        create("run", deadline, targeted()),
        create("held", deadline, targeted()),
        create("asleep", deadline, targeted()),
        create("halted", deadline, targeted()),
        create("over", deadline, targeted()),
        create("wait", deadline, tags(&[])),
        create("done", deadline, tags(&[])),
        acquire("held", 0, 60_000),
        acquire("asleep", 0, 60_000),
        suspend("asleep", 1, &["wait"]),
        Request::HaltTask { id: id("halted") },
        Request::RegisterListener { awaited: id("wait"), address: listener() },
        Request::RegisterListener { awaited: id("done"), address: listener() },
        settle("done"),
        settle("over"),
        Request::DispatchTask { id: id("run") },
        Request::CreateSchedule(schedule),
    ] {
        store.apply(&rules, &request, early);
    }
    store.snapshot()
}

pub(crate) fn listener() -> Address {
    Address::parse("poll://uni@g/w").expect("an address")
}

pub(crate) fn promise(of: &str, state: &mut Snapshot, damage: impl FnOnce(&mut Promise)) {
    damage(Arc::make_mut(state.promises.get_mut(&id(of)).expect("a promise")));
}

pub(crate) fn task(of: &str, state: &mut Snapshot, damage: impl FnOnce(&mut Task)) {
    damage(Arc::make_mut(state.tasks.get_mut(&id(of)).expect("a task")));
}

pub(crate) fn schedule(state: &mut Snapshot, damage: impl FnOnce(&mut Schedule)) {
    damage(Arc::make_mut(state.schedules.get_mut(&id("nightly")).expect("a schedule")));
}

pub(crate) fn lease() -> Lease {
    Lease { pid: "w".into(), ttl: ms(10), expires_at: NOW + ms(10) }
}

pub(crate) fn unblock(of: &str) -> MessageKey {
    MessageKey::Unblock { promise: id(of), address: listener() }
}

pub(crate) fn message(state: &mut Snapshot, key: &MessageKey, damage: impl FnOnce(&mut OutboxEntry)) {
    damage(Arc::make_mut(state.messages.get_mut(key).expect("an entry")));
}

/// The sane state with what only steps need: a task that was resumed, one that is due later, one whose message is held back, one past its
/// deadline, and a message past its retention.
pub(crate) fn before() -> Snapshot {
    let mut state = sane();
    let held = Task::clone(&state.tasks[&id("held")]);
    let birth = Promise::clone(&state.promises[&id("held")]);
    let mut add = |of: &str, timeout_at: Timestamp, task: Task| {
        state.promises.insert(id(of), Arc::new(Promise { id: id(of), timeout_at, ..birth.clone() }));
        state.tasks.insert(id(of), Arc::new(Task { id: id(of), ..task }));
    };
    add("resumed", birth.timeout_at, Task { resumes: [id("done")].into(), ..held.clone() });
    add("late", birth.timeout_at, held.pending(NOW + ms(60_000)));
    let turn = NOW + ms(5_000);
    add("back", birth.timeout_at, Task { executes: 2, execute_at: Some(turn), ..held.pending(turn) });
    add("dead", NOW, held);
    let key = execute(&id("back"));
    let run = OutboxEntry::clone(&state.messages[&execute(&id("run"))]);
    let version = state.tasks[&id("back")].version;
    state.messages.insert(key.clone(), Arc::new(OutboxEntry { key, version, due_at: turn, ..run }));
    let old = OutboxEntry::clone(&state.messages[&unblock("done")]);
    let old = OutboxEntry { key: unblock("over"), created_at: at(0), due_at: NOW, ..old };
    state.messages.insert(unblock("over"), Arc::new(old));
    state
}
