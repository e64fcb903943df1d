//! The simulation as a WebAssembly module, for the test that runs it beside the simulation as it is: `make wasm` builds it, nothing ships it. It imports
//! nothing.

#![allow(unsafe_code, reason = "an exported name is unsafe by definition: nothing keeps two crates from the same one")]

use resonate_sim::{Options, run};

/// What the world of a seed comes to; a trap when something is wrong in it.
#[unsafe(no_mangle)]
pub extern "C" fn simulation_digest(seed: u64, steps: u64) -> u64 {
    let report = run(&Options { seed, steps, ..Options::default() });
    assert!(report.violation.is_none(), "something is wrong in this world");
    report.digest
}
