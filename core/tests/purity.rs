//! The core has no clock, randomness, IO, threads, async or global state. Tools watch over that: an allow-list of what it depends on, and a look
//! at its own source.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that ends up in the core, other than macros that run in the compiler.
const DEPENDENCIES: [&str; 15] = [
    "base64",
    "chrono",
    "croner",
    "derive_builder",
    "itoa",
    "memchr",
    "num-traits",
    "percent-encoding",
    "resonate-core",
    "serde",
    "serde_core",
    "serde_json",
    "serde_path_to_error",
    "strum",
    "zmij",
];

#[test]
fn the_core_depends_on_nothing_else() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "resonate-core"])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).expect("UTF-8");
    let found: BTreeSet<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let surprises: Vec<&&str> = found.iter().filter(|name| !DEPENDENCIES.contains(name)).collect();
    assert!(found.contains("resonate-core") && surprises.is_empty(), "not on the list: {surprises:?}");
}

/// What has no place in the source, outside of its tests.
const BANNED: [&str; 28] = [
    "SystemTime",
    "Instant",
    "std::thread",
    "std::fs",
    "std::net",
    "std::env",
    "std::io",
    "std::process",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::atomic",
    "OnceLock",
    "LazyLock",
    "OnceCell",
    "RefCell",
    "HashMap",
    "HashSet",
    "async fn",
    "async move",
    ".await",
    "unsafe",
    "static mut",
    "thread_local!",
    "println!",
    "eprintln!",
    "dbg!",
    "Utc::now",
    "rand::",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    #[allow(clippy::disallowed_methods, reason = "a test reads files")]
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a source file")
}

/// A word of the ban, not a part of a longer one.
fn mentions(line: &str, banned: &str) -> bool {
    line.match_indices(banned).any(|(start, _)| {
        let joins = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let before = start.checked_sub(1).and_then(|place| line.as_bytes().get(place));
        let starts_with_word = banned.as_bytes()[0].is_ascii_alphanumeric();
        let continues = (starts_with_word && joins(before)) || joins(line.as_bytes().get(start + banned.len()));
        !continues
    })
}

#[test]
fn the_source_of_the_core_is_pure() {
    let files = sources(&folder());
    assert!(files.len() > 30, "the source was not found");
    for path in files.iter().filter(|path| path.file_name().is_none_or(|name| name != "tests.rs")) {
        let source = text(path);
        // Tests come last in a file.
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for banned in BANNED {
                assert!(!mentions(line, banned), "{}:{}: {banned}: {line}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn every_public_item_must_be_documented() {
    assert!(text(&folder().join("lib.rs")).contains("#![deny(missing_docs)]"));
}
