//! Promises: one in full, many as a table.

use resonate_core::promise::PromiseState;
use resonate_core::time::Millis;

use super::{Look, Screen, payload, printable, span, tags};
use crate::client::record::{Promise, Role};

/// A promise in full.
pub(in super::super) fn promise(screen: &Screen, promise: &Promise) -> String {
    let [param, param_headers] = payload::lines("param", &promise.param);
    let [value, value_headers] = payload::lines("value", &promise.value);
    let settled = promise.settled_at.map(|at| {
        let took = screen.dim(format!("· after {}", span(at.since(promise.created_at))));
        format!("{} {took}", screen.instant(at))
    });
    let lines = vec![
        param,
        param_headers,
        value,
        value_headers,
        ("created", screen.instant(promise.created_at)),
        ("settled", settled.unwrap_or_default()),
        ("timeout", screen.instant(promise.timeout_at)),
        ("tags", tags(&promise.tags)),
    ];
    screen.record(&promise.id, &screen.state(Look::of_promise(promise.state)), lines)
}

/// A page of promises.
pub(in super::super) fn promises(screen: &Screen, promises: &[Promise], cursor: Option<&str>) -> String {
    let rows = promises.iter().map(|promise| {
        let took = took(promise);
        let timeout = if took.is_some() { "–".to_owned() } else { screen.relative(promise.timeout_at) };
        vec![
            screen.cell(printable(&promise.id), None),
            screen.state_cell(Look::of_promise(promise.state)),
            screen.cell(role(promise), None),
            screen.dim_cell(screen.relative(promise.created_at)),
            screen.dim_cell(took.unwrap_or_else(|| "–".to_owned())),
            screen.dim_cell(timeout),
        ]
    });
    screen.table("promises", &["ID", "STATE", "WHAT", "CREATED", "TOOK", "TIMES OUT"], rows.collect(), cursor)
}

/// What a promise stands for, in two words.
pub(in super::super) fn role(promise: &Promise) -> String {
    match promise.role() {
        Role::Rpc(func) => format!("rpc {}", printable(&func)),
        Role::Run(func) if func.is_empty() => "run".to_owned(),
        Role::Run(func) => format!("run {}", printable(&func)),
        Role::Sleep => "sleep".to_owned(),
        Role::Plain => "promise".to_owned(),
    }
}

/// How long a promise took until it was settled.
fn took(promise: &Promise) -> Option<String> {
    match promise.state {
        PromiseState::Pending => None,
        PromiseState::Resolved
        | PromiseState::Rejected
        | PromiseState::RejectedCanceled
        | PromiseState::RejectedTimedout => {
            Some(span(promise.settled_at.map_or(Millis::ZERO, |at| at.since(promise.created_at))))
        }
    }
}
