//! Who starts workflows and tasks for the workers.

use resonate_core::promise::Tags;
use resonate_core::promise::tag::TARGET;
use resonate_process::now_millis;
use resonate_process::wire::Request;
use serde_json::json;

use super::link::Link;
use super::{PAUSE, TIMEOUT, WORKERS, listener, payload};
use crate::book::{Asked, Hold, Op, Said};

/// Workflows that are under way at most.
const OPEN_MAX: usize = 12;
/// Longest payload.
const BYTES_MAX: usize = 100;

pub(super) fn target() -> Tags {
    [(TARGET.to_owned(), format!("poll://any@{WORKERS}"))].into()
}

/// A promise with a task for the workers.
pub(super) fn task(id: &str, link: &mut Link) -> Asked {
    let param = payload(BYTES_MAX, &mut link.rng);
    Asked { id: id.to_owned(), param, tags: target(), timeout_at: TIMEOUT, key: None }
}

/// Starts workflows, and wants to be told of their results.
pub(super) fn start(link: &mut Link) {
    for number in 0_u64.. {
        while link.may_begin() && link.shared.ledger().book.open_tasks().count() > OPEN_MAX {
            std::thread::sleep(PAUSE);
        }
        if !link.may_begin() {
            return;
        }
        let id = format!("parent-{number}");
        let asked = task(&id, link);
        let data = json!({"id": id, "param": asked.param, "timeoutAt": TIMEOUT, "tags": asked.tags});
        let said = link.insist(&Op::Create(asked, None), &Request::call("promise.create", &data));
        if matches!(said, Said::Done(_)) && link.rng.bool() {
            let address = listener(&mut link.rng);
            let data = json!({"awaited": id, "address": address});
            link.call(&Op::Listen { id, address }, "promise.register_listener", &data);
        }
    }
}

/// Halts tasks, whoever has them, and lets them go on a little later.
pub(super) fn interrupt(link: &mut Link) {
    while link.may_begin() {
        std::thread::sleep(PAUSE * 5);
        let open: Vec<String> = link.shared.ledger().book.open_tasks().cloned().collect();
        if open.is_empty() {
            continue;
        }
        let id = open[link.rng.usize(..open.len())].clone();
        let data = json!({"id": id});
        link.insist(&Op::Halt(id.clone()), &Request::call("task.halt", &data));
        std::thread::sleep(PAUSE * link.rng.u32(..10));
        // Nobody else would let it go on.
        while matches!(link.insist(&Op::Continue(id.clone()), &Request::call("task.continue", &data)), Said::Unknown)
            && !link.shared.is_over()
        {}
    }
}

/// Creates tasks that it holds at once, and leaves them to the workers or not.
pub(super) fn hold(link: &mut Link) {
    for number in 0_u64.. {
        if !link.may_begin() {
            return;
        }
        let id = format!("held-{number}");
        let asked = task(&id, link);
        let create = json!({"id": id, "param": asked.param, "timeoutAt": TIMEOUT, "tags": asked.tags});
        let action = json!({"kind": "promise.create", "data": create});
        let ttl = 1_000;
        let hold = Hold { version: 1, pid: format!("holder-{number}"), until: now_millis() + ttl };
        let data = json!({"pid": hold.pid, "ttl": ttl, "action": action});
        if !matches!(link.call(&Op::Create(asked, Some(hold.clone())), "task.create", &data), Said::Done(_)) {
            continue;
        }
        let beat = json!({"pid": hold.pid, "tasks": [{"id": id, "version": 1}]});
        link.call(&Op::Heartbeat, "task.heartbeat", &beat);
        match link.rng.u8(..3) {
            // Its lease will end.
            0 => {}
            1 => {
                link.call(
                    &Op::Release { id: id.clone(), version: 1 },
                    "task.release",
                    &json!({"id": id, "version": 1}),
                );
            }
            _ => super::workers::fulfill(link, &id, &hold),
        }
        std::thread::sleep(PAUSE * 5);
    }
}
