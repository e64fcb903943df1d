//! Damage to a state, and the property that it breaks.

use std::sync::Arc;

use resonate_core::address::Address;
use resonate_core::message::OutboxEntry;
use resonate_core::promise::{PromiseState, tag};
use resonate_core::task::{Lease, Task, TaskState};

use crate::sane::*;
use crate::support::parts::{execute, tags, targeted};
use crate::support::{at, id, ms};

pub(crate) const STATES: &[(&str, Damage)] = &[
    ("well_formed_promise_created_at_lte_timeout_at", |s| promise("wait", s, |p| p.timeout_at = at(1))),
    ("well_formed_promise_pending_created_before_deadline", |s| {
        promise("wait", s, |p| p.timeout_at = p.created_at);
    }),
    ("well_formed_promise_settled_at_lte_timeout_at", |s| {
        promise("done", s, |p| p.settled_at = Some(p.timeout_at + ms(1)));
    }),
    ("well_formed_promise_created_at_lte_settled_at", |s| promise("done", s, |p| p.settled_at = Some(at(1)))),
    ("well_formed_promise_settled_at_iff_not_pending", |s| promise("done", s, |p| p.settled_at = None)),
    ("well_formed_promise_pending_has_no_value", |s| {
        promise("wait", s, |p| p.value.data = Some("early".to_owned()));
    }),
    ("well_formed_promise_deadline_verdict_matches_timer_tag", |s| {
        promise("done", s, |p| p.settled_at = Some(p.timeout_at));
    }),
    ("well_formed_promise_deadline_settlement_has_no_value", |s| {
        promise("done", s, |p| {
            p.settled_at = Some(p.timeout_at);
            p.value.data = Some("late".to_owned());
        });
    }),
    ("well_formed_promise_timer_not_targeted", |s| {
        promise("run", s, |p| p.tags.extend(tags(&[(tag::TIMER, "true")])));
    }),
    ("well_formed_promise_timedout_is_server_owned", |s| {
        promise("done", s, |p| p.state = PromiseState::RejectedTimedout);
    }),
    ("well_formed_promise_obligations_require_external", |s| {
        promise("wait", s, |p| p.tags.extend(tags(&[(tag::SCOPE, "local")])));
    }),
    ("well_formed_promise_awaiter_is_not_self", |s| {
        s.callbacks.insert((id("run"), id("run")));
    }),
    ("well_formed_promise_created_at_lte_now", |s| promise("wait", s, |p| p.created_at = NOW + ms(1))),
    ("well_formed_promise_settled_at_lte_now", |s| promise("done", s, |p| p.settled_at = Some(NOW + ms(1)))),
    ("well_formed_promise_target_is_nonempty", |s| {
        promise("run", s, |p| p.tags.extend(tags(&[(tag::TARGET, "")])));
    }),
    ("well_formed_promise_delay_before_deadline", |s| {
        promise("run", s, |p| p.tags.extend(tags(&[(tag::DELAY, "9007199254740991")])));
    }),
    ("well_formed_promise_delay_before_deadline", |s| {
        promise("run", s, |p| p.tags.extend(tags(&[(tag::DELAY, "+5")])));
    }),
    ("well_formed_task_acquired_iff_has_pid", |s| task("held", s, |t| t.lease = None)),
    ("well_formed_task_acquired_iff_has_ttl", |s| task("run", s, |t| t.lease = Some(lease()))),
    ("well_formed_task_acquired_iff_has_expires_at", |s| task("halted", s, |t| t.lease = Some(lease()))),
    ("well_formed_task_pending_iff_has_retry_at", |s| task("run", s, |t| t.retry_at = None)),
    ("well_formed_task_fulfilled_is_cleared", |s| task("over", s, |t| t.resumes = [id("done")].into())),
    ("well_formed_task_suspended_is_cleared", |s| task("asleep", s, |t| t.lease = Some(lease()))),
    ("well_formed_task_halted_is_cleared", |s| task("halted", s, |t| t.retry_at = Some(NOW))),
    ("well_formed_task_suspended_has_no_resumes", |s| task("asleep", s, |t| t.resumes = [id("done")].into())),
    ("well_formed_task_acquired_version_positive", |s| task("held", s, |t| t.version = 0)),
    ("well_formed_task_ttl_positive", |s| {
        task("held", s, |t| t.lease = Some(Lease { ttl: ms(0), ..lease() }));
    }),
    ("well_formed_schedule_promise_tags_not_timer_targeted", |s| {
        schedule(s, |schedule| {
            schedule.promise_tags = targeted();
            schedule.promise_tags.extend(tags(&[(tag::TIMER, "true")]));
        });
    }),
    ("well_formed_schedule_created_at_lte_next_run_at", |s| schedule(s, |schedule| schedule.next_run_at = at(1))),
    ("well_formed_schedule_created_at_lte_last_run_at", |s| {
        schedule(s, |schedule| schedule.last_run_at = Some(at(1)));
    }),
    ("well_formed_schedule_last_run_at_lt_next_run_at", |s| {
        schedule(s, |schedule| schedule.last_run_at = Some(schedule.next_run_at));
    }),
    ("well_formed_store_promise_ids_unique", |s| promise("wait", s, |p| p.id = id("done"))),
    ("well_formed_store_task_ids_unique", |s| task("run", s, |t| t.id = id("held"))),
    ("well_formed_store_schedule_ids_unique", |s| schedule(s, |schedule| schedule.id = id("other"))),
    ("well_formed_store_outbox_keys_unique", |s| {
        message(s, &execute(&id("run")), |entry| entry.key = execute(&id("held")));
    }),
    ("consistent_task_iff_targeted_promise", |s| {
        s.tasks.remove(&id("halted"));
    }),
    ("consistent_settled_promise_has_fulfilled_task", |s| {
        task("over", s, |t| *t = Task::new(id("over"), TaskState::Halted));
    }),
    ("consistent_settled_task_promise_settled", |s| {
        task("halted", s, |t| t.state = TaskState::Fulfilled);
    }),
    ("consistent_callback_awaiter_is_targeted", |s| {
        s.callbacks.insert((id("wait"), id("done")));
    }),
    ("consistent_suspended_task_holds_rung", |s| s.callbacks.clear()),
    ("consistent_outbox_execute_names_existing_task", |s| {
        s.tasks.remove(&id("run"));
    }),
    ("consistent_outbox_never_ahead", |s| message(s, &execute(&id("run")), |entry| entry.version = 1)),
    ("consistent_outbox_execute_address_is_target_tag", |s| {
        message(s, &execute(&id("run")), |entry| entry.address = listener());
    }),
    ("consistent_outbox_unblock_names_settled_promise", |s| {
        let entry = Arc::clone(&s.messages[&unblock("done")]);
        s.messages
            .insert(unblock("wait"), Arc::new(OutboxEntry { key: unblock("wait"), ..OutboxEntry::clone(&entry) }));
    }),
    ("consistent_outbox_unblock_address_deliverable", |s| {
        message(s, &unblock("done"), |entry| entry.address = Address::parse("http://other").expect("an address"));
    }),
];
