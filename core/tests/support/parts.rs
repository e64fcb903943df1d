//! Shorthands for the requests that tests write by hand.

use resonate_core::id::Id;
use resonate_core::message::MessageKey;
use resonate_core::promise::{Tags, tag};
use resonate_core::request::{CreatePromise, Request, SettlePromise, TaskRef, Verdict};
use resonate_core::time::Timestamp;
use resonate_core::value::Value;

use super::{id, ms};

pub(crate) const WORKERS: &str = "poll://any@workers";

pub(crate) fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

pub(crate) fn targeted() -> Tags {
    tags(&[(tag::TARGET, WORKERS)])
}

pub(crate) fn creation(of: &str, timeout_at: Timestamp, tags: Tags) -> CreatePromise {
    CreatePromise { id: id(of), timeout_at, param: Value::default(), tags, key: None }
}

pub(crate) fn create(of: &str, timeout_at: Timestamp, tags: Tags) -> Request {
    Request::CreatePromise(creation(of, timeout_at, tags))
}

pub(crate) fn settlement(of: &str) -> SettlePromise {
    SettlePromise { id: id(of), verdict: Verdict::Resolved, value: Value::default(), key: None }
}

pub(crate) fn settle(of: &str) -> Request {
    Request::SettlePromise(settlement(of))
}

pub(crate) fn held(of: &str, version: u64) -> TaskRef {
    TaskRef { id: id(of), version }
}

pub(crate) fn acquire(of: &str, version: u64, ttl: u64) -> Request {
    Request::AcquireTask { task: held(of, version), pid: "worker".into(), ttl: ms(ttl) }
}

pub(crate) fn suspend(of: &str, version: u64, awaited: &[&str]) -> Request {
    Request::SuspendTask { task: held(of, version), awaited: awaited.iter().map(|awaited| id(awaited)).collect() }
}

pub(crate) fn release(of: &str, version: u64) -> Request {
    Request::ReleaseTask { task: held(of, version) }
}

pub(crate) fn dispatch(of: &str) -> Request {
    Request::DispatchTask { id: id(of) }
}

pub(crate) fn execute(of: &Id) -> MessageKey {
    MessageKey::Execute { task: of.clone() }
}
