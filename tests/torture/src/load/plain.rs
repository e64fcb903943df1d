//! Clients of today's protocol: promises, some of which time out, and those who want to be told.

use resonate_core::promise::PromiseState;
use resonate_process::now_millis;
use serde_json::json;

use super::link::Link;
use super::{Mix, TIMEOUT, listener, payload};
use crate::book::{Asked, Op, Said, Settlement};

/// The states that a client may ask for.
const STATES: [PromiseState; 3] = [PromiseState::Resolved, PromiseState::Rejected, PromiseState::RejectedCanceled];

/// Creates promises, listens to some and settles some.
pub(super) fn write(link: &mut Link, name: &str, mix: Mix) {
    for number in 0_u64.. {
        if !link.may_begin() {
            return;
        }
        let id = format!("{name}-{number}");
        let is_short = link.rng.u8(..4) == 0;
        let timeout_at = if is_short { now_millis() + link.rng.u64(1..2_000) } else { TIMEOUT };
        let tags = if link.rng.bool() { [("resonate:timer", "true")] } else { [("client", name)] };
        let asked = Asked {
            id: id.clone(),
            param: payload(mix.payload_bytes_max, &mut link.rng),
            tags: tags.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
            timeout_at,
            key: None,
        };
        let data = json!({"id": id, "param": asked.param, "timeoutAt": timeout_at, "tags": asked.tags});
        let create = resonate_process::wire::Request::call("promise.create", &data);
        if !matches!(link.insist(&Op::Create(asked, None), &create), Said::Done(_)) {
            continue;
        }
        if link.rng.u8(..3) == 0 {
            let address = listener(&mut link.rng);
            let data = json!({"awaited": id, "address": address});
            link.call(&Op::Listen { id: id.clone(), address }, "promise.register_listener", &data);
        }
        if link.rng.u8(..3) > 0 {
            let state = STATES[link.rng.usize(..STATES.len())];
            let settlement =
                Settlement { id: id.clone(), state, value: payload(mix.payload_bytes_max, &mut link.rng), key: None };
            let data = json!({"id": id, "state": state, "value": settlement.value});
            let settle = resonate_process::wire::Request::call("promise.settle", &data);
            link.insist(&Op::Settle(settlement), &settle);
        }
    }
}
