//! The native host of durable promises: it reads the configuration, keeps the store, and carries
//! requests to the core and answers back.
//!
//! Nothing here decides what a request means; that is the core's. The binary is `cli::main` and
//! nothing else.

pub mod auth;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod copy;
pub mod dispatch;
pub mod edge;
pub mod engine;
pub mod grpc;
pub mod http;
pub mod log;
pub mod mcp;
pub mod metrics;
pub mod open_files;
pub mod recorder;
pub mod serve;
pub mod store;
