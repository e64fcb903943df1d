//! The drivers, by name.

mod grpc;
mod http;
mod local;
mod memory;
mod postgres;
mod server;
mod sqlite;
mod wasm;

use crate::driver::{Dials, Driver};

pub use http::http_call;
pub use postgres::postgres_store;

/// Requests per body, in bytes, that the drivers with a network take.
pub const BODY_LIMIT: usize = 16 << 10;

/// A kind of system under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The core over its reference store.
    Memory,
    /// The core over a database file.
    Sqlite,
    /// The core over a Postgres database.
    Postgres,
    /// The server over a database file, through HTTP.
    Http,
    /// The server over a database file, through gRPC.
    Grpc,
    /// The core as a WebAssembly module.
    Wasm,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Memory, Self::Sqlite, Self::Postgres, Self::Http, Self::Grpc, Self::Wasm];

    /// The name in tables and failures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Wasm => "wasm",
        }
    }

    /// A new system under test of this kind.
    #[must_use]
    pub fn open(self, dials: Dials) -> Box<dyn Driver> {
        match self {
            Self::Memory => Box::new(memory::open(dials)),
            Self::Sqlite => Box::new(sqlite::open(dials)),
            Self::Postgres => Box::new(postgres::open(dials)),
            Self::Http => Box::new(http::Http::open(dials)),
            Self::Grpc => Box::new(grpc::Grpc::open(dials)),
            Self::Wasm => Box::new(wasm::Wasm::open(dials)),
        }
    }
}
