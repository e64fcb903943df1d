//! The workers of the README, as they stand there but for the port, and what it tells everybody to type.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::for_sdks;
use super::sdk::{PYTHON_0_8_1, Sdk, TYPESCRIPT_0_11_5};
use super::stage::Stage;
use crate::server::binary;

for_sdks! {
    typescript = super::TYPESCRIPT_0_11_5 => [the_worker_of_the_readme_counts_down];
    python = super::PYTHON_0_8_1 => [the_worker_of_the_readme_counts_down];
}

/// The only block of the README in a language.
fn block(language: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("a README");
    // Every other piece between fences is a block; its first line is its language.
    let mut blocks = readme.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix(language));
    let block = blocks.next().expect("a block").to_owned();
    assert!(blocks.next().is_none(), "more than one block in {language}");
    block
}

/// The line that calls a command of `resonate`.
fn line(command: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("a README");
    let begin = format!("resonate {command} ");
    readme.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("no line {begin:?}")).to_owned()
}

/// Types a line in, for another server than the default one.
fn type_in(line: &str, server: &str) -> Output {
    let words = line.split_whitespace().skip(1);
    Command::new(binary::path()).args(words).args(["--server", server]).output().expect("the binary runs")
}

fn the_worker_of_the_readme_counts_down(sdk: Sdk) {
    let mut stage = Stage::new();
    let (language, program) = match sdk {
        Sdk::TypeScript(_) => ("typescript\n", "worker.mts"),
        Sdk::Python(_) => ("python\n", "worker.py"),
    };
    let program_text = block(language);
    assert!(program_text.contains("http://localhost:8001"), "{program_text}");
    stage.hire_program(sdk, program, &program_text.replace("http://localhost:8001", &stage.url()));
    let called = type_in(&line("invoke"), &stage.url());
    assert!(called.status.success(), "{called:?}");
    assert!(String::from_utf8_lossy(&called.stdout).contains("lift-off"), "{called:?}");
    for left in ["5", "4", "3", "2", "1"] {
        stage.hear(left);
    }
    let tree = type_in(&line("tree"), &stage.url());
    assert!(tree.status.success(), "{tree:?}");
    let rows = String::from_utf8_lossy(&tree.stdout);
    assert!(rows.contains("launch-1") && rows.contains("countdown") && rows.contains("sleep"), "{rows}");
    stage.ends();
}
