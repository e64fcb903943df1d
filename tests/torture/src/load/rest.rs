//! Clients of the API of 2023: promises with and without idempotency keys.

use resonate_core::promise::PromiseState;
use resonate_process::wire::Request;
use serde_json::{Value as Json, json};

use super::link::Link;
use super::{Mix, TIMEOUT, payload};
use crate::book::{Asked, Op, Said, Settlement};

/// The ways to settle a promise.
const VERBS: [(&str, PromiseState); 3] = [
    ("resolve", PromiseState::Resolved),
    ("reject", PromiseState::Rejected),
    ("cancel", PromiseState::RejectedCanceled),
];

/// Creates promises, and settles most of them.
pub(super) fn write(link: &mut Link, name: &str, mix: Mix) {
    for number in 0_u64.. {
        if !link.may_begin() {
            return;
        }
        let id = format!("{name}-{number}");
        let key = |link: &mut Link, what: &str| (link.rng.u8(..4) > 0).then(|| format!("{id}-{what}"));
        let key_of_create = key(link, "create");
        let asked = Asked {
            id: id.clone(),
            param: payload(mix.payload_bytes_max, &mut link.rng),
            tags: [("rest".to_owned(), name.to_owned())].into(),
            timeout_at: TIMEOUT,
            key: key_of_create,
        };
        let body = json!({"param": asked.param, "timeout": asked.timeout_at, "tags": asked.tags});
        let request = request(&id, "create", asked.key.as_deref(), &body);
        let said = send(link, &Op::Create(asked.clone(), None), &request, asked.key.is_some());
        if !matches!(said, Said::Done(_)) {
            // Without a key nobody can ask twice.
            link.ask(&Op::Read(id.clone()), &Request::get(&format!("/promises/{id}")));
            continue;
        }
        if link.rng.u8(..3) == 0 {
            continue;
        }
        let (verb, state) = VERBS[link.rng.usize(..VERBS.len())];
        let settlement = Settlement {
            id: id.clone(),
            state,
            value: payload(mix.payload_bytes_max, &mut link.rng),
            key: key(link, verb),
        };
        let request = self::request(&id, verb, settlement.key.as_deref(), &json!({"value": settlement.value}));
        let has_key = settlement.key.is_some();
        send(link, &Op::Settle(settlement), &request, has_key);
    }
}

/// Who has a key insists.
fn send(link: &mut Link, op: &Op, request: &Request, has_key: bool) -> Said {
    if has_key { link.insist(op, request) } else { link.ask(op, request) }
}

fn request(id: &str, verb: &str, key: Option<&str>, body: &Json) -> Request {
    let request = Request::new("POST", &format!("/promises/{id}/{verb}"));
    let request = key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key));
    request.body(body.to_string().into_bytes())
}
