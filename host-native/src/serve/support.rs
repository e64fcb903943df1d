//! Settings that this build knows and cannot act on yet. Where silence would be dangerous the server does not start; elsewhere it says so once.

use super::ServeError;
use crate::config::{Config, StorageType};

/// Refuses or reports settings without effect.
pub(super) fn check(config: &Config) -> Result<(), ServeError> {
    let refuse = |key: &str, why: &str| Err(ServeError(format!("{key} is set, but {why}")));
    if config.auth.publickey.is_some() {
        return refuse("auth.publickey", "this build verifies no tokens: unset it, and keep the ports private");
    }
    if config.storage.kind == StorageType::Postgres {
        return refuse("storage.type = postgres", "this build has no Postgres store: use sqlite");
    }
    if config.retention.settled_after.is_some() {
        return refuse("retention.settled_after", "this build deletes nothing: unset it");
    }
    let silent = [
        ("debug", config.debug),
        ("server.cors.allow_origins", !config.server.cors.allow_origins.is_empty()),
        ("observability.otlp_endpoint", config.observability.otlp_endpoint.is_some()),
    ];
    for (key, _) in silent.iter().filter(|(_, set)| *set) {
        tracing::warn!(key, "this setting has no effect in this build");
    }
    Ok(())
}
