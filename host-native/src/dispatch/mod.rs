//! Dispatch: messages that have been committed leave for workers and listeners at once. Each address leads to one transport; what becomes of a
//! message is reported to the machine, which decides whether and when it leaves again.

pub mod poll;
pub mod push;
mod reports;

use std::sync::Arc;

use resonate_core::address::{Mailbox, Route};
use resonate_core::message::Delivery;
use tokio::sync::mpsc;

use crate::engine::{Engine, Pull, Transports};
use crate::metrics::{Metrics, Went};
use poll::Poll;
use push::Push;
pub use reports::{Outcome, Report, Reports};

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
    voice: Voice,
}

/// What transports say to the engine, on its way.
#[derive(Debug)]
pub struct Mail {
    reports: mpsc::UnboundedReceiver<Report>,
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
        let dispatch = Self { poll, push, voice };
        // What waited while push was off.
        dispatch.pull_pushed();
        dispatch
    }

    fn pull_pushed(&self) {
        if self.push.is_some() {
            let pull = Pull { mailbox: Mailbox::push(), prefix: None, room: limits::PUSH_PULL_MAX };
            // An error means that the server stops.
            let _ = self.voice.pulls.send(pull);
        }
    }
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
            self.voice.reports.report(&delivery, Outcome::Unclaimed);
        }
    }

    fn parked(&self, mailbox: &Mailbox) {
        if *mailbox == Mailbox::push() {
            self.pull_pushed();
        } else if let Some(poll) = &self.poll {
            poll.ask_for(mailbox);
        }
    }

    fn left_behind(&self, mailbox: &Mailbox) {
        self.parked(mailbox);
    }

    fn look_again(&self) {
        self.pull_pushed();
        if let Some(poll) = &self.poll {
            poll.ask_for_all();
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
                let reports = group.into_iter().map(|report| report.request).collect();
                until_taken(reports, |reports| engine.report(reports)).await;
            }
        };
        let pulling = async {
            while let Some(pull) = pulls.recv().await {
                until_taken(pull, |pull| engine.pull(pull)).await;
            }
        };
        tokio::join!(reporting, pulling);
    }
}

/// Offers something to the engine, again after a pause each time that there is no room for it.
async fn until_taken<T>(mut offered: T, offer: impl Fn(T) -> Result<(), T>) {
    while let Err(back) = offer(offered) {
        tokio::time::sleep(limits::ENGINE_BUSY_PAUSE).await;
        offered = back;
    }
}

fn count(metrics: &Metrics, reports: &[Report]) {
    for report in reports {
        let status = match report.outcome {
            Outcome::Delivered => "delivered",
            Outcome::Failed => "failed",
            Outcome::Unclaimed => continue,
        };
        metrics.deliveries.get_or_create(&Went { status }).inc();
    }
}
