//! Dispatch: messages that have been committed leave for workers and listeners at once. Each address leads to one transport; what becomes of a
//! message is reported to the machine, which decides whether and when it leaves again.

pub mod poll;
pub mod push;
mod reports;

use std::sync::Arc;

use resonate_core::address::{Mailbox, Route};
use resonate_core::message::Delivery;
use resonate_core::request::Request;
use tokio::sync::mpsc;

use crate::engine::{Engine, Pull, Transports};
use crate::metrics::{Metrics, Went};
use poll::Poll;
use push::Push;
pub use reports::{Outcome, Reports};

/// Bounds of dispatch.
pub mod limits {
    use std::time::Duration;

    /// How long a report waits for others. A claim is much longer.
    pub const REPORT_DELAY: Duration = Duration::from_millis(20);
    /// Reports that are one entry of the engine's queue.
    pub const REPORTS_PER_JOB_MAX: usize = 256;
    /// Pause before what found no room in the engine's queue is offered again.
    pub const ENGINE_BUSY_PAUSE: Duration = Duration::from_millis(10);
    /// Messages for push targets that are taken at once, when there are some that waited for the transport to be switched on.
    pub const PUSH_PULL_MAX: usize = 128;
}

/// The transports of a server.
#[derive(Debug)]
pub struct Dispatch {
    poll: Option<Arc<Poll>>,
    push: Option<Push>,
    reports: Reports,
    pulls: mpsc::UnboundedSender<Pull>,
}

/// What transports say to the engine, on its way.
#[derive(Debug)]
pub struct Mail {
    reports: mpsc::UnboundedReceiver<Request>,
    pulls: mpsc::UnboundedReceiver<Pull>,
}

/// Where transports speak to the engine.
#[derive(Clone, Debug)]
pub struct Voice {
    /// What became of messages.
    pub reports: Reports,
    /// Who can take messages.
    pub pulls: mpsc::UnboundedSender<Pull>,
}

impl Voice {
    /// A voice, and what it says.
    #[must_use]
    pub fn new() -> (Self, Mail) {
        let (reports, reported) = Reports::new();
        let (pulls, pulled) = mpsc::unbounded_channel();
        (Self { reports, pulls }, Mail { reports: reported, pulls: pulled })
    }
}

impl Dispatch {
    /// The transports that are switched on.
    #[must_use]
    pub fn new(poll: Option<Arc<Poll>>, push: Option<Push>, voice: Voice) -> Self {
        let Voice { reports, pulls } = voice;
        if push.is_some() {
            // What waited while push was off.
            pull_pushed(&pulls);
        }
        Self { poll, push, reports, pulls }
    }
}

fn pull_pushed(pulls: &mpsc::UnboundedSender<Pull>) {
    // An error means that the server stops.
    let _ = pulls.send(Pull { mailbox: Mailbox::push(), prefix: None, room: limits::PUSH_PULL_MAX });
}

impl Transports for Dispatch {
    fn deliver(&self, delivery: Delivery) {
        let left = match (delivery.address.route(), &self.poll, &self.push) {
            (Route::Push, _, Some(push)) => {
                push.deliver(delivery);
                None
            }
            (route @ (Route::Any { .. } | Route::Uni { .. }), Some(poll), _) => poll.offer(&route, delivery),
            // A transport that is switched off: messages wait.
            (Route::Push, _, None) | (Route::Any { .. } | Route::Uni { .. }, None, _) => Some(delivery),
        };
        if let Some(delivery) = left {
            self.reports.report(&delivery, Outcome::Unclaimed);
        }
    }

    fn parked(&self, mailbox: &Mailbox) {
        if *mailbox == Mailbox::push() {
            if self.push.is_some() {
                pull_pushed(&self.pulls);
            }
        } else if let Some(poll) = &self.poll {
            poll.parked(mailbox);
        }
    }
}

impl Mail {
    /// Carries everything to the engine until nobody speaks any more.
    pub async fn carry(self, engine: Engine, metrics: Arc<Metrics>) {
        let Self { mut reports, mut pulls } = self;
        let reporting = async {
            while let Some(group) = reports::next_group(&mut reports).await {
                count(&metrics, &group);
                let mut left = engine.report(group);
                while let Err(group) = left {
                    tokio::time::sleep(limits::ENGINE_BUSY_PAUSE).await;
                    left = engine.report(group);
                }
            }
        };
        let pulling = async {
            while let Some(pull) = pulls.recv().await {
                let mut left = engine.pull(pull);
                while let Err(pull) = left {
                    tokio::time::sleep(limits::ENGINE_BUSY_PAUSE).await;
                    left = engine.pull(pull);
                }
            }
        };
        tokio::join!(reporting, pulling);
    }
}

fn count(metrics: &Metrics, reports: &[Request]) {
    for report in reports {
        let status = match report {
            Request::MessageDelivered { .. } => "delivered",
            Request::MessageFailed { .. } => "failed",
            _ => continue,
        };
        metrics.deliveries.get_or_create(&Went { status }).inc();
    }
}
