//! The layers together. Files are texts and environments are lists here: nothing depends on this
//! process.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::Command;

use super::*;

struct Layers<'a> {
    defaults: Defaults,
    file: &'a str,
    environment: &'a [(&'a str, &'a str)],
    flags: &'a [&'a str],
}

const NOTHING: Layers<'_> = Layers { defaults: Defaults::Serve, file: "", environment: &[], flags: &[] };

fn loaded(layers: &Layers<'_>) -> Result<Loaded, Error> {
    let flags = add_flags_to(Command::new("test").no_binary_name(true), layers.defaults)
        .try_get_matches_from(layers.flags)
        .expect("flags that clap accepts");
    let mut given = file::parse(Path::new(DEFAULT_FILE), layers.file)?;
    given.extend(environment::read(
        layers.environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))),
    )?);
    given.extend(flags::read(&flags)?);
    layers::merge(layers.defaults, given)
}

fn config(layers: &Layers<'_>) -> Config {
    loaded(layers).unwrap_or_else(|error| panic!("{error}")).config
}

fn refused(layers: &Layers<'_>) -> String {
    loaded(layers).expect_err("a refusal").to_string()
}

#[test]
fn defaults_are_those_of_the_table() {
    let config = config(&NOTHING);
    assert_eq!(config.server.port, 8001);
    assert_eq!(config.tasks.retry_timeout, Duration::from_secs(5));
    assert_eq!(config.messages.unblock_retention, Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(config.server.body_limit, 4 * 1024 * 1024);
    assert_eq!(config.server.cors.allow_origins, Vec::<String>::new());
    assert_eq!(config.storage.sqlite.path, "resonate.db");
    assert_eq!(config.storage.postgres.url, None);
    assert_eq!(config.retention.settled_after, None);
}

#[test]
fn dev_differs_only_where_nobody_says_otherwise() {
    let dev = Layers { defaults: Defaults::Dev, ..NOTHING };
    assert_eq!(config(&dev).storage.sqlite.path, ":memory:");
    let said = Layers { file: "storage.sqlite.path = 'x.db'", ..dev };
    assert_eq!(config(&said).storage.sqlite.path, "x.db");
}

#[test]
fn a_later_layer_wins_key_by_key() {
    let layers = Layers {
        file: "[server]\nport = 1\ngrpc_port = 2\nhost = 'file'\n",
        environment: &[("RESONATE_SERVER__PORT", "10"), ("RESONATE_SERVER__GRPC_PORT", "20")],
        flags: &["--server-port", "100"],
        ..NOTHING
    };
    let Loaded { config, settings, .. } = loaded(&layers).unwrap();
    assert_eq!((config.server.port, config.server.grpc_port, config.server.host.as_str()), (100, 20, "file"));
    let origin = |path: &str| settings.iter().find(|setting| setting.key.path == path).unwrap().origin.to_string();
    assert_eq!(origin("server.port"), "flag --server-port");
    assert_eq!(origin("server.grpc_port"), "environment variable RESONATE_SERVER__GRPC_PORT");
    assert_eq!(origin("server.host"), "resonate.toml line 4");
    assert_eq!(origin("server.bind"), "default");
}

#[test]
fn an_empty_flag_takes_an_optional_value_back() {
    let layers = Layers { file: "server.url = 'http://x'", flags: &["--server-url", ""], ..NOTHING };
    assert_eq!(config(&layers).server.url, None);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_one() {
    let file = |file| refused(&Layers { file, ..NOTHING });
    assert_eq!(
        file("level = 'info'\n[server]\nprot = 1"),
        "resonate.toml line 3: unknown key server.prot; did you mean server.port?"
    );
    assert_eq!(file("[serverr]\nport = 1"), "resonate.toml line 1: unknown key serverr; did you mean server?");
    assert_eq!(
        file("metrics_port = 1"),
        "resonate.toml line 1: unknown key metrics_port; did you mean observability.metrics_port?"
    );
    let environment = |name| refused(&Layers { environment: &[(name, "1")], ..NOTHING });
    assert_eq!(
        environment("RESONATE_SERVER__PROT"),
        "environment variable RESONATE_SERVER__PROT: unknown key server.prot; did you mean RESONATE_SERVER__PORT (server.port)?"
    );
}

#[test]
fn sections_and_keys_are_not_confused() {
    let file = |file| refused(&Layers { file, ..NOTHING });
    assert_eq!(file("server = 1"), "resonate.toml line 1: server is a section and takes no value");
    assert_eq!(
        file("[level]\nx = 1"),
        "resonate.toml line 1: level is a section, but must be error, warn, info, debug or trace"
    );
    assert!(file("level = ").starts_with("resonate.toml line 1: not valid TOML: "));
}

#[test]
fn a_wrong_value_names_the_layer_it_came_from() {
    assert_eq!(
        refused(&Layers { file: "\n[server]\nport = '8001'", ..NOTHING }),
        "resonate.toml line 3: server.port is \"8001\", but must be a whole number from 0 to 65535"
    );
    assert_eq!(
        refused(&Layers { environment: &[("RESONATE_DEBUG", "1")], ..NOTHING }),
        "environment variable RESONATE_DEBUG: debug is \"1\", but must be true or false"
    );
    assert_eq!(
        refused(&Layers { flags: &["--tasks-retry-timeout", "0"], ..NOTHING }),
        "flag --tasks-retry-timeout: tasks.retry_timeout is 0, but must be a whole number of milliseconds, at least 1"
    );
    assert_eq!(
        refused(&Layers { file: "server.port = 99999999999999999999", ..NOTHING }),
        "resonate.toml line 1: server.port is 99999999999999999999, but must be a whole number from 0 to 65535"
    );
    // Also where a higher layer hides it.
    assert!(loaded(&Layers { file: "server.port = 'x'", flags: &["--server-port", "1"], ..NOTHING }).is_err());
}

#[test]
fn only_names_of_the_server_are_read_from_the_environment() {
    let layers = Layers {
        environment: &[
            ("RESONATE_URL", "http://x"),
            ("RESONATE_TOKEN", "x"),
            ("RESONATE_PREFIX", "x"),
            ("RESONATE_PORT_8001_TCP", "tcp://10.0.0.1:8001"),
            ("OTHER_SERVER__PORT", "x"),
            ("RESONATE_SERVER__PORT", ""),
            ("RESONATE_LEVEL", "debug"),
            ("RESONATE_SERVER__CORS__ALLOW_ORIGINS", "http://a,http://b"),
        ],
        ..NOTHING
    };
    let config = config(&layers);
    assert_eq!((config.level, config.server.port), (Level::Debug, 8001));
    assert_eq!(config.server.cors.allow_origins, ["http://a", "http://b"]);
}

#[test]
fn ignored_keys_warn_once_each_whatever_they_hold() {
    let layers = Layers {
        file: "[timeouts]\npoll_interval = 1\n[storage.mysql]\nurl = 'x'\npool_size = 3\n[transports.bash_exec]\nenabled = true",
        environment: &[("RESONATE_TIMEOUTS__POLL_INTERVAL", "x"), ("RESONATE_STORAGE__MYSQL__ANYTHING__BELOW", "x")],
        flags: &["--transports-gcps-enabled", "--transports-http-push-auth-aud", "x"],
        ..NOTHING
    };
    let warnings = loaded(&layers).unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "environment variable RESONATE_TIMEOUTS__POLL_INTERVAL: timeouts.poll_interval has no effect here: timers fire when they are due; nothing polls",
            "environment variable RESONATE_STORAGE__MYSQL__ANYTHING__BELOW: storage.mysql.* has no effect here: there is no MySQL store",
            "flag --transports-gcps-enabled: transports.gcps.* has no effect here: there is no delivery by Google Cloud Pub/Sub",
            "resonate.toml line 7: transports.bash_exec.* has no effect here: the server runs no scripts",
            "flag --transports-http-push-auth-audience: transports.http_push.auth.audience has no effect here: there is no authentication mode that has an audience",
        ]
    );
}

