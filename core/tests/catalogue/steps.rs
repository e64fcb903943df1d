//! Damage to the state after a step, and the property that it breaks.

use std::sync::Arc;

use resonate_core::limits::MESSAGE_CLAIM;
use resonate_core::message::OutboxEntry;
use resonate_core::promise::{Promise, PromiseState};
use resonate_core::task::{Lease, Task, TaskState};

use crate::sane::*;
use crate::support::parts::{execute, tags};
use crate::support::{NEW_YEAR, at, id, ms};

/// A step is damaged in the state after it; the request is one that changes nothing of what is damaged.
pub(crate) const STEPS: &[(&str, Damage)] = &[
    ("preserved_promise_birth_fields_immutable", |s| promise("wait", s, |p| p.timeout_at = p.timeout_at + ms(1))),
    ("preserved_settled_promise_record", |s| promise("done", s, |p| p.value.data = Some("new".to_owned()))),
    ("preserved_promise_state_frozen_once_settled", |s| promise("done", s, |p| p.state = PromiseState::Rejected)),
    ("preserved_promise_settlement_is_one_way", |s| promise("done", s, |p| p.state = PromiseState::Pending)),
    ("consistent_promise_settled_at_moves_with_state", |s| {
        promise("wait", s, |p| p.state = PromiseState::Resolved);
    }),
    ("preserved_promise_value_until_settlement", |s| {
        promise("wait", s, |p| p.value.data = Some("early".to_owned()));
    }),
    ("preserved_promise_no_duplicate_ids", |s| promise("wait", s, |p| p.id = id("done"))),
    ("monotone_promise_set_grows", |s| {
        s.promises.remove(&id("wait"));
    }),
    ("monotone_promise_callbacks_grow_while_pending", |s| s.callbacks.clear()),
    ("monotone_promise_listeners_grow_while_pending", |s| s.listeners.clear()),
    ("monotone_promise_callbacks_shrink_once_settled", |s| {
        s.callbacks.insert((id("done"), id("run")));
    }),
    ("monotone_promise_listeners_shrink_once_settled", |s| {
        s.listeners.insert((id("done"), listener()));
    }),
    ("consistent_promise_state_edge_admissible", |s| {
        promise("done", s, |p| p.state = PromiseState::RejectedCanceled);
    }),
    ("consistent_promise_settlement_stamp", |s| {
        promise("wait", s, |p| {
            p.state = PromiseState::Resolved;
            p.settled_at = Some(at(NEW_YEAR));
        });
    }),
    ("preserved_timedout_is_server_owned", |s| {
        promise("wait", s, |p| {
            p.state = PromiseState::RejectedTimedout;
            p.settled_at = Some(NOW);
        });
    }),
    ("preserved_promise_create_key", |s| promise("wait", s, |p| p.create_key = Some("k".to_owned()))),
    ("consistent_promise_complete_key", |s| promise("done", s, |p| p.complete_key = Some("k".to_owned()))),
    ("consistent_new_promise_born_clean", |s| {
        let mut born = Promise::clone(&s.promises[&id("wait")]);
        born.id = id("born");
        s.promises.insert(id("born"), Arc::new(born));
        s.callbacks.insert((id("born"), id("run")));
    }),
    ("monotone_task_set_grows", |s| {
        s.tasks.remove(&id("run"));
    }),
    ("monotone_task_version_increases_only_on_acquisition", |s| task("run", s, |t| t.version += 1)),
    ("preserved_fulfilled_task", |s| task("over", s, |t| t.version += 1)),
    ("consistent_task_state_edge_admissible", |s| task("halted", s, |t| t.state = TaskState::Suspended)),
    ("preserved_task_acquisition_only_from_pending", |s| task("asleep", s, |t| t.state = TaskState::Acquired)),
    ("preserved_task_suspension_only_from_acquired", |s| task("run", s, |t| t.state = TaskState::Suspended)),
    ("preserved_task_halted_only_reenters_via_pending", |s| task("halted", s, |t| t.state = TaskState::Acquired)),
    ("consistent_settlement_fulfils_task", |s| {
        promise("run", s, |p| {
            p.state = PromiseState::Resolved;
            p.settled_at = Some(NOW);
        });
    }),
    ("consistent_task_fulfilment_needs_settlement", |s| task("halted", s, |t| t.state = TaskState::Fulfilled)),
    ("consistent_task_birth_couples_promise_birth", |s| {
        s.tasks.insert(id("wait"), Arc::new(Task::new(id("wait"), TaskState::Pending).pending(NOW)));
    }),
    ("consistent_task_birth_state", |s| {
        s.tasks.insert(id("wait"), Arc::new(Task::new(id("wait"), TaskState::Halted)));
    }),
    ("consistent_task_acquisition_is_atomic", |s| task("run", s, |t| t.state = TaskState::Acquired)),
    ("consistent_task_lease_released_atomically", |s| task("held", s, |t| t.state = TaskState::Halted)),
    ("preserved_task_lease_holder_stable", |s| task("held", s, |t| t.lease = Some(lease()))),
    ("consistent_task_lease_fields_move_together", |s| task("held", s, |t| t.lease = None)),
    ("consistent_task_lease_deadline_is_now_plus_ttl", |s| {
        task("held", s, |t| t.lease = t.lease.clone().map(|held| Lease { expires_at: NOW, ..held }));
    }),
    ("consistent_task_pending_entry_arms_retry", |s| task("held", s, |t| *t = t.pending(NOW + ms(1)))),
    ("consistent_task_retry_rearm_only_when_due", |s| {
        task("late", s, |t| t.retry_at = Some(NOW + ms(90_000)));
    }),
    ("monotone_task_retry_rearm_advances", |s| task("run", s, |t| t.retry_at = Some(at(1)))),
    ("monotone_task_resumes_grow_or_clear", |s| task("resumed", s, |t| t.resumes = [id("run")].into())),
    ("consistent_task_resumes_cleared_only_on_dispatch_or_park", |s| task("resumed", s, |t| t.resumes.clear())),
    ("consistent_task_wake_records_resume", |s| task("asleep", s, |t| *t = t.pending(NOW))),
    ("preserved_no_dead_dispatch", |s| task("dead", s, |t| *t = t.pending(NOW))),
    ("consistent_obligation_discharge_requires_settled", |s| s.listeners.clear()),
    ("consistent_callback_consumption_resumes_awaiter", |s| s.callbacks.clear()),
    ("consistent_wake_follows_callback_consumption", |s| task("asleep", s, |t| *t = t.pending(NOW))),
    ("consistent_suspension_registers_callback", |s| task("held", s, |t| *t = t.suspended())),
    ("consistent_listener_consumption_enqueues_unblock", |s| s.listeners.clear()),
    ("consistent_new_unblock_carries_stored_record", |s| {
        let entry = Arc::clone(&s.messages[&unblock("done")]);
        s.messages
            .insert(unblock("wait"), Arc::new(OutboxEntry { key: unblock("wait"), ..OutboxEntry::clone(&entry) }));
    }),
    ("consistent_new_unblock_discharges_its_listener", |s| {
        message(s, &unblock("done"), |entry| entry.created_at = NOW);
    }),
    ("consistent_new_execute_matches_task_and_target", |s| {
        message(s, &execute(&id("run")), |entry| entry.version = 7);
    }),
    ("preserved_execute_only_for_live_task", |s| {
        let entry = OutboxEntry { key: execute(&id("over")), ..OutboxEntry::clone(&s.messages[&execute(&id("run"))]) };
        s.messages.insert(execute(&id("over")), Arc::new(entry));
    }),
    ("monotone_outbox_keys_never_disappear", |s| s.messages.clear()),
    ("preserved_schedule_birth_fields_immutable", |s| schedule(s, |schedule| schedule.cron = "* * * * *".to_owned())),
    ("consistent_purge_leaves_no_reference", |s| {
        s.promises.remove(&id("done"));
    }),
    ("consistent_promise_birth_is_asked_for", |s| {
        let born = Promise { id: id("born"), ..Promise::clone(&s.promises[&id("wait")]) };
        s.promises.insert(id("born"), Arc::new(born));
    }),
    ("consistent_promise_verdict_is_asked_for", |s| {
        promise("wait", s, |p| {
            p.state = PromiseState::Resolved;
            p.settled_at = Some(NOW);
        });
    }),
    ("consistent_task_state_edge_is_asked_for", |s| task("held", s, |t| *t = t.pending(NOW))),
    ("consistent_task_lease_extended_by_its_holder", |s| {
        task("held", s, |t| t.lease = t.lease.clone().map(|held| Lease { expires_at: NOW + held.ttl, ..held }));
    }),
    ("consistent_task_birth_waits_for_its_delay", |s| {
        let delayed = tags(&[("resonate:target", "poll://any@g"), ("resonate:delay", "9000000000000")]);
        let born = Promise { id: id("born"), tags: delayed, ..Promise::clone(&s.promises[&id("run")]) };
        s.promises.insert(id("born"), Arc::new(born));
        s.tasks.insert(id("born"), Arc::new(Task::new(id("born"), TaskState::Pending).pending(NOW)));
    }),
    ("consistent_new_execute_waits_for_its_turn", |s| {
        message(s, &execute(&id("run")), |entry| entry.created_at = NOW);
        task("run", s, |t| t.execute_at = Some(at(NEW_YEAR)));
    }),
    ("consistent_execute_counts_unless_withdrawn", |s| task("run", s, |t| t.executes += 1)),
    ("preserved_execute_until_its_turn", |s| message(s, &execute(&id("back")), |entry| entry.failures = 1)),
    ("consistent_claim_takes_what_is_free", |s| {
        message(s, &execute(&id("run")), |entry| entry.due_at = NOW + MESSAGE_CLAIM);
    }),
    ("consistent_unblock_ends_with_its_retention", |s| {
        message(s, &unblock("over"), |entry| entry.due_at = NOW + ms(30_000));
    }),
    ("consistent_schedule_fires_each_occurrence", |s| {
        schedule(s, |schedule| {
            schedule.last_run_at = Some(schedule.next_run_at);
            schedule.next_run_at = schedule.next_run_at + ms(86_400_000);
        });
    }),
    ("consistent_task_state_edge_internal_admissible", |s| task("run", s, |t| *t = t.halted())),
    ("consistent_promise_state_edge_internal_admissible", |s| {
        promise("wait", s, |p| {
            p.state = PromiseState::Resolved;
            p.settled_at = Some(NOW);
        });
    }),
];
