//! What a panic said, kept for whoever asks after the trap that follows it.

use std::cell::RefCell;

thread_local! {
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps what panics say from now on.
pub(crate) fn listen() {
    std::panic::set_hook(Box::new(|panic| SAID.set(panic.to_string())));
}

/// Looks at what the last panic said; empty when there was none.
pub(crate) fn said<T>(look: impl FnOnce(&str) -> T) -> T {
    SAID.with_borrow(|said| look(said))
}
