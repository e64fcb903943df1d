//! The configuration as the server reads it: one field a key.
//!
//! It holds no defaults: a field is filled from the key table or from a layer above it. Fields are
//! named as their keys.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::choices::{Level, LogFormat, PushAuthMode, StorageType, Synchronous};
use super::key::MASK;

/// Declares sections: each derives what serde needs and refuses what the key table does not have.
macro_rules! section {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)+
        }
    )+};
}

section! {
    /// Everything that an operator can set.
    Config {
        /// `level`
        level: Level,
        /// `debug`: whether the `debug.*` requests are allowed.
        debug: bool,
        /// `log.*`
        log: LogConfig,
        /// `record.*`
        record: RecordConfig,
        /// `server.*`
        server: ServerConfig,
        /// `auth.*`
        #[serde(default)]
        auth: AuthConfig,
        /// `storage.*`
        storage: StorageConfig,
        /// `retention.*`
        #[serde(default)]
        retention: RetentionConfig,
        /// `protocol.*`
        protocol: ProtocolConfig,
        /// `tasks.*`
        tasks: TasksConfig,
        /// `messages.*`
        messages: MessagesConfig,
        /// `transports.*`
        transports: TransportsConfig,
        /// `observability.*`
        observability: ObservabilityConfig,
    }

    /// `log.*`
    LogConfig {
        /// The shape of a line.
        format: LogFormat,
    }

    /// `record.*`
    RecordConfig {
        /// The file that everything that happens is written to.
        file: Option<String>,
        /// Whether values are replaced by tokens there.
        redact: bool,
    }

    /// `server.*`
    ServerConfig {
        /// The address to listen on.
        bind: String,
        /// The host name under which others reach this server.
        host: String,
        /// The HTTP port.
        port: u16,
        /// The gRPC port; 0 is off.
        grpc_port: u16,
        /// What workers are sent as `serverUrl`.
        url: Option<String>,
        /// Bytes of the largest request body.
        body_limit: usize,
        /// How long open requests may take to end (configured in milliseconds).
        #[serde(with = "millis")]
        shutdown_timeout: Duration,
        /// `server.cors.*`
        cors: CorsConfig,
        /// The folder with the playground.
        playground_dir: Option<String>,
        /// Whether answers tell when they were decided.
        report_now: bool,
    }

    /// `server.cors.*`
    CorsConfig {
        /// Origins that may call from a web page; empty is none, `*` is any.
        allow_origins: Vec<String>,
    }

    /// `auth.*`
    #[derive(Default)]
    AuthConfig {
        /// A PEM file; without it there is no authentication.
        publickey: Option<String>,
        /// The issuer that a token must name.
        iss: Option<String>,
        /// The audience that a token must name.
        aud: Option<String>,
    }

    /// `storage.*`
    StorageConfig {
        /// `storage.type`
        #[serde(rename = "type")]
        kind: StorageType,
        /// `storage.sqlite.*`
        sqlite: SqliteConfig,
        /// `storage.postgres.*`
        postgres: PostgresConfig,
    }

    /// `storage.sqlite.*`
    SqliteConfig {
        /// The file, or `:memory:`.
        path: String,
        /// When to wait for the disk.
        synchronous: Synchronous,
    }

    /// `storage.postgres.*`
    PostgresConfig {
        /// The connection URL, which may hold a password.
        url: Option<Secret>,
        /// The most connections.
        pool_size: u32,
        /// Whether to use LISTEN/NOTIFY.
        notify: bool,
        /// The longest run of one statement (configured in milliseconds).
        #[serde(default, with = "optional_millis")]
        statement_timeout: Option<Duration>,
    }

    /// `retention.*`
    #[derive(Default)]
    RetentionConfig {
        /// How long settled promises are kept (configured in milliseconds); `None` is for ever.
        #[serde(default, with = "optional_millis")]
        settled_after: Option<Duration>,
    }

    /// `protocol.*`
    ProtocolConfig {
        /// Whether the formal specification holds to the letter.
        strict: bool,
    }

    /// `tasks.*`
    TasksConfig {
        /// The wait before an unclaimed task is sent again (configured in milliseconds).
        #[serde(with = "millis")]
        retry_timeout: Duration,
    }

    /// `messages.*`
    MessagesConfig {
        /// How long an undelivered notice is kept (configured in milliseconds).
        #[serde(with = "millis")]
        unblock_retention: Duration,
    }

    /// `transports.*`
    TransportsConfig {
        /// `transports.http_push.*`
        http_push: HttpPushConfig,
        /// `transports.http_poll.*`
        http_poll: HttpPollConfig,
    }

    /// `transports.http_push.*`
    HttpPushConfig {
        /// Whether to deliver by push.
        enabled: bool,
        /// The most deliveries under way.
        concurrency: usize,
        /// The longest wait for a connection (configured in milliseconds).
        #[serde(with = "millis")]
        connect_timeout: Duration,
        /// The longest wait for a request (configured in milliseconds).
        #[serde(with = "millis")]
        request_timeout: Duration,
        /// `transports.http_push.auth.*`
        auth: HttpPushAuthConfig,
    }

    /// `transports.http_push.auth.*`
    HttpPushAuthConfig {
        /// How a delivery proves itself.
        mode: PushAuthMode,
        /// The token; present if the mode is [`PushAuthMode::Bearer`].
        token: Option<Secret>,
        /// The header that carries it.
        header: String,
    }

    /// `transports.http_poll.*`
    HttpPollConfig {
        /// Whether workers may poll.
        enabled: bool,
        /// The most connections.
        max_connections: usize,
        /// The most messages that wait for one connection.
        buffer_size: usize,
    }

    /// `observability.*`
    ObservabilityConfig {
        /// The port for Prometheus; 0 is off.
        metrics_port: u16,
        /// The OpenTelemetry collector.
        otlp_endpoint: Option<String>,
    }
}

/// A text that neither `{:?}` nor serde prints.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

mod optional_millis {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::millis::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        super::millis::deserialize(deserializer).map(Some)
    }
}
