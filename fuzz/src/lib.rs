//! Everything that reads what somebody else has written, each as a function over bytes that fails when it does what no input may make it do: panic,
//! blame the server, change anything though it refuses, break a property of the machine, or say something else the second time.
//!
//! A fuzzer looks for such bytes (`make fuzz`); `cargo test -p resonate-fuzz` goes over those that are kept in `corpus` and `regressions`.

mod address;
mod cron;
mod cursor;
mod envelope;
mod grpc;
mod link;
mod machine;
mod recording;
mod rest;
mod settings;

/// A target: what it does with an input.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: [(&str, Target); 9] = [
    ("address", address::meet),
    ("cron", cron::meet),
    ("cursor", cursor::meet),
    ("envelope", envelope::meet),
    ("grpc", grpc::meet),
    ("link", link::meet),
    ("recording", recording::meet),
    ("rest", rest::meet),
    ("settings", settings::meet),
];

/// Runs an input through a target.
///
/// # Panics
/// When there is no target of this name, or the input does what none may.
pub fn meet(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    target(input);
}
