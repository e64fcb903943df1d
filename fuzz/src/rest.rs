//! Calls of the API of 2023: a method, a path with a query, an idempotency key and `Strict`, a line each, and a body behind them.

use resonate_core::wire::rest::Call;

use crate::machine::Machine;

pub(crate) fn meet(input: &[u8]) {
    let mut parts = input.splitn(5, |byte| *byte == b'\n').map(std::str::from_utf8);
    let mut text = || parts.next().and_then(Result::ok);
    let (Some(method), Some(target), key, strict, body) = (text(), text(), text(), text(), text()) else { return };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let given = |text: Option<&'_ str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let (key, strict) = (given(key), given(strict));
    let call = Call {
        method,
        path,
        query,
        key: key.as_deref(),
        strict: strict.as_deref(),
        body: body.unwrap_or_default().as_bytes(),
    };
    let mut machine = Machine::new();
    machine.rest(&call);
    // Once more: the second is a duplicate of the first, or refused as it was.
    machine.rest(&call);
}
