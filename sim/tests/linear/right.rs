//! What some order explains.

use resonate_core::request::Request;

use crate::past::{Past, acquire, count, create, create_task, create_until, get, id, resolve, task};

#[test]
fn something_without_an_answer_may_have_happened_or_not() {
    for happened in [false, true] {
        let mut past = Past::new();
        past.lost(1, 1, create("p"));
        past.lost(2, 2, resolve("p", "never"));
        if happened {
            past.unseen(3, &create("p"));
        }
        past.ask(3, (4, 8), 5, get("p"));
        if happened {
            past.unseen(9, &resolve("p", "never"));
        }
        past.ask(3, (10, 12), 11, get("p"));
        past.passes();
    }
}

#[test]
fn deadlines_and_leases_may_end_between_operations() {
    let mut past = Past::new();
    past.at_once(1, 1, create_task("t"));
    past.at_once(1, 1, create_until("child", 20));
    past.at_once(2, 2, acquire("t", 0, "one", 10));
    past.at_once(3, 5, Request::GetTask { id: id("t") });
    // Nobody need have noticed that the lease is over.
    past.at_once(3, 13, Request::GetTask { id: id("t") });
    past.unseen(14, &Request::ExpireLease { id: id("t") });
    past.at_once(3, 14, Request::GetTask { id: id("t") });
    past.at_once(2, 15, acquire("t", 1, "one", 1_000));
    past.at_once(2, 16, Request::SuspendTask { task: task("t", 2), awaited: vec![id("child")] });
    past.at_once(3, 21, Request::GetTask { id: id("t") });
    past.unseen(22, &Request::TimeOutPromise { id: id("child") });
    past.at_once(3, 23, Request::GetTask { id: id("t") });
    past.at_once(2, 24, acquire("t", 2, "two", 1_000));
    past.passes();
    let kinds = count(&past.history);
    assert_eq!(kinds["task.get"], 5);
}

#[test]
fn a_heartbeat_after_the_end_of_a_lease_extends_it_only_if_nobody_has_noticed() {
    for noticed in [false, true] {
        let mut past = Past::new();
        past.at_once(1, 1, create_task("t"));
        past.at_once(2, 2, acquire("t", 0, "one", 10));
        if noticed {
            past.unseen(13, &Request::ExpireLease { id: id("t") });
        }
        past.at_once(2, 14, Request::HeartbeatTasks { pid: "one".into(), tasks: Vec::new(), prefix: None });
        past.at_once(3, 15, Request::GetTask { id: id("t") });
        past.at_once(3, 16, acquire("t", 1, "two", 10));
        past.passes();
    }
}
