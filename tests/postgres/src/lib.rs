//! Private Postgres clusters from the machine's packages, for tests and benchmarks: [`Cluster`] is one with its faults, [`Database`] a fresh
//! database in one, [`Wire`] what lies between a cluster and its clients. Knows nothing of what is stored. It is for tests: what cannot be done
//! panics and says why.

mod cluster;
mod database;
mod ports;
mod programs;
mod settings;
mod standby;
mod watchdog;
mod wire;

pub use cluster::{Cluster, Stop};
pub use database::{Database, Session};
pub use ports::free_port;
pub use settings::Settings;
pub use wire::Wire;
