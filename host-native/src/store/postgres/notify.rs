//! What servers over one database tell each other: in which mailboxes messages wait, since the worker that they are for may hang on another server.
//! It owns who is told what and when somebody looks without being told. That costs time alone: where nothing is heard, the sweep of [`limits`] is
//! the net. What is in the messages, and who may take them, it does not know.

mod link;
mod news;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use resonate_core::address::Mailbox;
use resonate_core::message::Delivery;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::url::Target;
use crate::engine::Transports;
use link::Link;
use news::Desk;

/// Bounds of what servers tell each other.
pub mod limits {
    use std::time::Duration;

    /// Time between two looks for messages that nobody has told of, while news arrive.
    pub const LOOK_INTERVAL: Duration = Duration::from_secs(10);
    /// The same while none can arrive.
    pub const UNTOLD_LOOK_INTERVAL: Duration = Duration::from_secs(1);
    /// Mailboxes that wait to be told of; with more, the others are told to look everywhere.
    pub const MAILBOXES_WAITING_MAX: usize = 1024;
    /// Bytes of one notification; Postgres takes less than 8000.
    pub const NOTIFICATION_BYTES_MAX: usize = 7900;
    /// Silence after which the connection is tried.
    pub const PROBE_INTERVAL: Duration = Duration::from_secs(10);
    /// Longest wait for an answer of the database; then the connection is given up.
    pub const ANSWER_MAX: Duration = Duration::from_secs(5);
    /// First pause before a lost connection is made anew; each next one is twice as long.
    pub const RECONNECT_PAUSE_MIN: Duration = Duration::from_millis(100);
    /// Longest pause before a lost connection is made anew.
    pub const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(5);
}

/// Tells the other servers.
#[derive(Clone, Debug)]
pub struct Announcer(Arc<Desk>);

impl Announcer {
    /// Tells that messages wait in a mailbox. It never waits, and nobody promises that it is heard.
    pub fn announce(&self, mailbox: &Mailbox) {
        self.0.put(mailbox);
    }
}

/// The transports of one of several servers over one database: what is parked here is told to the others, and what they tell is looked for.
#[derive(Debug)]
pub struct Shared {
    own: Arc<dyn Transports>,
    announcer: Option<Announcer>,
    /// They end with this.
    _tasks: JoinSet<()>,
}

impl Shared {
    /// Starts to tell and to listen over `notify`; without it, everything is looked for in short intervals. Must be called inside a tokio runtime.
    #[must_use]
    pub fn start(own: Arc<dyn Transports>, notify: Option<Arc<Target>>) -> Self {
        let (hears, hearing) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let announcer = notify.map(|target| {
            let desk = Arc::new(Desk::default());
            let link = Link::new(target, Arc::clone(&desk), Arc::clone(&own), hears);
            tasks.spawn(link.keep());
            Announcer(desk)
        });
        tasks.spawn(look_in_intervals(Arc::clone(&own), hearing));
        Self { own, announcer, _tasks: tasks }
    }
}

impl Transports for Shared {
    fn deliver(&self, delivery: Delivery) {
        self.own.deliver(delivery);
    }

    fn parked(&self, mailbox: &Mailbox) {
        self.own.parked(mailbox);
        if let Some(announcer) = &self.announcer {
            announcer.announce(mailbox);
        }
    }

    fn left_behind(&self, mailbox: &Mailbox) {
        self.own.left_behind(mailbox);
    }

    fn look_again(&self) {
        self.own.look_again();
    }
}

/// Looks for what nobody has told of: in intervals, and at once when news begin to arrive or cease to, since some may have been missed.
async fn look_in_intervals(own: Arc<dyn Transports>, mut hearing: watch::Receiver<bool>) {
    loop {
        let interval = if *hearing.borrow_and_update() { limits::LOOK_INTERVAL } else { limits::UNTOLD_LOOK_INTERVAL };
        match timeout(around(interval), hearing.changed()).await {
            Ok(Ok(())) | Err(_) => {}
            // Nobody listens, and nobody ever will.
            Ok(Err(_)) => tokio::time::sleep(around(interval)).await,
        }
        own.look_again();
    }
}

/// A pause of about this length: servers that were started together must not keep in step.
fn around(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + 0.5 * fastrand::f64())
}
