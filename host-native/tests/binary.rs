//! The program as it is installed. That this test exists makes `cargo test --workspace` build the program together with everything else, with the
//! same features: the tests of the real server find it there, and build nothing again.

use std::process::Command;

#[test]
fn the_program_says_its_name_and_version() {
    let said = Command::new(env!("CARGO_BIN_EXE_resonate")).arg("--version").output().expect("the program starts");
    assert!(said.status.success(), "{said:?}");
    assert_eq!(String::from_utf8_lossy(&said.stdout), concat!("resonate ", env!("CARGO_PKG_VERSION"), "\n"));
}
