//! Requests of the machine as clients of today's protocol write them. What the protocol has no word for is left out.

use std::collections::BTreeMap;

use resonate_core::promise::{PromiseState, Tags};
use resonate_core::request::{CreatePromise, FencedAction, Request, SettlePromise, TaskRef, Verdict};
use resonate_core::search::{PromiseOrder, StateFilter};
use resonate_core::task::TaskState;
use resonate_core::value::Value as Payload;
use serde_json::{Map, Value, json};

/// The cursors that searches have given last, by kind.
pub(crate) type Cursors = BTreeMap<String, String>;

/// Kind and data of a request; nothing for what the server does by itself.
pub(crate) fn print(request: &Request, cursors: &Cursors) -> Option<(&'static str, Value)> {
    Some(match request {
        Request::GetPromise { id } => ("promise.get", json!({"id": id})),
        Request::CreatePromise(create) => ("promise.create", creation(create)),
        Request::SettlePromise(settle) => ("promise.settle", settlement(settle)),
        Request::RegisterCallback { awaited, awaiter } => {
            ("promise.register_callback", json!({"awaited": awaited, "awaiter": awaiter}))
        }
        Request::RegisterListener { awaited, address } => {
            ("promise.register_listener", json!({"awaited": awaited, "address": address}))
        }
        Request::SearchPromises(search) => {
            let state = search.state.map(|state| match state {
                StateFilter::Only(state) => state,
                StateFilter::AnyRejected => PromiseState::RejectedTimedout,
            });
            let state = state.map(PromiseState::name);
            let goes_on = matches!(&search.order, PromiseOrder::ById { after: Some(_) });
            let fields = json!({"state": state, "tags": search.tags, "limit": search.limit});
            ("promise.search", page("promise.search", fields, goes_on, cursors))
        }
        Request::GetTask { id } => ("task.get", json!({"id": id})),
        Request::CreateTask { pid, ttl, promise } => {
            let action = json!({"kind": "promise.create", "data": creation(promise)});
            ("task.create", json!({"pid": pid, "ttl": ttl, "action": action}))
        }
        Request::AcquireTask { task, pid, ttl } => ("task.acquire", of_task(task, json!({"pid": pid, "ttl": ttl}))),
        Request::FenceTask { task, action } => {
            let action = match action {
                FencedAction::Create(create) => json!({"kind": "promise.create", "data": creation(create)}),
                FencedAction::Settle(settle) => json!({"kind": "promise.settle", "data": settlement(settle)}),
            };
            ("task.fence", of_task(task, json!({"action": action})))
        }
        Request::HeartbeatTasks { pid, tasks, prefix: _ } => {
            let tasks: Vec<Value> = tasks.iter().map(|task| of_task(task, json!({}))).collect();
            ("task.heartbeat", json!({"pid": pid, "tasks": tasks}))
        }
        Request::SuspendTask { task, awaited } => {
            let actions = awaited.iter().map(|awaited| json!({"data": {"awaited": awaited, "awaiter": task.id}}));
            ("task.suspend", of_task(task, json!({"actions": actions.collect::<Vec<_>>()})))
        }
        Request::FulfillTask { task, settle } => {
            ("task.fulfill", of_task(task, json!({"action": {"data": settlement(settle)}})))
        }
        Request::ReleaseTask { task } => ("task.release", of_task(task, json!({}))),
        Request::HaltTask { id } => ("task.halt", json!({"id": id})),
        Request::ContinueTask { id } => ("task.continue", json!({"id": id})),
        Request::SearchTasks(search) => {
            let fields = json!({"state": search.state.map(TaskState::name), "limit": search.limit});
            ("task.search", page("task.search", fields, search.after.is_some(), cursors))
        }
        Request::GetSchedule { id } => ("schedule.get", json!({"id": id})),
        Request::CreateSchedule(create) => {
            let fields = json!({
                "id": create.id, "cron": create.cron, "promiseId": create.promise_id,
                "promiseTimeout": create.promise_timeout, "promiseParam": payload(&create.promise_param),
                "promiseTags": create.promise_tags,
            });
            ("schedule.create", fields)
        }
        Request::DeleteSchedule { id } => ("schedule.delete", json!({"id": id})),
        Request::SearchSchedules(search) => {
            let fields = json!({"tags": search.tags, "limit": search.limit});
            ("schedule.search", page("schedule.search", fields, search.after.is_some(), cursors))
        }
        Request::TimeOutPromise { .. }
        | Request::DischargePromise { .. }
        | Request::ExpireLease { .. }
        | Request::DispatchTask { .. }
        | Request::RunSchedule { .. }
        | Request::PurgePromise { .. }
        | Request::ClaimMessage { .. }
        | Request::MessageDelivered { .. }
        | Request::MessageFailed { .. }
        | Request::MessageUnclaimed { .. } => return None,
    })
}

fn creation(create: &CreatePromise) -> Value {
    let CreatePromise { id, timeout_at, param, tags, key: _ } = create;
    json!({"id": id, "timeoutAt": timeout_at, "param": payload(param), "tags": tags})
}

fn settlement(settle: &SettlePromise) -> Value {
    let state = match settle.verdict {
        Verdict::Resolved => "resolved",
        Verdict::Rejected => "rejected",
        Verdict::RejectedCanceled => "rejected_canceled",
    };
    json!({"id": settle.id, "state": state, "value": payload(&settle.value)})
}

fn payload(value: &Payload) -> Value {
    let mut fields = Map::new();
    let headers: Option<&Tags> = value.headers.as_ref();
    fields.extend(headers.map(|headers| ("headers".to_owned(), json!(headers))));
    fields.extend(value.data.as_ref().map(|data| ("data".to_owned(), json!(data))));
    fields.into()
}

fn of_task(task: &TaskRef, mut fields: Value) -> Value {
    fields["id"] = json!(task.id);
    fields["version"] = json!(task.version);
    fields
}

/// A search that may go on where the last one of its kind ended.
fn page(kind: &str, mut fields: Value, goes_on: bool, cursors: &Cursors) -> Value {
    if let Some(cursor) = cursors.get(kind).filter(|_| goes_on) {
        fields["cursor"] = json!(cursor);
    }
    fields
}
