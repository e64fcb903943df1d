//! The integration tests: every table against every driver, what all stores have in common, databases of other versions and programs.

mod clients;
mod copy;
mod linear;
mod migrate;
mod migrations;
mod mutations;
mod openapi;
mod postgres;
mod requests_parity;
mod retention;
mod server;
mod store_contract;
#[path = "../../core/tests/support/mod.rs"]
mod support;
mod tables;
mod wasm_parity;
