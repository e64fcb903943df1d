//! The table of every configuration key.
//!
//! It is the only place where a key's name, default and description are written. Flags, environment
//! names, validation of `resonate.toml`, help, the README's table and [`super::Config`]'s values
//! all come from here.

use super::choices::{Level, LogFormat, PushAuthMode, StorageType, Synchronous};
use super::key::{Key, Kind, Meaning, Secrecy};

/// Keys that help shows under one heading.
#[derive(Debug)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// Its keys, in the order in which they are shown.
    pub keys: &'static [Key],
}

impl Section {
    const fn new(title: &'static str, keys: &'static [Key]) -> Self {
        Self { title, keys }
    }
}

const FILE: Kind = Kind::Text { hint: "FILE" };
const URL: Kind = Kind::Text { hint: "URL" };
const DURATION: Kind = Kind::Millis { min: 1 };

/// Every key, by section.
pub static SECTIONS: &[Section] = &[
    Section::new("General", GENERAL),
    Section::new("Server", SERVER),
    Section::new("Authentication", AUTH),
    Section::new("Storage", STORAGE),
    Section::new("Protocol", PROTOCOL),
    Section::new("Delivery by HTTP push", HTTP_PUSH),
    Section::new("Delivery by HTTP poll", HTTP_POLL),
    Section::new("Observability", OBSERVABILITY),
    Section::new("Accepted without effect", IGNORED),
];

const GENERAL: &[Key] = &[
    Key::live(
        "level",
        Kind::Choice(Level::NAMES),
        "Least severe log level that is written; RUST_LOG, if set, decides instead",
    )
    .default("info"),
    Key::live(
        "log.format",
        Kind::Choice(LogFormat::NAMES),
        "Shape of a log line; only `pretty` uses colours, and only on a terminal",
    )
    .default("logfmt"),
    Key::live(
        "record.file",
        FILE,
        "Write everything that happens to this file, for `resonate replay`; a file that is there is moved aside",
    )
    .irregular_flags(&["record"]),
    Key::live("record.redact", Kind::Bool, "Replace values, idempotency keys and tags in the recording by tokens")
        .default("false"),
    Key::live("debug", Kind::Bool, "Allow the `debug.*` requests, which can empty the store: for tests only")
        .default("false"),
];

const SERVER: &[Key] = &[
    Key::live("server.bind", Kind::Text { hint: "ADDRESS" }, "Address to listen on, for HTTP, gRPC and metrics")
        .default("0.0.0.0"),
    Key::live(
        "server.host",
        Kind::Text { hint: "HOST" },
        "Host name under which clients and workers reach this server",
    )
    .default("localhost"),
    Key::live("server.port", Kind::Port, "HTTP port").default("8001"),
    Key::live("server.grpc_port", Kind::Port, "gRPC port; 0 turns gRPC off").default("50051"),
    Key::live("server.url", URL, "URL of this server that workers are sent as `serverUrl`"),
    Key::live("server.body_limit", Kind::Bytes, "Largest request body that is accepted; the default is 4 MiB")
        .default("4194304"),
    Key::live(
        "server.shutdown_timeout",
        Kind::Millis { min: 0 },
        "Longest wait for open requests when the server is asked to stop",
    )
    .default("10000"),
    Key::live(
        "server.cors.allow_origins",
        Kind::List { hint: "ORIGIN" },
        "Origins whose web pages may call this server; `*` means any",
    )
    .default("")
    .irregular_flags(&["server-cors-allow-origin"]),
    Key::live(
        "server.playground_dir",
        Kind::Text { hint: "DIR" },
        "Folder with the playground, which is served at `/playground`; unset serves the one of this build, if it has any",
    ),
    Key::live(
        "server.report_now",
        Kind::Bool,
        "Tell in the header `resonate-now` at which instant each request was decided: for tests",
    )
    .default("false"),
];

const AUTH: &[Key] = &[
    Key::live("auth.publickey", FILE, "PEM file of the key that tokens are verified with"),
    Key::live("auth.iss", Kind::Text { hint: "ISSUER" }, "Issuer that a token must name"),
    Key::live("auth.aud", Kind::Text { hint: "AUDIENCE" }, "Audience that a token must name"),
];

