//! Messages of the gRPC contract: a first byte that says which, then its encoding.

use prost::Message;
use resonate::grpc::convert;
use resonate_core::request::{Request, Verdict};
use resonate_proto::promise as proto;

use crate::machine::Machine;

pub(crate) fn meet(input: &[u8]) {
    let Some((which, bytes)) = input.split_first() else { return };
    let Some(Ok(request)) = read(*which, bytes) else { return };
    Machine::new().judge(&request);
}

/// The request of a message; nothing where the bytes are none.
fn read(which: u8, bytes: &[u8]) -> Option<Result<Request, ()>> {
    let request = match which % 6 {
        0 => convert::read(&proto::ReadPromiseRequest::decode(bytes).ok()?),
        1 => convert::create(proto::CreatePromiseRequest::decode(bytes).ok()?),
        2 => convert::search(&proto::SearchPromisesRequest::decode(bytes).ok()?).map(Request::SearchPromises),
        3 => {
            let proto::ResolvePromiseRequest { id, idempotency_key, strict: _, value } =
                proto::ResolvePromiseRequest::decode(bytes).ok()?;
            convert::settle(Verdict::Resolved, &id, &idempotency_key, value)
        }
        4 => {
            let proto::RejectPromiseRequest { id, idempotency_key, strict: _, value } =
                proto::RejectPromiseRequest::decode(bytes).ok()?;
            convert::settle(Verdict::Rejected, &id, &idempotency_key, value)
        }
        _ => {
            let proto::CancelPromiseRequest { id, idempotency_key, strict: _, value } =
                proto::CancelPromiseRequest::decode(bytes).ok()?;
            convert::settle(Verdict::RejectedCanceled, &id, &idempotency_key, value)
        }
    };
    if let Err(status) = &request {
        assert!(!status.message().is_empty(), "a refusal without a reason");
    }
    Some(request.map_err(drop))
}
