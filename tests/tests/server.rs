//! The real binary, as its users meet it: over sockets, with signals, broken files, full disks and clients that misbehave.
//!
//! Each test starts servers of its own in a folder of its own and ends them through their handles. Nothing waits for a length of time: waits end
//! with what they wait for, or fail after [`PATIENCE`].

mod auth;
mod bad_http;
mod bodies;
pub(crate) mod cli;
mod client;
mod cors;
mod damage;
mod debug;
mod dispatch;
mod full_disk;
mod grpc;
mod guarded_poll;
mod kill;
pub(crate) mod load;
mod mcp;
pub(crate) mod metrics;
mod playground;
pub(crate) mod push;
mod quick_start;
mod record;
mod refusals;
mod schemathesis;
mod scopes;
mod shutdown;
mod timers;
mod tokens;
mod wait;

pub(crate) use resonate_process::{
    FAR, PATIENCE, binary, child, events, eventually, eventually_within, now_millis, seed, wire,
};
