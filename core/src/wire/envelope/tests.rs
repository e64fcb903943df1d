//! Whole exchanges: bytes in, bytes out, over the reference store.

mod bad_input;
mod exchanges;
mod messages;
mod mutations;
mod scope;

use super::{Answer, Call, Envelope, Shape, print, print_error, print_purged};
use crate::memory::MemoryStore;
use crate::rules::Rules;
use crate::time::Timestamp;

/// A body with the correlation id `c`.
fn body(kind: &str, data: &str) -> String {
    format!(r#"{{"kind":"{kind}","head":{{"corrId":"c","version":"2026-04-01"}},"data":{data}}}"#)
}

/// What a server answers to a body.
fn answer(store: &mut MemoryStore, now: u64, body: &[u8]) -> Answer {
    let envelope = match Envelope::parse(body) {
        Ok(envelope) => envelope,
        Err(failure) => return failure.answer(),
    };
    match envelope.request() {
        Ok(Call::Request(request)) => {
            let decision = store.apply(&Rules::default(), &request, Timestamp::saturating(now));
            print(&envelope.kind, &envelope.corr_id, Shape::of(&request), &decision.reply)
        }
        Ok(Call::Purge(purge)) => {
            let Ok(stretch) = purge.stretch(store);
            print_purged(&envelope.kind, &envelope.corr_id, &purge.outcome(&stretch, 0))
        }
        Ok(Call::Debug(_)) => print_error(&envelope.kind, &envelope.corr_id, 403, "debugging is off"),
        Err(bad) => print_error(&envelope.kind, &envelope.corr_id, 400, &bad.0),
    }
}

/// The status of an answer and its data as JSON; the frame around it is what it must be.
fn ask(store: &mut MemoryStore, now: u64, kind: &str, data: &str) -> (u16, String) {
    let Answer { status, body } = answer(store, now, body(kind, data).as_bytes());
    let text = String::from_utf8(body).expect("UTF-8");
    let frame =
        format!(r#"{{"kind":"{kind}","head":{{"corrId":"c","status":{status},"version":"2026-04-01"}},"data":"#);
    let data = text.strip_prefix(&frame).and_then(|rest| rest.strip_suffix('}'));
    (status, data.unwrap_or_else(|| panic!("{text} is not framed by {frame}")).to_owned())
}