#[test]
fn irregular_and_repeated_flags_are_understood() {
    let layers = Layers {
        flags: &[
            "--server-cors-allow-origin",
            "http://a",
            "--server-cors-allow-origin",
            "http://b,http://c",
            "--debug",
        ],
        ..NOTHING
    };
    let config = config(&layers);
    assert_eq!(config.server.cors.allow_origins, ["http://a", "http://b", "http://c"]);
    assert!(config.debug);
    let push = |flags| self::config(&Layers { flags, ..NOTHING }).transports.http_push.enabled;
    assert!(!push(&["--transports-http-push-enabled", "false"]));
    assert!(!push(&["--transports-http-push-enabled=false"]));
}

#[test]
fn half_of_an_authentication_is_refused() {
    assert_eq!(
        refused(&Layers { flags: &["--transports-http-push-auth-mode", "bearer"], ..NOTHING }),
        "flag --transports-http-push-auth-mode: transports.http_push.auth.mode = bearer needs transports.http_push.auth.token, which is not set"
    );
    assert_eq!(
        refused(&Layers { file: "auth.iss = 'x'", ..NOTHING }),
        "resonate.toml line 1: auth.iss needs auth.publickey, which is not set"
    );
    assert!(loaded(&Layers { file: "auth.iss = 'x'\nauth.publickey = 'key.pem'", ..NOTHING }).is_ok());
}

#[test]
fn secrets_are_not_printed() {
    let layers = Layers {
        file: "[transports.http_push.auth]\nmode = 'bearer'\ntoken = 'tok3n'\n[storage.postgres]\nurl = 'postgres://ann:s3cret@db/x'",
        ..NOTHING
    };
    let Loaded { config, settings, .. } = loaded(&layers).unwrap();
    assert_eq!(config.transports.http_push.auth.token.as_ref().map(Secret::expose), Some("tok3n"));
    for printed in [toml(&settings), format!("{config:?}")] {
        assert!(!printed.contains("tok3n") && !printed.contains("s3cret"), "{printed}");
    }
    assert!(toml(&settings).contains("postgres://ann:***@db/x"));
}

#[test]
fn the_printed_configuration_reads_back_as_itself() {
    let layers = Layers { file: "server.cors.allow_origins = ['http://a\"b']\nretention.settled_after = 5", ..NOTHING };
    let first = loaded(&layers).unwrap();
    let printed = toml(&first.settings);
    assert_eq!(config(&Layers { file: &printed, ..NOTHING }), first.config);
}

#[test]
fn a_named_file_must_exist() {
    let error = file::read(Some(Path::new("/no/such/resonate.toml"))).unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
}

#[test]
fn the_readme_shows_the_table_of_keys() {
    let readme = include_str!("../../../README.md");
    let table = super::markdown();
    assert!(readme.contains(table.trim()), "put the output of `resonate config --markdown` into README.md");
}
