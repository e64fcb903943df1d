//! Owns the entry of the benchmark: it starts a durable promise server, loads it over loopback, and tells
//! what it found beside what the HTTP library alone can do. It knows nothing of the server but its flags
//! and its wire.

mod bench;
mod child;
mod cli;
mod client;
mod disk;
mod fill;
mod floor;
mod growth;
mod ids;
mod load;
mod machine;
mod measure;
mod metrics;
mod overload;
mod pace;
mod postgres;
mod procfs;
mod protocol;
mod rates;
mod report;
mod soak;
mod stand_in;
mod targets;
mod timers;
mod wasm;
mod workers;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::bench::Bench;
use crate::cli::{Cli, Mode};

const WORKERS: usize = 2;
/// The exit code of a run that was broken off.
const BROKEN_OFF: u8 = 130;

fn main() -> ExitCode {
    start(Cli::parse()).unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

fn start(cli: Cli) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let code = runtime.block_on(run(cli));
    runtime.shutdown_background();
    code
}

async fn run(cli: Cli) -> Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked_to_stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    match cli.mode {
        Some(Mode::Floor { port }) => {
            tokio::select! {
                served = floor::run(port) => served?,
                () = asked_to_stop => {}
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(Mode::Serve(flags)) => {
            tokio::select! {
                served = stand_in::run(flags) => served?,
                () = asked_to_stop => {}
            }
            Ok(ExitCode::SUCCESS)
        }
        None => {
            let bench = Bench::new(cli.options)?;
            // Dropping the run stops the servers it started and removes its folder.
            tokio::select! {
                clean = bench.run() => Ok(ExitCode::from(u8::from(!clean?))),
                () = asked_to_stop => Ok(ExitCode::from(BROKEN_OFF)),
            }
        }
    }
}