const STORAGE: &[Key] = &[
    Key::live("storage.type", Kind::Choice(StorageType::NAMES), "Where promises are kept").default("sqlite"),
    Key::live(
        "storage.sqlite.path",
        FILE,
        "Database file; `:memory:` keeps everything in memory until the server stops",
    )
    .default("resonate.db")
    .dev_default(":memory:"),
    Key::live(
        "storage.sqlite.synchronous",
        Kind::Choice(Synchronous::NAMES),
        "When to wait for the disk; below `full`, a power cut can lose acknowledged writes",
    )
    .default("full"),
    Key::live("storage.postgres.url", URL, "Connection URL of the Postgres database").secrecy(Secrecy::UrlPassword),
    Key::live("storage.postgres.pool_size", Kind::Count, "Most connections that are open to Postgres").default("10"),
    Key::live(
        "storage.postgres.notify",
        Kind::Bool,
        "Tell the other servers about new work at once, with LISTEN/NOTIFY",
    )
    .default("true"),
    Key::live(
        "storage.postgres.statement_timeout",
        DURATION,
        "Longest run of one statement; the server waits 5000 for an answer, whatever is set here",
    )
    .default("4500"),
    Key::live(
        "retention.settled_after",
        DURATION,
        "Delete promises that were settled this long ago; unset keeps them for ever",
    ),
];

const PROTOCOL: &[Key] = &[
    Key::live("protocol.strict", Kind::Bool, "Follow the formal specification where the public server is more lenient")
        .default("false"),
    Key::live(
        "tasks.retry_timeout",
        DURATION,
        "Wait before an unclaimed task is sent again; the public server's default is 30000",
    )
    .default("5000"),
    Key::live(
        "messages.unblock_retention",
        DURATION,
        "How long an undelivered notice to a listener is kept; the default is 7 days",
    )
    .default("604800000"),
];

const HTTP_PUSH: &[Key] = &[
    Key::live("transports.http_push.enabled", Kind::Bool, "Deliver to `http://` and `https://` addresses")
        .default("true"),
    Key::live("transports.http_push.concurrency", Kind::Count, "Most deliveries under way at once").default("256"),
    Key::live("transports.http_push.connect_timeout", DURATION, "Longest wait for a connection").default("10000"),
    Key::live("transports.http_push.request_timeout", DURATION, "Longest wait for the whole request").default("180000"),
    Key::live(
        "transports.http_push.auth.mode",
        Kind::Choice(PushAuthMode::NAMES),
        "How a delivery proves itself to the worker",
    )
    .default("none"),
    Key::live("transports.http_push.auth.token", Kind::Text { hint: "TOKEN" }, "The token, for mode `bearer`")
        .secrecy(Secrecy::Whole),
    Key::live("transports.http_push.auth.header", Kind::Text { hint: "HEADER" }, "Header that carries the token")
        .default("Authorization"),
];

const HTTP_POLL: &[Key] = &[
    Key::live(
        "transports.http_poll.enabled",
        Kind::Bool,
        "Deliver to `poll://` addresses, whose workers hold a connection open",
    )
    .default("true"),
    Key::live("transports.http_poll.max_connections", Kind::Count, "Most connections held at once").default("1000"),
    Key::live("transports.http_poll.buffer_size", Kind::Count, "Most messages that wait for one connection")
        .default("100"),
];

const OBSERVABILITY: &[Key] = &[
    Key::live("observability.metrics_port", Kind::Port, "Port for Prometheus metrics; 0 turns them off")
        .default("9090"),
    Key::live("observability.otlp_endpoint", URL, "OpenTelemetry collector that traces are sent to"),
];

const IGNORED: &[Key] = &[
    Key::ignored("tasks.lease_timeout", "every worker names the lease that it wants"),
    Key::ignored("timeouts.poll_interval", "timers fire when they are due; nothing polls"),
    Key::ignored("messages.poll_interval", "messages are sent as soon as they are committed; nothing polls"),
    Key::ignored("messages.batch_size", "the server sizes its own batches"),
    Key::ignored("storage.mysql.*", "there is no MySQL store")
        .irregular_flags(&["storage-mysql-url", "storage-mysql-pool-size"]),
    Key::ignored("transports.gcps.*", "there is no delivery by Google Cloud Pub/Sub").irregular_flags(&[
        "transports-gcps-enabled",
        "transports-gcps-project",
        "transports-gcps-concurrency",
        "transports-gcps-timeout",
    ]),
    Key::ignored("transports.bash_exec.*", "the server runs no scripts").irregular_flags(&[
        "transports-bash-exec-enabled",
        "transports-bash-exec-root-dir",
        "transports-bash-exec-working-dir",
        "transports-bash-exec-lease-timeout",
    ]),
    Key::ignored("transports.http_push.auth.audience", "there is no authentication mode that has an audience")
        .irregular_flags(&["transports-http-push-auth-aud"]),
];

/// Every key, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The keys that this server acts on.
pub fn live() -> impl Iterator<Item = &'static Key> {
    all().filter(|key| key.meaning == Meaning::Live)
}
