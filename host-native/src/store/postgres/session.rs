//! One connection on a runtime of its own: prepared statements, several of them on one way there and back, and an end to every wait. It knows
//! nothing of what the statements say.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::failure::{Verdict, explain, verdict};
use super::url::Target;
use crate::store::Error;

/// Longest wait of a server for the answers to one way there and back; then the connection is given up.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Statements sent on one way: answers that nobody reads yet must not fill the buffers between.
const STATEMENTS_PER_WAY_MAX: usize = 24;

/// A statement with its parameters.
pub(super) struct Call<'a> {
    pub(super) sql: &'static str,
    pub(super) params: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
}

impl<'a> Call<'a> {
    /// A statement without parameters.
    pub(super) fn plain(sql: &'static str) -> Self {
        Self { sql, params: Vec::new() }
    }

    /// The same with one more parameter.
    pub(super) fn with(mut self, param: impl ToSql + Sync + Send + 'a) -> Self {
        self.params.push(Box::new(param));
        self
    }
}

/// What a connection is opened with.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) target: Arc<Target>,
    /// What it is for, as `application_name` shows it.
    pub(super) purpose: &'static str,
    pub(super) statement_timeout: Option<Duration>,
    /// Longest wait for the answers to one way there and back.
    pub(super) answer_max: Duration,
}

/// A connection, or what is needed to open one.
#[derive(Debug)]
pub(super) struct Session {
    opening: Opening,
    runtime: Runtime,
    link: Option<Link>,
    /// Ways there and back, and statements, since somebody last asked.
    pub(super) traffic: Traffic,
}

/// What went over a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) round_trips: u32,
    pub(super) statements: u32,
}

#[derive(Debug)]
struct Link {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// Postgres, or the way to it, says why.
    Failed(tokio_postgres::Error),
    /// It took too long.
    Late,
    /// There is no connection.
    Closed,
}

