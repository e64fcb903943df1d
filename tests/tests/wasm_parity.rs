//! The core as a WebAssembly module and the core as it is, side by side: the same histories give the same answers, to the byte, and leave the same
//! state. What neither may do with input that does not fit is there too.

mod bad_input;
mod batches;
mod calls;
pub(crate) mod envelopes;
mod histories;
mod rows;
mod twins;
