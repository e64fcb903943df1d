//! Where the released SDKs are, and how a program that uses one is started. Knows nothing of servers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An SDK of a version that `tests/clients` pins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sdk {
    TypeScript(&'static str),
    Python(&'static str),
}

pub(super) const TYPESCRIPT_0_11_5: Sdk = Sdk::TypeScript("0.11.5");
pub(super) const TYPESCRIPT_0_11_4: Sdk = Sdk::TypeScript("0.11.4");
pub(super) const PYTHON_0_8_1: Sdk = Sdk::Python("0.8.1");
pub(super) const PYTHON_0_7_4: Sdk = Sdk::Python("0.7.4");

impl Sdk {
    /// How to run a program of a folder in which nothing is but the SDK, as its users have it.
    pub(super) fn command(self, folder: &Path, file: &str) -> Command {
        let mut command = match self {
            Self::TypeScript(version) => {
                link(&installed(&format!("node_modules/sdk-{version}")), &folder.join("node_modules/@resonatehq/sdk"));
                Command::new(installed("node_modules/.bin/node"))
            }
            Self::Python(version) => {
                let mut python = Command::new(installed(&format!(".venv-{version}/bin/python")));
                // A pipe is no terminal: without `-u` its lines would come when it ends.
                python.args(["-B", "-u"]);
                python
            }
        };
        command.arg(file).current_dir(folder);
        command
    }

    /// The file of a program in this language.
    pub(super) fn file(self, program: &str) -> String {
        match self {
            Self::TypeScript(_) => format!("{program}.ts"),
            Self::Python(_) => format!("{program}.py"),
        }
    }

    /// Copies the programs of `tests/clients` to a folder.
    pub(super) fn copy_programs(self, folder: &Path) {
        let programs = clients().join(match self {
            Self::TypeScript(_) => "typescript",
            Self::Python(_) => "python",
        });
        for program in fs::read_dir(programs).expect("a folder of programs") {
            let program = program.expect("a program");
            if program.path().is_file() {
                fs::copy(program.path(), folder.join(program.file_name())).expect("a copy");
            }
        }
    }
}

/// The folder of the programs and of the installed SDKs.
fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

fn installed(path: &str) -> PathBuf {
    let path = clients().join(path);
    assert!(path.exists(), "{} is missing: scripts/setup.sh installs it", path.display());
    path
}

fn link(to: &Path, from: &Path) {
    fs::create_dir_all(from.parent().expect("a folder")).expect("a folder");
    if !from.exists() {
        symlink(to, from).expect("a link");
    }
}
