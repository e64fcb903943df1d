//! Where the binary is. Cargo tells its path only to the tests of its own package, so it is looked for beside this test's own executable, and
//! built there when it is missing or older than a source of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The path of an up-to-date `resonate`, built with the profile of this test.
pub fn path() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let own = std::env::current_exe().expect("a path of this test");
        // …/target/PROFILE/deps/main-0123456789abcdef
        let profile = own.ancestors().nth(2).expect("a folder of the profile");
        let binary = profile.join(format!("resonate{}", std::env::consts::EXE_SUFFIX));
        if !is_fresh(&binary) {
            build(profile);
        }
        assert!(binary.exists(), "cargo did not build {}", binary.display());
        binary
    })
}

/// Whether no source is newer than the binary. Cargo lists its sources beside it: `binary: source source …`.
fn is_fresh(binary: &Path) -> bool {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified());
    let (Ok(built), Ok(list)) = (changed(binary), std::fs::read_to_string(binary.with_extension("d"))) else {
        return false;
    };
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources);
    // A source that is gone counts as changed.
    let newer = |source: &str| changed(Path::new(source)).unwrap_or_else(|_| SystemTime::now()) > built;
    !sources.is_empty() && !sources.split_whitespace().any(newer)
}

fn build(profile: &Path) {
    let name = match profile.file_name().and_then(|name| name.to_str()).expect("a profile") {
        "debug" => "dev",
        name => name,
    };
    let target = profile.parent().expect("a target folder");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "resonate", "--bin", "resonate", "--profile", name, "--target-dir"])
        .arg(target)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .status()
        .expect("cargo runs");
    assert!(built.success(), "cargo cannot build the server");
}
