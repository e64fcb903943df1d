//! Broken invariants met in a transaction. The core panics rather than corrupt; here that ends the transaction, not the thread: what is broken
//! is one record, and its neighbours are fine.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use resonate_core::drive::TxError;

use crate::store::Error;

/// Runs a transaction. A panic inside undoes it, and counts as a record that cannot be read.
pub(super) fn caught<T>(run: impl FnOnce() -> Result<T, TxError<Error>>) -> Result<T, TxError<Error>> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        Err(TxError::Store(Error::Row { table: "the store", why: format!("broken invariant: {}", text_of(&*panic)) }))
    })
}

/// Runs a thread of the engine. If it dies the process does: a supervisor starts it again, while a server without its writer would only look
/// alive.
pub(super) fn or_exit(name: &str, run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        tracing::error!(thread = name, why = text_of(&*panic), "a thread of the engine died: the server ends");
        std::process::exit(1);
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown")
}
