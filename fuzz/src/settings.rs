//! Configuration: a file, and what it comes to when it is written out and read again; a connection URL of Postgres.

use std::path::{Path, PathBuf};

use clap::Command;
use resonate::config::{self, Defaults, Loaded};
use resonate::store::postgres::Options;

pub(crate) fn meet(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(why) = Options::of_url(text) {
        assert!(!why.to_string().is_empty());
    }
    let file = std::env::temp_dir().join(format!("resonate-fuzz-{}.toml", std::process::id()));
    let _gone = Gone(file.clone());
    let Some(loaded) = load(&file, text) else { return };
    let again = load(&file, &config::toml(&loaded.settings)).expect("what is written out is read");
    assert_eq!(values(&again), values(&loaded));
}

/// What was set, wherever it came from.
fn values(loaded: &Loaded) -> Vec<String> {
    loaded.settings.iter().map(|setting| format!("{} = {:?}", setting.key.path, setting.value)).collect()
}

fn load(file: &Path, text: &str) -> Option<Loaded> {
    std::fs::write(file, text).expect("a temporary file");
    let command = config::add_flags_to(Command::new("serve"), Defaults::Serve);
    let flags = command.try_get_matches_from(["serve"]).expect("no flag is needed");
    match config::load(Defaults::Serve, Some(file), [], &flags) {
        Ok(loaded) => Some(loaded),
        Err(why) => {
            assert!(!why.to_string().is_empty());
            None
        }
    }
}

struct Gone(PathBuf);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
