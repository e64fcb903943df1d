//! The core as a WebAssembly module, with two faces over the same room: [`abi`], plain functions over JSON bytes that import nothing, for any
//! runtime, and [`js`], classes for JavaScript. Both carry: bytes in, bytes out, and an instant from the caller. Nothing here decides.

#![cfg_attr(
    not(all(feature = "abi", feature = "history")),
    allow(
        dead_code,
        reason = "a face leaves out what only another one shows; a build of all of them tells what nobody uses"
    )
)]

#[cfg(feature = "abi")]
pub mod abi;
mod face;
mod fault;
#[cfg(feature = "history")]
mod history;
mod journal;
#[cfg(feature = "js")]
pub mod js;
mod panic;
mod rows;
mod serve;
mod session;
mod supply;
