//! What the integration tests share: drivers that put the same requests to a store, to HTTP and to gRPC, and tables of requests with the
//! answers that every one of them must give.

pub mod driver;
pub mod drivers;
pub mod table;

pub use resonate_process::folder;
