//! The configuration: one table of keys, four layers, one typed result.
//!
//! Defaults < `resonate.toml` < environment < flags. Every name and default is in [`keys`]; every
//! value is checked where it is read, so an error names the layer it came from. It must not know
//! what the server does with a value.

mod choices;
mod environment;
mod error;
mod file;
mod flags;
mod key;
pub mod keys;
mod layers;
mod lookup;
mod render;
mod typed;
mod value;

#[cfg(test)]
mod consistency;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

use clap::ArgMatches;

pub use choices::{Level, LogFormat, PushAuthMode, StorageType, Synchronous};
pub use error::{Error, Origin};
pub use file::DEFAULT_FILE;
pub use flags::{add_storage_to as add_storage_flags_to, add_to as add_flags_to};
pub use key::{Key, Kind, MASK, Meaning, Secrecy};
pub use layers::{Defaults, Setting};
pub use render::{markdown, toml};
pub use typed::{
    AuthConfig, Config, CorsConfig, HttpPollConfig, HttpPushAuthConfig, HttpPushConfig, LogConfig, MessagesConfig,
    ObservabilityConfig, PostgresConfig, ProtocolConfig, RecordConfig, RetentionConfig, Secret, ServerConfig,
    SqliteConfig, StorageConfig, TasksConfig, TransportsConfig,
};

/// A configuration together with how it came about.
#[derive(Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The same values with their origins, in the order of the table.
    pub settings: Vec<Setting>,
    /// One line for each ignored key that was set.
    pub warnings: Vec<String>,
}

/// Reads and merges all layers.
///
/// A `file` that is named must exist; otherwise [`DEFAULT_FILE`] in the working directory is read
/// if it is there. `flags` are the matches of a command that was built with [`add_flags_to`] or
/// [`add_storage_flags_to`].
pub fn load(
    defaults: Defaults,
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &ArgMatches,
) -> Result<Loaded, Error> {
    let mut given = file::read(file)?;
    given.extend(environment::read(environment)?);
    given.extend(flags::read(flags)?);
    layers::merge(defaults, given)
}
