//! The simulation as a WebAssembly module: the playground runs the world of a link with it, beside its page. Owns what crosses the boundary, bytes alone;
//! what a link means and what comes of it is [`resonate_sim::opened`]'s. It imports nothing.
//!
//! [`simulation_input`] makes room for the link; write it there, and call [`simulation_run`]. [`simulation_output`] and [`simulation_output_bytes`] tell
//! where the result lies. After a trap, which is a defect, it is what the panic said, and nothing else may be called.

#![allow(unsafe_code, reason = "an exported name is unsafe by definition: nothing keeps two crates from the same one")]

use std::cell::RefCell;

use resonate_sim::opened;

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Makes room for a link of `bytes` bytes and says where it is.
#[unsafe(no_mangle)]
pub extern "C" fn simulation_input(bytes: u32) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        input.clear();
        input.resize(bytes as usize, 0);
        input.as_mut_ptr()
    })
}

/// Runs the world of the link, see [`opened::open`]: 1 when it has, 0 when the link does not fit and the result says why.
#[unsafe(no_mangle)]
pub extern "C" fn simulation_run() -> u32 {
    std::panic::set_hook(Box::new(|panic| OUTPUT.set(panic.to_string())));
    let opened = opened::open(&INPUT.take());
    let has_run = opened.is_ok();
    OUTPUT.set(opened.unwrap_or_else(|why| why));
    has_run.into()
}

/// Where the result is.
#[unsafe(no_mangle)]
pub extern "C" fn simulation_output() -> *const u8 {
    OUTPUT.with_borrow(|output| output.as_ptr())
}

/// Its length.
#[unsafe(no_mangle)]
pub extern "C" fn simulation_output_bytes() -> u32 {
    OUTPUT.with_borrow(|output| u32::try_from(output.len()).unwrap_or(u32::MAX))
}
