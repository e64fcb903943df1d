//! What the server writes about itself: one line an event, on standard output.
//!
//! It is set up once and must not know who logs what. Its formats share one rule: whatever a value
//! holds, an event stays on its line and cannot reach the terminal as anything but text.

mod json;
mod logfmt;

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use tracing::Metadata;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::prelude::*;
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{EnvFilter, fmt as subscriber};

use crate::config::{Level, LogFormat};

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The least severe level.
    pub level: Level,
    /// The shape of a line.
    pub format: LogFormat,
    /// Directives as of `RUST_LOG`, which decide instead of `level`.
    pub directives: Option<String>,
    /// Whether `pretty` may use colours.
    pub colours: bool,
}

/// Why logging could not be set up.
#[derive(Debug)]
pub enum Error {
    /// The directives cannot be read.
    Directives(ParseError),
    /// This process already logs.
    Taken(TryInitError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directives(error) => write!(f, "environment variable RUST_LOG: {error}"),
            Self::Taken(error) => write!(f, "cannot set up logging: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// Sets up logging for the whole process; a second call is refused.
pub fn init(options: &Options) -> Result<(), Error> {
    let filter = EnvFilter::try_new(directives(options)).map_err(Error::Directives)?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = subscriber::layer().with_writer(std::io::stdout);
    match options.format {
        LogFormat::Logfmt => registry.with(lines.fmt_fields(logfmt::Fields).event_format(logfmt::Line)).try_init(),
        LogFormat::Json => registry.with(lines.fmt_fields(json::Fields).event_format(json::Line)).try_init(),
        LogFormat::Pretty => {
            registry.with(lines.with_ansi(options.colours).with_target(false).with_timer(UtcMillis)).try_init()
        }
    }
    .map_err(Error::Taken)
}

/// Below `info`, libraries stay at `info`: their wire traces would bury our own lines. RUST_LOG can
/// still ask for them.
fn directives(options: &Options) -> String {
    match (&options.directives, options.level) {
        (Some(directives), _) => directives.clone(),
        (None, level @ (Level::Error | Level::Warn | Level::Info)) => level.to_string(),
        (None, level @ (Level::Debug | Level::Trace)) => format!("info,resonate={level}"),
    }
}

/// Where an event was logged matters to those who read the code, so it is shown only at their
/// levels.
fn target_of<'a>(metadata: &'a Metadata<'_>) -> Option<&'a str> {
    (*metadata.level() >= tracing::Level::DEBUG).then(|| metadata.target())
}

/// Raw identifiers show without their prefix.
fn name_of(field: &tracing::field::Field) -> &'static str {
    field.name().trim_start_matches("r#")
}

/// The instant as `2026-01-02T03:04:05.678Z`.
fn timestamp(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).to_rfc3339_opts(SecondsFormat::Millis, true)
}

struct UtcMillis;

impl FormatTime for UtcMillis {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        w.write_str(&timestamp(SystemTime::now()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tracing_subscriber::fmt::{FormatEvent, FormatFields, MakeWriter};
    use tracing_subscriber::registry::Registry;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Captured {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What `events` writes, without the time.
    pub(super) fn written<F, L>(fields: F, line: L, events: impl FnOnce()) -> String
    where
        F: for<'w> FormatFields<'w> + Send + Sync + 'static,
        L: FormatEvent<Registry, F> + Send + Sync + 'static,
    {
        let captured = Captured::default();
        let layer = subscriber::layer().with_writer(captured.clone()).fmt_fields(fields).event_format(line);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), events);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_instant_is_printed_in_utc_with_milliseconds() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_678);
        assert_eq!(timestamp(at), "2026-01-02T03:04:05.678Z");
    }

    #[test]
    fn rust_log_decides_over_the_level() {
        let mut options = Options { level: Level::Debug, format: LogFormat::Logfmt, directives: None, colours: false };
        assert_eq!(directives(&options), "info,resonate=debug");
        options.level = Level::Warn;
        assert_eq!(directives(&options), "warn");
        options.directives = Some("hyper=trace".to_owned());
        assert_eq!(directives(&options), "hyper=trace");
    }
}
