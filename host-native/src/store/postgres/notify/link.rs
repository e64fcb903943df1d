//! The connection that news travel over: made, tried, made anew when it is lost. It knows nothing of what is done with them.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client};

use super::limits::{ANSWER_MAX, PROBE_INTERVAL, RECONNECT_PAUSE_MAX, RECONNECT_PAUSE_MIN};
use super::news::{self, Desk, News};
use crate::engine::Transports;
use crate::engine::limits::FAILURE_LOG_INTERVAL;
use crate::store::postgres::url::{ConnectError, Connection, Target};

const APPLICATION_NAME: &str = "resonate notify";
const LISTEN: &str = "LISTEN resonate";
const TELL: &str = "SELECT pg_notify('resonate', line) FROM unnest($1::text[]) AS line";

/// A server's connection to the others.
pub(super) struct Link {
    target: Arc<Target>,
    /// This server, as the others see it: it does not listen to itself.
    server: String,
    desk: Arc<Desk>,
    listener: Arc<dyn Transports>,
    hears: watch::Sender<bool>,
}

/// Why a connection is over.
enum Lost {
    NotMade(ConnectError),
    Closed,
    Late,
    Said(tokio_postgres::Error),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMade(error) => write!(f, "{error}"),
            Self::Closed => f.write_str("the connection was closed"),
            Self::Late => write!(f, "no answer within {} s", ANSWER_MAX.as_secs()),
            Self::Said(error) => match error.as_db_error() {
                Some(said) => write!(f, "{} ({})", said.message(), said.code().code()),
                None => write!(f, "{error}"),
            },
        }
    }
}

impl From<tokio_postgres::Error> for Lost {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Said(error)
    }
}

impl Link {
    pub(super) fn new(
        target: Arc<Target>,
        desk: Arc<Desk>,
        listener: Arc<dyn Transports>,
        hears: watch::Sender<bool>,
    ) -> Self {
        let server = format!("{:016x}", fastrand::u64(..));
        Self { target, server, desk, listener, hears }
    }

    /// Tells and listens for ever.
    pub(super) async fn keep(self) {
        let mut pause = RECONNECT_PAUSE_MIN;
        let mut silent_until: Option<Instant> = None;
        loop {
            let Err(lost) = self.tell_and_hear().await;
            if self.hears.send_if_modified(std::mem::take) {
                pause = RECONNECT_PAUSE_MIN;
            }
            let now = Instant::now();
            if silent_until.is_none_or(|until| until <= now) {
                silent_until = Some(now + FAILURE_LOG_INTERVAL);
                tracing::warn!(
                    %lost,
                    "other servers cannot be heard: messages for workers there, or from there, wait for a sweep; \
                     where the database has no LISTEN, set storage.postgres.notify = false"
                );
            }
            sleep(super::around(pause)).await;
            pause = RECONNECT_PAUSE_MAX.min(2 * pause);
        }
    }

    /// Holds one connection until it is lost.
    async fn tell_and_hear(&self) -> Result<Infallible, Lost> {
        let (client, connection) = self.target.connect(APPLICATION_NAME).await.map_err(Lost::NotMade)?;
        // Statements get their answers while it is listened.
        tokio::select! {
            lost = self.tell(client) => lost,
            lost = self.hear(connection) => Err(lost),
        }
    }

    async fn tell(&self, client: Client) -> Result<Infallible, Lost> {
        in_time(client.batch_execute(LISTEN)).await?;
        let statement = in_time(client.prepare(TELL)).await?;
        tracing::info!("listening to the other servers over this database");
        // Whatever was told before is missed.
        self.hears.send_replace(true);
        loop {
            let news = self.desk.take();
            // Without news it is a sign of life.
            in_time(client.execute(&statement, &[&news.lines(&self.server)])).await?;
            news.told();
            let _ = timeout(PROBE_INTERVAL, self.desk.changed()).await;
        }
    }

    async fn hear(&self, mut connection: Connection) -> Lost {
        loop {
            match poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notification(line))) => match news::heard(line.payload(), &self.server) {
                    Some(News::In(mailboxes)) => mailboxes.iter().for_each(|mailbox| self.listener.parked(mailbox)),
                    Some(News::Anywhere) => self.listener.look_again(),
                    None => {}
                },
                // Notices are for people.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Lost::Said(error),
                None => return Lost::Closed,
            }
        }
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Lost> {
    timeout(ANSWER_MAX, answer).await.map_err(|_| Lost::Late)?.map_err(Lost::from)
}
