//! The layer of environment variables: decides which names are server configuration and finds their
//! keys.
//!
//! It reads an iterator, never the environment of this process.

use std::ffi::OsString;

use super::error::{Error, Origin};
use super::key::{ENVIRONMENT_PREFIX, environment_name};
use super::layers::Given;
use super::lookup;

/// Reads every variable that is server configuration, in the order of their names.
///
/// Those are the names with `__` behind the prefix, and those of the keys outside any section.
/// Other `RESONATE_` names belong to clients (`RESONATE_URL`) or to whoever runs the process. An
/// empty variable counts as absent: that is what `${PORT:-}` in a compose file leaves behind.
pub(super) fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Vec<Given>, Error> {
    let mut ours: Vec<(String, OsString)> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| is_configuration(name))
        .collect();
    ours.sort();

    let mut given = Vec::new();
    for (name, value) in ours {
        let path = name[ENVIRONMENT_PREFIX.len()..].to_lowercase().replace("__", ".");
        let origin = Origin::Environment(name);
        match lookup::find(&path) {
            Some(_) if value.is_empty() => {}
            Some(key) => match value.to_str() {
                Some(text) => given.push(Given::from_text(key, origin, text)?),
                None => return Err(Error::NotText { origin }),
            },
            None if lookup::is_section(&path) => return Err(Error::SectionAsKey { origin, path }),
            None => {
                let nearest = lookup::nearest(&path).map(|path| format!("{} ({path})", environment_name(path)));
                return Err(Error::UnknownKey { origin, path, nearest });
            }
        }
    }
    Ok(given)
}

fn is_configuration(name: &str) -> bool {
    match name.strip_prefix(ENVIRONMENT_PREFIX) {
        None => false,
        Some(rest) => rest.contains("__") || lookup::find(&rest.to_lowercase()).is_some(),
    }
}
