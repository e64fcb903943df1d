//! Released SDKs, unmodified, against the real binary: workflows as their users write them, and what happens to them when a worker or the server
//! dies in between.
//!
//! The workers are programs in `tests/clients`, in TypeScript and in Python; `scripts/setup.sh` installs the SDKs. A worker tells what it does in
//! lines, and waits where a test wants it to: nothing here waits for a length of time, except a workflow that sleeps.

mod crashes;
mod languages;
mod readme;
mod sdk;
mod stage;
mod workflows;

/// A module of tests for each SDK: its name, the SDK, and the scenarios that run with it.
macro_rules! for_sdks {
    ($($name:ident = $sdk:expr => [$($scenario:ident),+ $(,)?];)+) => {$(
        mod $name {
            $(#[test]
            fn $scenario() {
                super::$scenario($sdk);
            })+
        }
    )+};
}
use for_sdks;
