//! Workers, and those who wait to be told: both hold connections open, and take note of what comes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use resonate_core::id::Id;
use resonate_core::promise::PromiseState;
use resonate_core::value::Value;
use resonate_process::now_millis;
use serde_json::json;

use super::link::Link;
use super::workflows::task;
use super::{LISTENERS, WORKERS};
use crate::book::{Event, Hold, Op, Said, Settlement, promise_of_call};

/// How long a worker holds a task without a sign of life, in milliseconds.
const TTL: u64 = 1_500;
/// A delivery is claimed for longer than this: until then nobody repeats it.
const AGAIN: Duration = Duration::from_secs(10);

/// Takes tasks, a workflow's or a child's.
pub(super) fn work(link: &mut Link, name: &str) {
    while !link.shared.is_over() {
        let Some((started, events)) = link.events(&format!("/poll/{WORKERS}/{name}")) else { continue };
        for message in events {
            let task = &message["data"]["task"];
            let (Some(id), Some(version)) = (task["id"].as_str(), task["version"].as_u64()) else { continue };
            link.shared.note(Event::Execute { id: id.to_owned(), version, started });
            take(link, name, id, version);
        }
    }
}

/// Notes what arrives at a listener's address.
pub(super) fn listen(link: &mut Link, name: &str) {
    while !link.shared.is_over() {
        let Some((_, events)) = link.events(&format!("/poll/{LISTENERS}/{name}")) else { continue };
        let mut told: BTreeMap<Id, Instant> = BTreeMap::new();
        for message in events {
            let promise = promise_of_call(&message["data"]["promise"]).expect("a promise");
            let address = format!("poll://uni@{LISTENERS}/{name}");
            let before = told.insert(promise.id.clone(), Instant::now());
            let is_again = before.is_some_and(|before| before.elapsed() < AGAIN);
            link.shared.note(Event::Unblock { address, promise: Box::new(promise), is_again });
        }
    }
}

/// Does a task's part. Whoever loses it on the way leaves it to others.
fn take(link: &mut Link, name: &str, id: &str, version: u64) {
    let hold = Hold { version: version + 1, pid: name.to_owned(), until: now_millis() + TTL };
    let data = json!({"id": id, "version": version, "pid": name, "ttl": TTL});
    if !matches!(link.call(&Op::Acquire(id.to_owned(), hold.clone()), "task.acquire", &data), Said::Done(_)) {
        return;
    }
    if let Some(number) = id.strip_prefix("parent-")
        && !delegate(link, id, number, &hold)
    {
        return;
    }
    if link.rng.u8(..8) == 0 {
        let data = json!({"id": id, "version": hold.version});
        link.call(&Op::Release { id: id.to_owned(), version: hold.version }, "task.release", &data);
        return;
    }
    fulfill(link, id, &hold);
}

/// Creates two children and waits for them; whether both are done already.
fn delegate(link: &mut Link, id: &str, number: &str, hold: &Hold) -> bool {
    let children = ["a", "b"].map(|letter| format!("child-{number}-{letter}"));
    for child in &children {
        let asked = task(child, link);
        let create = json!({"id": child, "param": asked.param, "timeoutAt": asked.timeout_at, "tags": asked.tags});
        let action = json!({"kind": "promise.create", "data": create});
        let data = json!({"id": id, "version": hold.version, "action": action});
        let Said::Done(_) = link.call(&Op::Create(asked, None), "task.fence", &data) else { return false };
    }
    // One after the other: a suspension ends with the first of those that it names.
    for child in children {
        let callback = json!({"kind": "promise.register_callback", "data": {"awaited": child, "awaiter": id}});
        let data = json!({"id": id, "version": hold.version, "actions": [callback]});
        let op = Op::Suspend { id: id.to_owned(), version: hold.version, awaited: vec![child] };
        match link.call(&op, "task.suspend", &data) {
            Said::Refused(300) => {}
            Said::Done(_) | Said::Scheduled(_) | Said::Refused(_) | Said::Unknown | Said::Absurd(_) => return false,
        }
    }
    true
}

/// Ends a task with a result that names its holder.
pub(super) fn fulfill(link: &mut Link, id: &str, hold: &Hold) {
    let value = Value { headers: None, data: Some(format!("{}:{}", hold.pid, hold.version)) };
    let state = PromiseState::Resolved;
    let settle = json!({"kind": "promise.settle", "data": {"id": id, "state": state, "value": value}});
    let data = json!({"id": id, "version": hold.version, "action": settle});
    let settlement = Settlement { id: id.to_owned(), state, value, key: None };
    link.call(&Op::Fulfill(settlement, hold.version), "task.fulfill", &data);
}
