//! The module without imports in a WebAssembly runtime, for tests and benchmarks: [`Module`] is the compiled file, [`Instance`] one run of it with
//! a typed method for each of its functions. Owns the calling convention as a host sees it; knows nothing of what the bytes mean but the faults.

mod failure;
mod instance;
mod module;
mod simulation;

pub use failure::Failure;
pub use instance::Instance;
pub use module::{EXPORTS, Module};
pub use simulation::Simulation;
