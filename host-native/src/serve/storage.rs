//! Opens the store that the configuration names, and starts the engine over it.

use std::path::Path;
use std::sync::Arc;

use resonate_core::drive::Tx as _;
use resonate_core::rules::Rules;
use resonate_core::time::{Millis, Timestamp};

use super::ServeError;
use crate::clock::{Clock, millis};
use crate::config::{Config, PostgresConfig, RecordConfig, StorageType};
use crate::engine::limits::{POSTGRES_READERS, READERS};
use crate::engine::{Engine, Parts, Threads, Transports};
use crate::metrics::Metrics;
use crate::recorder::Recorder;
use crate::store::location::IN_MEMORY;
use crate::store::memory::{Memory, NoReader};
use crate::store::postgres::notify::Shared;
use crate::store::postgres::{Options, PostgresReader, PostgresStore};
use crate::store::sqlite::SqliteStore;
use crate::store::{CLOCK_AHEAD_MAX, HostStore};

/// Starts the engine. Blocks until the store is open.
pub(super) fn start_engine(
    config: &Config,
    metrics: &Arc<Metrics>,
    transports: Arc<dyn Transports>,
) -> Result<(Engine, Threads), ServeError> {
    let rules = Rules {
        retry_timeout: millis(config.tasks.retry_timeout),
        unblock_retention: millis(config.messages.unblock_retention),
        strict: config.protocol.strict,
    };
    let settled_after = config.retention.settled_after.map(millis);
    let metrics = Arc::clone(metrics);
    let started = match config.storage.kind {
        StorageType::Sqlite if config.storage.sqlite.path == IN_MEMORY => {
            tracing::info!("keeping promises in memory: they are gone when the server stops");
            let clock = Clock::starting_at(Timestamp::ZERO);
            let mut store = Memory::default();
            let recorder = start_recorder(&config.record, &mut store, &rules, &clock)?;
            let readers: Vec<NoReader> = Vec::new();
            Engine::start(Parts { store, readers, rules, clock, metrics, transports, recorder, settled_after })
        }
        StorageType::Sqlite => {
            let sqlite = &config.storage.sqlite;
            let mut store = SqliteStore::open(Path::new(&sqlite.path), sqlite.synchronous.as_str())?;
            tracing::info!(path = sqlite.path, synchronous = sqlite.synchronous.as_str(), "opened database");
            let clock = start_clock(store.last_created_at()?)?;
            let recorder = start_recorder(&config.record, &mut store, &rules, &clock)?;
            let readers = match &recorder {
                None => {
                    (0..READERS).map(|_| store.reader()).chain([store.searcher()]).collect::<Result<Vec<_>, _>>()?
                }
                // The writer answers everything, so that reads have their place in the order too.
                Some(_) => Vec::new(),
            };
            Engine::start(Parts { store, readers, rules, clock, metrics, transports, recorder, settled_after })
        }
        StorageType::Postgres => {
            let postgres = &config.storage.postgres;
            let options = postgres_options(postgres, &metrics)?;
            let target = Arc::clone(&options.target);
            let mut store = PostgresStore::open(options)?;
            tracing::info!(database = %target, "opened database");
            let (now, last_created_at) = store.instants()?;
            check_ahead(last_created_at, now, "the database's machine")?;
            let clock = Clock::following(now);
            clock.advance_to(last_created_at);
            if !config.debug {
                // While debugging it is as late as a request says.
                store.go_by_its_clock(clock.clone());
            }
            let readers = postgres_readers(&store, postgres)?;
            let transports = Arc::new(Shared::start(transports, postgres.notify.then_some(target)));
            Engine::start(Parts { store, readers, rules, clock, metrics, transports, recorder: None, settled_after })
        }
    };
    started.map_err(|error| ServeError(format!("cannot start a thread: {error}")))
}

fn postgres_options(config: &PostgresConfig, metrics: &Arc<Metrics>) -> Result<Options, ServeError> {
    let url = config.url.as_ref().map_or("", |url| url.expose());
    Ok(Options {
        statement_timeout: config.statement_timeout,
        metrics: Some(Arc::clone(metrics)),
        ..Options::of_url(url)?
    })
}

/// As many readers as there may be connections beside the writer's, and that of the news.
fn postgres_readers(store: &PostgresStore, config: &PostgresConfig) -> Result<Vec<PostgresReader>, ServeError> {
    let others = (config.pool_size as usize).saturating_sub(1 + usize::from(config.notify));
    let readers = (0..others.min(POSTGRES_READERS + 1)).map(|_| store.reader());
    Ok(readers.collect::<Result<Vec<_>, _>>()?)
}

/// Begins a recording with what is in the store, if there is to be one.
fn start_recorder(
    config: &RecordConfig,
    store: &mut impl HostStore,
    rules: &Rules,
    clock: &Clock,
) -> Result<Option<Recorder>, ServeError> {
    let Some(path) = &config.file else { return Ok(None) };
    let refused = |why| ServeError(format!("cannot record (--record): {why}"));
    let snapshot = store.begin().and_then(|mut tx| tx.snapshot()).map_err(|error| refused(error.to_string()))?;
    let mut recorder = Recorder::create(Path::new(path), config.redact).map_err(refused)?;
    recorder.begin(clock.now(), rules, snapshot).map_err(refused)?;
    tracing::info!(path, redacted = config.redact, "recording every request");
    Ok(Some(recorder))
}

/// A clock that does not go back behind what the store shows.
fn start_clock(last_created_at: Timestamp) -> Result<Clock, ServeError> {
    let now = Clock::starting_at(Timestamp::ZERO).now();
    check_ahead(last_created_at, now, "this machine")?;
    let ahead = last_created_at.since(now);
    if ahead > Millis::ZERO {
        tracing::warn!(
            milliseconds = ahead.as_millis(),
            "the clock of this machine is behind the database: time stands still so long"
        );
    }
    Ok(Clock::starting_at(last_created_at))
}

/// Refuses a store whose last promise was created in the far future.
fn check_ahead(last_created_at: Timestamp, now: Timestamp, whose: &str) -> Result<(), ServeError> {
    let ahead = last_created_at.since(now);
    if ahead > CLOCK_AHEAD_MAX {
        let (last, hours) = (last_created_at.as_millis(), ahead.as_millis() / 3_600_000);
        return Err(ServeError(format!(
            "the database holds a promise created {hours} h in the future (at {last} ms): correct the clock of {whose}, or that row; \
             serving would time out every promise due until then"
        )));
    }
    Ok(())
}
