//! The `resonate` binary: hands the arguments and the environment to the command line and exits
//! with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    resonate::cli::main(std::env::args_os(), std::env::vars_os())
}
