//! Runs the server from a finished configuration until it is told to stop.
//!
//! It reads no files, flags or environment variables: everything it needs is in [`Config`].

use std::fmt;

use crate::config::Config;

/// Why the server could not start, or stopped on its own.
#[derive(Debug)]
pub struct ServeError(String);

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServeError {}

/// Serves until a signal asks for the end, then drains for at most `server.shutdown_timeout`.
pub async fn run(config: Config) -> Result<(), ServeError> {
    tracing::info!(addr = %format_args!("{}:{}", config.server.bind, config.server.port), "starting http server");
    Err(ServeError("this build has no server".to_owned()))
}