impl Session {
    /// A session that is not connected yet.
    pub(super) fn new(opening: Opening) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Open(format!("cannot start a runtime: {error}")))?;
        Ok(Self { opening, runtime, link: None, traffic: Traffic::default() })
    }

    /// Connects, unless there is a connection that works as far as anybody knows.
    pub(super) fn ensure(&mut self) -> Result<(), Error> {
        if self.link.as_ref().is_some_and(|link| !link.client.is_closed()) {
            return Ok(());
        }
        self.link = None;
        let connected = self.runtime.block_on(async {
            let (client, connection) =
                self.opening.target.connect(self.opening.purpose).await.map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            let configured = configure(&client, self.opening.statement_timeout);
            match tokio::time::timeout(ANSWER_MAX, configured).await {
                Ok(configured) => configured.map_err(|error| explain(&error))?,
                Err(_) => return Err("Postgres takes the connection and does not answer".to_owned()),
            }
            Ok::<_, String>(client)
        });
        let client = connected.map_err(Error::Open)?;
        self.link = Some(Link { client, statements: HashMap::new() });
        Ok(())
    }

    /// Forgets the connection.
    pub(super) fn close(&mut self) {
        self.link = None;
    }

    /// Runs statements in order, as many as possible on one way, and reads all rows of each. The first failure is the answer; those behind it
    /// have not run if they are in its transaction.
    pub(super) fn run(&mut self, calls: &[Call<'_>]) -> Result<Vec<Vec<Row>>, Silence> {
        let answer_max = self.opening.answer_max;
        let link = self.link.as_mut().ok_or(Silence::Closed)?;
        let mut rows = Vec::with_capacity(calls.len());
        for calls in calls.chunks(STATEMENTS_PER_WAY_MAX) {
            self.traffic.round_trips += 1;
            self.traffic.statements += calls.len() as u32;
            let answers = self.runtime.block_on(async {
                tokio::time::timeout(answer_max, link.run(calls)).await.unwrap_or(Err(Silence::Late))
            });
            match answers {
                Ok(answers) => rows.extend(answers),
                Err(silence) => {
                    let lost = match &silence {
                        Silence::Failed(error) => verdict(error) == Verdict::Lost,
                        Silence::Late | Silence::Closed => true,
                    };
                    if lost {
                        self.link = None;
                    }
                    return Err(silence);
                }
            }
        }
        Ok(rows)
    }

    /// Runs one statement and hands over its rows as they come, however many they are, until somebody has enough: then the connection is closed. A
    /// row may be long in coming; that the server is gone the way to it finds out.
    pub(super) fn stream(
        &mut self,
        call: &Call<'_>,
        each: &mut dyn FnMut(&Row) -> ControlFlow<()>,
    ) -> Result<(), Silence> {
        let link = self.link.as_mut().ok_or(Silence::Closed)?;
        let streamed = self.runtime.block_on(async {
            let statement = link.client.prepare(call.sql).await?;
            let params = call.params.iter().map(|param| &**param as &(dyn ToSql + Sync));
            let mut rows = pin!(link.client.query_raw(&statement, params).await?);
            while let Some(row) = rows.try_next().await? {
                if each(&row).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        if streamed.as_ref().is_ok_and(ControlFlow::is_break) {
            self.link = None;
        }
        streamed.map(drop).map_err(Silence::Failed)
    }

    /// Runs statements of a script, outside of any transaction that the script does not begin.
    pub(super) fn script(&mut self, sql: &str) -> Result<(), Silence> {
        let link = self.link.as_mut().ok_or(Silence::Closed)?;
        self.runtime.block_on(link.client.batch_execute(sql)).map_err(Silence::Failed)
    }
}

impl Link {
    async fn run(&mut self, calls: &[Call<'_>]) -> Result<Vec<Vec<Row>>, Silence> {
        let mut missing: Vec<&'static str> = calls.iter().map(|call| call.sql).collect();
        missing.retain(|sql| !self.statements.contains_key(sql));
        missing.sort_unstable();
        missing.dedup();
        let prepared = join_all(missing.iter().map(|sql| self.client.prepare(sql))).await;
        for (sql, statement) in missing.into_iter().zip(prepared) {
            self.statements.insert(sql, statement.map_err(Silence::Failed)?);
        }
        let params: Vec<Vec<&(dyn ToSql + Sync)>> = calls
            .iter()
            .map(|call| call.params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect())
            .collect();
        // Polled in order when first polled: that is the order in which they are sent.
        let answers =
            calls.iter().zip(&params).map(|(call, params)| self.client.query(&self.statements[call.sql], params));
        let answers = join_all(answers).await;
        // The first failure is the cause of those behind it.
        answers.into_iter().collect::<Result<Vec<_>, _>>().map_err(Silence::Failed)
    }
}

/// Settings of every connection. Plans by index always: a table that is still small, or was when statistics were taken, must not be read as a whole
/// once it has grown. A database that does not know one of them goes without it.
async fn configure(client: &Client, statement_timeout: Option<Duration>) -> Result<(), tokio_postgres::Error> {
    let mut settings = vec![
        // Longer than Postgres takes to find a deadlock, which is another matter.
        "SET lock_timeout = '2s'".to_owned(),
        // Whoever stops in the middle of a transaction must not lock out the others for long.
        "SET idle_in_transaction_session_timeout = '10s'".to_owned(),
        "SET enable_seqscan = off".to_owned(),
        "SET enable_bitmapscan = off".to_owned(),
        "SET enable_sort = off".to_owned(),
        "SET max_parallel_workers_per_gather = 0".to_owned(),
        "SET enable_hashjoin = off".to_owned(),
        "SET enable_mergejoin = off".to_owned(),
        "SET plan_cache_mode = force_generic_plan".to_owned(),
        "SET jit = off".to_owned(),
    ];
    settings.extend(statement_timeout.map(|timeout| format!("SET statement_timeout = {}", timeout.as_millis())));
    for set in join_all(settings.iter().map(|setting| client.batch_execute(setting))).await {
        match set {
            Err(error) if verdict(&error) == Verdict::Failed => {
                tracing::debug!(error = explain(&error), "the database does not know a setting");
            }
            other => other?,
        }
    }
    Ok(())
}
