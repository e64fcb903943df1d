//! The gRPC contract of durable promises, `promise.proto`, as Rust: messages, client and server. Nothing here knows what a request means.

/// Package `promise`: the Durable Promise API of 2023. The contract itself explains each message.
///
/// The client takes any channel: `promise_service_client::PromiseServiceClient::new(channel)`.
pub mod promise {
    #![allow(clippy::all, missing_debug_implementations, missing_docs, unreachable_pub, rustdoc::all)]

    tonic::include_proto!("promise");

    /// The contract as an encoded `FileDescriptorSet` with its comments, for server reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/promise.descriptors"));
}
