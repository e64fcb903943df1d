//! Where the programs of Postgres are, and as whom they run: they refuse to run as root.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Names the folder of the programs, for another version than the machine's newest.
const FOLDER: &str = "POSTGRES_BIN";
/// Where Debian keeps them: a folder a version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who runs them where this process is root's.
const USER: &str = "postgres";

/// The programs of one version.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    user: Option<User>,
}

#[derive(Clone, Copy, Debug)]
struct User {
    uid: u32,
    gid: u32,
}

impl Programs {
    /// The ones that this process works with.
    pub(crate) fn of_the_machine() -> &'static Self {
        static FOUND: LazyLock<Programs> = LazyLock::new(|| {
            let user = rustix::process::geteuid().is_root().then(find_user);
            Programs { folder: find_folder(), user }
        });
        &FOUND
    }

    /// A program of Postgres, without what the environment says to its clients.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = self.other(self.folder.join(name));
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").env("HOME", "/");
        command
    }

    /// Another program as the same user.
    pub(crate) fn other(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").stdin(Stdio::null());
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Where a program is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Gives a file or a folder to who runs the programs.
    pub(crate) fn give(&self, path: &Path) {
        if let Some(User { uid, gid }) = self.user {
            std::os::unix::fs::chown(path, Some(uid), Some(gid)).expect("root may give files away");
        }
    }
}

/// Runs a program to its end and returns what it has said, or what it has complained of.
pub(crate) fn run(mut command: Command) -> Result<String, String> {
    let output = command.output().map_err(|why| format!("{command:?}: {why}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{command:?}: {}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr)))
}

fn find_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = PathBuf::from(folder);
        assert!(has_all(&folder), "{FOLDER} names {}, where initdb and postgres are not", folder.display());
        return folder;
    }
    let found = of_debian().or_else(of_path);
    found.unwrap_or_else(|| {
        panic!("no Postgres here: run scripts/setup.sh, or name the folder of its programs with {FOLDER}")
    })
}

fn has_all(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres", "psql"].iter().all(|name| folder.join(name).exists())
}

fn of_debian() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).ok()?.filter_map(Result::ok);
    let number = |name: &OsStr| name.to_str().and_then(|name| name.parse::<u32>().ok());
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((number(&entry.file_name())?, entry.path().join("bin"))))
        .filter(|(_, folder)| has_all(folder))
        .collect();
    found.sort();
    found.pop().map(|(_, folder)| folder)
}

/// Links are followed: what a version does not link there lies beside what it does.
fn of_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let real = |folder: PathBuf| Some(folder.join("postgres").canonicalize().ok()?.parent()?.to_path_buf());
    std::env::split_paths(&path).filter_map(real).find(|folder| has_all(folder))
}

fn find_user() -> User {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let number = |at: usize| fields.get(at)?.parse().ok();
        (fields[0] == USER).then(|| Some(User { uid: number(2)?, gid: number(3)? })).flatten()
    });
    found.unwrap_or_else(|| {
        panic!("root may not run Postgres, and there is no user {USER:?}: run scripts/setup.sh, or the tests as another user")
    })
}
