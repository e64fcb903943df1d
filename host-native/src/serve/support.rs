//! Settings to be told about at the start: those that this server knows and has nothing to do with, and those that leave a door open. Where
//! silence would be dangerous the server does not start; elsewhere it says so once.

use super::ServeError;
use crate::config::{Config, Meaning, Origin, Setting, StorageType};

/// Keys, or families of keys, that have no effect yet.
const WITHOUT_EFFECT: [&str; 1] = ["observability.otlp_endpoint"];

/// One line for each key that somebody has set in vain.
pub fn warnings(settings: &[Setting]) -> impl Iterator<Item = String> {
    let set = settings.iter().filter(|setting| !matches!(setting.origin, Origin::Default));
    let live = set.filter(|setting| setting.key.meaning == Meaning::Live);
    let in_vain = live.filter(|setting| WITHOUT_EFFECT.iter().any(|family| covers(family, setting.key.path)));
    in_vain.map(|setting| format!("{} is set, and has no effect in this build", setting.key.path))
}

fn covers(family: &str, path: &str) -> bool {
    if family.ends_with('.') { path.starts_with(family) } else { path == family }
}

/// Refuses settings whose silent absence would be dangerous.
pub(super) fn check(config: &Config) -> Result<(), ServeError> {
    let refuse = |key: &str, why: &str| Err(ServeError(format!("{key} is set, but {why}")));
    if config.storage.kind == StorageType::Postgres {
        if config.storage.postgres.url.is_none() {
            let why = "there is no storage.postgres.url: set it to postgres://user:password@host:5432/database";
            return refuse("storage.type = postgres", why);
        }
        if config.record.file.is_some() {
            let why = "other servers may write to the same database, of which a recording would know nothing: record over SQLite";
            return refuse("record.file", why);
        }
    }
    Ok(())
}

/// Says what anybody may do who reaches the ports.
pub(super) fn warn_of_open_doors(config: &Config) {
    let bind = &config.server.bind;
    match (config.auth.publickey.is_some(), config.debug) {
        (true, _) => {}
        (false, false) => tracing::info!(bind, "authentication is off (auth.publickey)"),
        (false, true) => tracing::warn!(
            bind,
            "debug is on and authentication is off: anybody who reaches the port can empty the store; \
             set server.bind = 127.0.0.1, or auth.publickey"
        ),
    }
}
