//! Settings that this build knows and cannot act on yet. Where silence would be dangerous the server does not start; elsewhere it says so once.

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
        return refuse("storage.type = postgres", "this build has no Postgres store: use sqlite");
    }
    if config.retention.settled_after.is_some() {
        return refuse("retention.settled_after", "this build deletes nothing: unset it");
    }
    Ok(())
}
