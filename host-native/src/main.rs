//! The `resonate` binary: hands the arguments and the environment to the command line and exits
//! with its code.

use std::process::ExitCode;

/// A request costs some dozens of small allocations on several threads: this allocator makes them cheaper than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    resonate::cli::main(std::env::args_os(), std::env::vars_os())
}
