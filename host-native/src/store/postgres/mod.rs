//! Postgres as a store.

mod tls;
pub mod url;
