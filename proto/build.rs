//! Compiles the contract with a compiler in Rust, so that no `protoc` has to be installed.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

const CONTRACT: &str = "promise.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={CONTRACT}");
    let descriptors = protox::compile([CONTRACT], ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("promise.descriptors"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().btree_map(".").compile_fds(descriptors)?;
    Ok(())
}
